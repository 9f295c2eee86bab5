package mastodon

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Answers as https://docs.joinmastodon.org/methods/statuses/#create and
// https://docs.joinmastodon.org/entities/Error/ show them, and what proxies put in front.
var refusals = map[string]struct {
	status int
	body   string
	class  channels.Class
	code   string
}{
	"bad token":     {401, `{"error":"The access token is invalid"}`, channels.Auth, "401"},
	"wrong scope":   {403, `{"error":"This action is outside the authorized scopes"}`, channels.Auth, "403"},
	"blank":         {422, `{"error":"Validation failed: Text can't be blank"}`, channels.Rejected, "422"},
	"too long":      {422, `{"error":"Validation failed: Text character limit of 500 exceeded"}`, channels.Rejected, "422 too_long"},
	"quoted":        {422, `{"error":"Not allowed: Card payments are down."}`, channels.Rejected, "422"},
	"no such thing": {404, `{"error":"Record not found"}`, channels.Rejected, "404"},
	"gone":          {410, `{}`, channels.Rejected, "410"},
	"too fast":      {429, `{"error":"Too many requests"}`, channels.RateLimited, "429"},
	"broken":        {500, `<html>We're sorry, but something went wrong.</html>`, channels.Unknown, "500"},
	"bad gateway":   {502, ``, channels.Unknown, "502"},
	"out of order":  {503, `{"error":"There was a temporary problem serving your request, please try again"}`, channels.Unavailable, "503"},
	"gateway time":  {504, ``, channels.Unknown, "504"},
	"moved":         {301, ``, channels.Unavailable, "301"},
	"no JSON":       {200, `<html>`, channels.Unknown, "200 unreadable"},
	"no id":         {200, `{}`, channels.Unknown, "200 unreadable"},
	"number as id":  {200, `{"id":1}`, channels.Unknown, "200 unreadable"},
}

func TestRefusals(t *testing.T) {
	for name, c := range refusals {
		_, err := readAck(channels.Answer{Status: c.status, Body: []byte(c.body)})
		e := channels.AsError(err)
		if err == nil || e.Class != c.class || e.Code != c.code {
			t.Errorf("%s: %v, want %v (%s)", name, err, c.class, c.code)
			continue
		}
		if strings.Contains(e.Error(), "Card payments") {
			t.Errorf("%q quotes the post", e)
		}
	}
}

func TestRateLimitReset(t *testing.T) {
	const date = "Sun, 22 Nov 2026 10:00:00 GMT"
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"reset":                {map[string]string{"Date": date, "X-RateLimit-Reset": "2026-11-22T10:05:00.595245Z"}, 300*time.Second + 595245*time.Microsecond},
		"reset with a zone":    {map[string]string{"Date": date, "X-RateLimit-Reset": "2026-11-22T12:00:10+02:00"}, 10 * time.Second},
		"reset that is past":   {map[string]string{"Date": date, "X-RateLimit-Reset": "2026-11-22T09:00:00Z"}, 0},
		"Retry-After":          {map[string]string{"Date": date, "X-RateLimit-Reset": "2026-11-22T10:05:00Z", "Retry-After": "7"}, 7 * time.Second},
		"nothing":              {nil, 0},
		"a reset that is none": {map[string]string{"Date": date, "X-RateLimit-Reset": "1700000000"}, 0},
	} {
		header := http.Header{}
		for name, value := range c.header {
			header.Set(name, value)
		}
		_, err := readAck(channels.Answer{Status: 429, Header: header})
		if e := channels.AsError(err); e.Class != channels.RateLimited || e.RetryAfter != c.want {
			t.Errorf("%s: %v after %v, want %v", name, err, e.RetryAfter, c.want)
		}
	}
}

func FuzzReadAck(f *testing.F) {
	for _, c := range refusals {
		f.Add(c.status, "2026-11-22T10:05:00Z", []byte(c.body))
	}
	f.Add(200, "", []byte(`{"id":"103254962155278888"}`))
	f.Fuzz(func(t *testing.T, status int, reset string, body []byte) {
		header := http.Header{"X-Ratelimit-Reset": {reset}}
		ack, err := readAck(channels.Answer{Status: status, Header: header, Body: body})
		if err == nil {
			if ack.ID == "" || ack.Proof != channels.Delivered {
				t.Errorf("Ack = %+v", ack)
			}
			return
		}
		if e, ok := err.(*channels.Error); !ok || e.Code == "" || e.RetryAfter < 0 || e.Class > channels.Unavailable {
			t.Errorf("error %#v", err)
		}
	})
}
