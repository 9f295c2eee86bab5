package bluesky

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Answers as https://atproto.com/specs/xrpc and the lexicons show them, and what proxies put in front.
var refusals = map[string]struct {
	status int
	body   string
	class  channels.Class
	code   string
}{
	"expired":         {400, `{"error":"ExpiredToken","message":"Token has expired"}`, channels.Auth, "400 ExpiredToken"},
	"revoked":         {400, `{"error":"InvalidToken","message":"Token has been revoked"}`, channels.Auth, "400 InvalidToken"},
	"wrong password":  {401, `{"error":"AuthenticationRequired","message":"Invalid identifier or password"}`, channels.Auth, "401 AuthenticationRequired"},
	"second factor":   {401, `{"error":"AuthFactorTokenRequired","message":"A sign in code has been sent"}`, channels.Auth, "401 AuthFactorTokenRequired"},
	"taken down":      {400, `{"error":"AccountTakedown","message":"Account has been taken down"}`, channels.Auth, "400 AccountTakedown"},
	"suspended":       {400, `{"error":"RepoSuspended"}`, channels.Auth, "400 RepoSuspended"},
	"invalid record":  {400, `{"error":"InvalidRequest","message":"Invalid app.bsky.feed.post record: Card payments"}`, channels.Rejected, "400 InvalidRequest"},
	"too large":       {413, `{"error":"PayloadTooLarge"}`, channels.Rejected, "413 PayloadTooLarge"},
	"too fast":        {429, `{"error":"RateLimitExceeded","message":"Rate Limit Exceeded"}`, channels.RateLimited, "429 RateLimitExceeded"},
	"broken":          {500, `{"error":"InternalServerError","message":"Internal Server Error"}`, channels.Unknown, "500 InternalServerError"},
	"no server of it": {501, `{"error":"MethodNotImplemented"}`, channels.Auth, "501 MethodNotImplemented"},
	"bad gateway":     {502, `{"error":"UpstreamFailure"}`, channels.Unknown, "502 UpstreamFailure"},
	"overloaded":      {503, `{"error":"NotEnoughResources"}`, channels.Unavailable, "503 NotEnoughResources"},
	"slow":            {504, `<html>`, channels.Unknown, "504"},
	"an odd name":     {400, `{"error":"Card payments are down"}`, channels.Rejected, "400"},
	"no JSON":         {200, `<html>`, channels.Unknown, "200 unreadable"},
}

func TestRefusals(t *testing.T) {
	for what, c := range refusals {
		h := http.Header{"Date": {"Sun, 22 Nov 2026 10:00:00 GMT"}, "Ratelimit-Reset": {"1795341605"}}
		e := refusal(channels.Answer{Status: c.status, Header: h, Body: []byte(c.body)})
		if e.Class != c.class || e.Code != c.code || strings.Contains(e.Error(), "Card") {
			t.Errorf("%s: %v, want %v (%s)", what, e, c.class, c.code)
		}
		if limited := e.Class == channels.RateLimited; limited != (e.RetryAfter == 5*time.Second) {
			t.Errorf("%s: to be tried again after %v", what, e.RetryAfter)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	for _, c := range refusals {
		f.Add(c.status, []byte(c.body), "1795341605")
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, reset string) {
		e := refusal(channels.Answer{Status: status, Header: http.Header{"Ratelimit-Reset": {reset}}, Body: body})
		if e.Code == "" || len(e.Code) > 80 || e.RetryAfter < 0 || e.Class > channels.Unavailable {
			t.Errorf("error %#v", e)
		}
	})
}
