package sim

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStand(t *testing.T, s sandbox.Simulator, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "gateway", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, s.HTTP(d)
}

const posted = `{"messages":[{"to":"37369000100","sender":"Bank","text":"Cards are down","reference":"r","ttl":3600}]}`

func TestModern(t *testing.T) {
	for name, tt := range map[string]struct {
		body, token string
		status      int
		says        string
	}{
		"taken":          {posted, Token, 201, `"status":"queued"`},
		"refused":        {strings.Replace(posted, "0100", "0109", 1), Token, 201, `"status":"unknown_number"`},
		"another token":  {posted, "x", 401, "unauthorized"},
		"unknown field":  {strings.Replace(posted, `"to"`, `"x":1,"to"`, 1), Token, 400, "bad request"},
		"two messages":   {strings.Replace(posted, "[", `[{"to":"1","sender":"B","text":"t","ttl":1},`, 1), Token, 400, "bad request"},
		"number or text": {strings.Replace(posted, "3600", `"3600"`, 1), Token, 400, "bad request"},
		"too long a ttl": {strings.Replace(posted, "3600", `86401`, 1), Token, 400, "bad request"},
		"a plus":         {strings.Replace(posted, "373", `+373`, 1), Token, 400, "bad request"},
	} {
		d, h := newStand(t, Simulator(), sandbox.Conduct{ByDigit: true})
		r := httptest.NewRequest(http.MethodPost, "/v1/messages", strings.NewReader(tt.body))
		r.Header.Set("Authorization", "Bearer "+tt.token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, tt.status, tt.says)
		}
		if n := d.Total().Accepted; (n == 1) != (name == "taken") {
			t.Errorf("%s: %d accepted", name, n)
		}
	}
}

func TestPlain(t *testing.T) {
	good := url.Values{"user": {User}, "pass": {Pass}, "dst": {"+37369000100"}, "msg": {"Cards are down"}, "type": {"0"}, "valid": {"60"}}
	for name, tt := range map[string]struct {
		change func(url.Values)
		says   string
	}{
		"taken":          {func(url.Values) {}, "OK 10001"},
		"refused":        {func(q url.Values) { q.Set("dst", "+37369000109") }, errNumber},
		"wrong password": {func(q url.Values) { q.Set("pass", "x") }, errCredentials},
		"unknown":        {func(q url.Values) { q.Set("text", "x") }, errParameters},
		"twice":          {func(q url.Values) { q.Add("dst", "+1") }, errParameters},
		"no text":        {func(q url.Values) { q.Del("msg") }, errParameters},
		"no plus":        {func(q url.Values) { q.Set("dst", "373") }, errParameters},
		"another type":   {func(q url.Values) { q.Set("type", "2") }, errParameters},
		"validity":       {func(q url.Values) { q.Set("valid", "2881") }, errParameters},
	} {
		d, h := newStand(t, Plain(), sandbox.Conduct{ByDigit: true})
		query, err := url.ParseQuery(good.Encode())
		if err != nil {
			t.Fatal(err)
		}
		tt.change(query)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/send?"+query.Encode(), nil))
		if w.Code != http.StatusOK || w.Body.String() != tt.says+"\n" {
			t.Errorf("%s: %d %s, want %s", name, w.Code, w.Body, tt.says)
		}
		if n := d.Total().Accepted; (n == 1) != (name == "taken") {
			t.Errorf("%s: %d accepted", name, n)
		}
	}
}
