package x

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Answers as https://docs.x.com/x-api/fundamentals/response-codes-and-errors shows them, and what proxies
// put in front.
var refusals = map[string]struct {
	status int
	body   string
	class  channels.Class
	code   string
}{
	"bad token":    {401, `{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}`, channels.Auth, "401"},
	"credits":      {402, `{"title":"CreditsDepleted","type":"https://api.twitter.com/2/problems/credits","detail":"x"}`, channels.Auth, "402 credits"},
	"read only":    {403, `{"type":"https://api.twitter.com/2/problems/oauth1-permissions","detail":"Your client app is not configured"}`, channels.Auth, "403 oauth1-permissions"},
	"not enrolled": {403, `{"type":"https://api.twitter.com/2/problems/client-forbidden"}`, channels.Auth, "403 client-forbidden"},
	"not allowed":  {403, `{"type":"about:blank","detail":"You are not permitted to perform this action."}`, channels.Auth, "403"},
	"duplicate":    {403, duplicateAnswer, channels.Rejected, "403 duplicate"},
	"too long":     {400, `{"type":"about:blank","detail":"Your Tweet text is too long."}`, channels.Rejected, "400 too_long"},
	"invalid":      {400, `{"type":"https://api.twitter.com/2/problems/invalid-request","detail":"Card payments"}`, channels.Rejected, "400 invalid-request"},
	"too fast":     {429, `{"title":"Too Many Requests","type":"about:blank","status":429}`, channels.RateLimited, "429"},
	"capped":       {429, `{"type":"https://api.twitter.com/2/problems/usage-capped"}`, channels.RateLimited, "429 usage-capped"},
	"broken":       {500, `{"title":"Internal Server Error"}`, channels.Unknown, "500"},
	"bad gateway":  {502, `<html>`, channels.Unknown, "502"},
	"out of order": {503, `{"title":"Service Unavailable","detail":"Service Unavailable"}`, channels.Unavailable, "503"},
	"gateway time": {504, ``, channels.Unknown, "504"},
	"no JSON":      {201, `<html>`, channels.Unknown, "201 unreadable"},
	"no id":        {201, `{"data":{}}`, channels.Unknown, "201 unreadable"},
	"an odd id":    {201, `{"data":{"id":"a/b"}}`, channels.Unknown, "201 unreadable"},
	"not there":    {200, `{"errors":[{"title":"Not Found Error"}]}`, channels.Rejected, "not_found"},
	"an odd type":  {400, `{"type":"https://a/Card payments are down"}`, channels.Rejected, "400"},
}

func TestRefusals(t *testing.T) {
	for what, c := range refusals {
		h := http.Header{"Date": {"Sun, 22 Nov 2026 10:00:00 GMT"}, "X-Rate-Limit-Reset": {"1795341605"}}
		_, err := readAck(channels.Answer{Status: c.status, Header: h, Body: []byte(c.body)})
		e := channels.AsError(err)
		if err == nil || e.Class != c.class || e.Code != c.code || strings.Contains(e.Error(), "Card") {
			t.Errorf("%s: %v, want %v (%s)", what, err, c.class, c.code)
		}
		if limited := e.Class == channels.RateLimited; limited != (e.RetryAfter == 5*time.Second) {
			t.Errorf("%s: to be tried again after %v", what, e.RetryAfter)
		}
	}
}

// TestDaysLimit: an account that has posted as much as a day allows waits for the next one.
func TestDaysLimit(t *testing.T) {
	h := http.Header{
		"Date": {"Sun, 22 Nov 2026 10:00:00 GMT"}, "X-Rate-Limit-Reset": {"1795341605"},
		"X-User-Limit-24hour-Remaining": {"0"}, "X-User-Limit-24hour-Reset": {"1795345200"},
	}
	if e := refusal(channels.Answer{Status: 429, Header: h}); e.RetryAfter != time.Hour {
		t.Errorf("to be tried again after %v, want an hour", e.RetryAfter)
	}
}

func FuzzReadAck(f *testing.F) {
	for _, c := range refusals {
		f.Add(c.status, []byte(c.body), "1795341605")
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, reset string) {
		a := channels.Answer{Status: status, Header: http.Header{"X-Rate-Limit-Reset": {reset}}, Body: body}
		ack, err := readAck(a)
		if _, ok := err.(*channels.Error); err != nil && !ok || err == nil && ack.ID == "" {
			t.Errorf("%+v, %v", ack, err)
		}
		if e := refusal(a); e.Code == "" || e.RetryAfter < 0 || e.Class > channels.Unavailable {
			t.Errorf("error %#v", e)
		}
		if p, err := readPage(a); err == nil {
			for _, one := range p.Data {
				_ = one.written()
			}
		}
	})
}
