package vk

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

// Answers as https://dev.vk.com/ru/reference/errors shows them, and what proxies put in front.
var refusals = map[string]struct {
	status int
	body   string
	class  channels.Class
	code   string
}{
	"unknown error":   {200, `{"error":{"error_code":1,"error_msg":"Unknown error occurred"}}`, channels.Unknown, "1"},
	"bad key":         {200, `{"error":{"error_code":5,"error_msg":"User authorization failed: invalid access_token (4).","request_params":[{"key":"message","value":"Card payments"}]}}`, channels.Auth, "5"},
	"too fast":        {200, `{"error":{"error_code":6,"error_msg":"Too many requests per second"}}`, channels.RateLimited, "6"},
	"no right":        {200, `{"error":{"error_code":7}}`, channels.Auth, "7"},
	"flood":           {200, `{"error":{"error_code":9,"error_msg":"Flood control"}}`, channels.RateLimited, "9"},
	"inside":          {200, `{"error":{"error_code":10,"error_msg":"Internal server error"}}`, channels.Unknown, "10"},
	"too long inside": {200, `{"error":{"error_code":36,"error_msg":"Method execution was interrupted due to timeout"}}`, channels.Unknown, "36"},
	"for a while":     {200, `{"error":{"error_code":43,"error_msg":"This section is temporary unavailable"}}`, channels.Unavailable, "43"},
	"captcha":         {200, `{"error":{"error_code":14,"captcha_sid":"1"}}`, channels.Auth, "14"},
	"a day's":         {200, `{"error":{"error_code":29,"error_msg":"Rate limit reached"}}`, channels.RateLimited, "29"},
	"parameter":       {200, `{"error":{"error_code":100,"error_msg":"Card payments"}}`, channels.Rejected, "100"},
	"not allowed":     {200, `{"error":{"error_code":214,"error_msg":"Access to adding post denied"}}`, channels.Auth, "214"},
	"50 a day":        {200, `{"error":{"error_code":214,"error_msg":"Access to adding post denied: you can only add 50 posts a day"}}`, channels.RateLimited, "214"},
	"links":           {200, `{"error":{"error_code":222}}`, channels.Rejected, "222"},
	"something new":   {200, `{"error":{"error_code":9999}}`, channels.Rejected, "9999"},
	"error and more":  {200, `{"response":{"post_id":1},"error":{"error_code":5}}`, channels.Auth, "5"},
	"broken":          {500, ``, channels.Unknown, "500"},
	"out of order":    {503, `<html>`, channels.Unavailable, "503"},
	"gateway":         {502, `<html>`, channels.Unknown, "502"},
	"no JSON":         {200, `<html>`, channels.Unknown, "200 unreadable"},
	"no id":           {200, `{"response":{}}`, channels.Unknown, "200 unreadable"},
}

func TestRefusals(t *testing.T) {
	for what, c := range refusals {
		_, err := readAck(channels.Answer{Status: c.status, Body: []byte(c.body)}, "1")
		e := channels.AsError(err)
		if err == nil || e.Class != c.class || e.Code != c.code || strings.Contains(e.Error(), "Card") {
			t.Errorf("%s: %v, want %v (%s)", what, err, c.class, c.code)
		}
	}
}

func FuzzReadAck(f *testing.F) {
	for _, c := range refusals {
		f.Add(c.status, []byte(c.body))
	}
	f.Add(200, []byte(`{"response":{"post_id":42}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		ack, err := readAck(channels.Answer{Status: status, Body: body}, "1")
		if err == nil {
			if !strings.HasPrefix(ack.ID, "-1_") {
				t.Errorf("Ack = %+v", ack)
			}
			return
		}
		if e, ok := err.(*channels.Error); !ok || e.Code == "" || e.Class > channels.Unavailable {
			t.Errorf("error %#v", err)
		}
	})
}
