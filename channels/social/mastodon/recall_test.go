package mastodon

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func recall(s channels.Sender, m channels.Sent) error {
	return s.(channels.Recaller).Recall(context.Background(), m)
}

func TestRecallRequest(t *testing.T) {
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got := r.Method + " " + r.RequestURI + " " + string(body); got != "DELETE /api/v1/statuses/103254193998341330 " {
			t.Errorf("request %q", got)
		}
		if r.Header.Get("Authorization") != "Bearer token-ru" || r.Header.Get("User-Agent") != "tocsin/1" || r.Header.Get("Content-Type") != "" {
			t.Errorf("header %v", r.Header)
		}
		_, _ = io.WriteString(w, `{"id":"103254193998341330","text":"test"}`)
	})
	if err := recall(s, channels.Sent{Ref: "a-1", Address: "bank_ru@social.example", ProviderID: "103254193998341330"}); err != nil {
		t.Error(err)
	}
}

// answer is a status and a body.
type answer struct {
	status int
	body   string
}

// TestRecallAnswers has what https://docs.joinmastodon.org/methods/statuses/#delete answers, what other
// servers of its API do, and proxies in front. What isn't found must be looked for, as the account itself.
func TestRecallAnswers(t *testing.T) {
	absent, html := answer{404, `{"error":"Record not found"}`}, answer{404, `<html>404 Not Found</html>`}
	ours, post := answer{200, `{"id":"14715","username":"Bank_RO"}`}, answer{200, `{"id":"1"}`}
	for name, tt := range map[string]struct {
		deleted, account, found answer
		class                   channels.Class
		code                    string // "" where the post is gone
	}{
		"deleted":               {deleted: answer{200, `{"id":"1","text":"a"}`}},
		"gone":                  {deleted: absent, account: ours, found: absent},
		"gone from GoToSocial":  {deleted: answer{404, `{"error":"Not Found"}`}, account: ours, found: answer{404, `{"error":"Not Found"}`}},
		"another's":             {absent, ours, post, channels.Rejected, "404 not_ours"},
		"another's token":       {absent, answer{200, `{"id":"7","username":"bank"}`}, absent, channels.Rejected, "404 not_ours"},
		"no account":            {absent, answer{200, `{"id":"7"}`}, absent, channels.Rejected, "404 not_ours"},
		"another server":        {absent, absent, absent, channels.Rejected, "404"},
		"token is over":         {absent, answer{401, `{"error":"The access token is invalid"}`}, absent, channels.Auth, "401"},
		"may not ask who":       {absent, answer{403, `{"error":"This action is outside the authorized scopes"}`}, absent, channels.Rejected, "404 unseen"},
		"may not look":          {absent, ours, answer{403, `{"error":"This action is outside the authorized scopes"}`}, channels.Rejected, "404 unseen"},
		"a proxy's 404":         {html, ours, absent, channels.Rejected, "404"},
		"a proxy's 404 in JSON": {answer{404, `{}`}, ours, absent, channels.Rejected, "404"},
		"a proxy's 404 later":   {absent, ours, html, channels.Rejected, "404"},
		"out of order later":    {absent, ours, answer{503, ``}, channels.Unavailable, "503"},
		"bad token":             {answer{401, `{"error":"The access token is invalid"}`}, ours, absent, channels.Auth, "401"},
		"wrong scope":           {answer{403, `{"error":"This action is outside the authorized scopes"}`}, ours, absent, channels.Auth, "403"},
		"too fast":              {answer{429, `{"error":"Too many requests"}`}, ours, absent, channels.RateLimited, "429"},
		"broken":                {answer{500, ``}, ours, absent, channels.Unknown, "500"},
		"out of order":          {answer{503, ``}, ours, absent, channels.Unavailable, "503"},
		"no JSON":               {answer{200, `<html>`}, ours, absent, channels.Unknown, "200 unreadable"},
		"another post":          {answer{200, `{"id":"2"}`}, ours, absent, channels.Unknown, "200 unreadable"},
	} {
		answers := map[string]answer{
			"DELETE /api/v1/statuses/1": tt.deleted, "GET /api/v1/accounts/verify_credentials": tt.account, "GET /api/v1/statuses/1": tt.found,
		}
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			a, known := answers[r.Method+" "+r.RequestURI]
			if !known || r.Header.Get("Authorization") != "Bearer token-ro" {
				t.Errorf("%s: %s %s with %v", name, r.Method, r.RequestURI, r.Header)
			}
			w.WriteHeader(a.status)
			_, _ = io.WriteString(w, a.body)
		})
		err := recall(s, channels.Sent{Ref: "a-1", Address: "@bank_ro", ProviderID: "1"})
		if tt.code == "" {
			if err != nil {
				t.Errorf("%s: %v, want it gone", name, err)
			}
			continue
		}
		if e := channels.AsError(err); err == nil || e.Class != tt.class || e.Code != tt.code {
			t.Errorf("%s: %v, want %v (%s)", name, err, tt.class, tt.code)
		}
	}
}

// TestRecallLimit has the limit on deletions, which lasts half an hour.
func TestRecallLimit(t *testing.T) {
	s := newTestSender(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Sun, 22 Nov 2026 10:00:00 GMT")
		w.Header().Set("X-RateLimit-Limit", "30")
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", "2026-11-22T10:29:00.000000Z")
		w.WriteHeader(429)
	})
	err := recall(s, channels.Sent{Address: "bank_ro", ProviderID: "1"})
	if e := channels.AsError(err); e.Class != channels.RateLimited || e.RetryAfter != 29*time.Minute {
		t.Errorf("%v after %v, want 29 minutes", err, e.RetryAfter)
	}
}

func TestRecallsThatMakeNoSense(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for m, want := range map[channels.Sent]string{
		{Address: "bank_ro", ProviderID: "../1"}:                   "no_post",
		{Address: "bank_ro", ProviderID: "1?x=y"}:                  "no_post",
		{Address: "bank_ro", ProviderID: ""}:                       "no_post",
		{Address: "bank_ro", ProviderID: strings.Repeat("1", 100)}: "no_post",
		{Address: "other", ProviderID: "1"}:                        "no_such_account",
	} {
		err := recall(s, m)
		if e := channels.AsError(err); err == nil || e.Code != want || e.Class != channels.Rejected && e.Class != channels.InvalidAddress {
			t.Errorf("%+v: %v, want %s", m, err, want)
		}
	}
}
