package sim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/web/inapp/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// withNotice is a simulator that took one notice, with ref r, and how to ask it.
func withNotice(t *testing.T) (desk *sandbox.Desk, ask func(method, path, key, body string) (status int, answer string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	desk = sandbox.NewDesk(ctx, "inbox", sandbox.Conduct{})
	t.Cleanup(func() { cancel(); desk.Wait() })
	server := sim.Simulator().HTTP(desk)
	ask = func(method, path, key, body string) (int, string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if status, said := ask("POST", "/v1/notices", sim.Key, `{"ref":"r","customer":"c1","locale":"en","title":"t","text":"x"}`); status != 201 || said != `{"id":"1"}` {
		t.Fatalf("%d %s", status, said)
	}
	return desk, ask
}

// TestWithdrawn: a notice goes once, by its id and its ref; its ref stays known.
func TestWithdrawn(t *testing.T) {
	desk, ask := withNotice(t)
	for _, c := range []struct {
		name, method, path, key, body string
		status                        int
		answer                        string
	}{
		{"another key", "DELETE", "/v1/notices/1?ref=r", "x", "", 401, `{"error":"key"}`},
		{"another ref", "DELETE", "/v1/notices/1?ref=q", sim.Key, "", 404, `{"error":"unknown_notice"}`},
		{"no ref", "DELETE", "/v1/notices/1", sim.Key, "", 422, `{"error":"ref"}`},
		{"a field that there isn't", "DELETE", "/v1/notices/1?ref=r&x=1", sim.Key, "", 422, `{"error":"ref"}`},
		{"a body", "DELETE", "/v1/notices/1?ref=r", sim.Key, "{}", 422, `{"error":"ref"}`},
		{"an id that there isn't", "DELETE", "/v1/notices/2?ref=r", sim.Key, "", 404, `{"error":"unknown_notice"}`},
		{"no number", "DELETE", "/v1/notices/x?ref=r", sim.Key, "", 404, `{"error":"unknown_notice"}`},
		{"an id in two parts", "DELETE", "/v1/notices/x/1?ref=r", sim.Key, "", 404, `{"error":"no_such_path"}`},
		{"another method", "POST", "/v1/notices/1?ref=r", sim.Key, "", 404, `{"error":"no_such_path"}`},
		{"it", "DELETE", "/v1/notices/1?ref=r", sim.Key, "", 204, ""},
		{"it again", "DELETE", "/v1/notices/1?ref=r", sim.Key, "", 404, `{"error":"unknown_notice"}`},
		{"the notice again", "POST", "/v1/notices", sim.Key, `{"ref":"r","customer":"c1","locale":"en","title":"t","text":"x"}`, 200, `{"id":"1"}`},
	} {
		if status, said := ask(c.method, c.path, c.key, c.body); status != c.status || said != c.answer {
			t.Errorf("%s: %d %s, want %d %s", c.name, status, said, c.status, c.answer)
		}
	}
	if n := desk.Total(); n.Accepted != 1 || n.Recalled != 1 {
		t.Errorf("counted %+v, want one accepted and recalled", n)
	}
}

// TestStrict: what the protocol doesn't have is refused.
func TestStrict(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	desk := sandbox.NewDesk(ctx, "inbox", sandbox.Conduct{ByDigit: true})
	defer func() { cancel(); desk.Wait() }()
	server := sim.Simulator().HTTP(desk)
	const good = `{"ref":"r","customer":"c1","locale":"en","title":"t","text":"x"}`
	for _, c := range []struct {
		name, method, path, key, body string
		status                        int
	}{
		{"a notice", "POST", "/v1/notices", sim.Key, good, 201},
		{"the same again", "POST", "/v1/notices", sim.Key, good, 200},
		{"an unknown field", "POST", "/v1/notices", sim.Key, strings.Replace(good, `{`, `{"to":1,`, 1), 422},
		{"an unknown field of the news", "POST", "/v1/notices", sim.Key, strings.Replace(good, `{`, `{"news":{"x":1},`, 1), 422},
		{"no text", "POST", "/v1/notices", sim.Key, strings.Replace(good, `"x"`, `""`, 1), 422},
		{"a refused customer", "POST", "/v1/notices", sim.Key, strings.NewReplacer("c1", "c9", `"r"`, `"r9"`).Replace(good), 404},
		{"another path", "POST", "/v1/notice", sim.Key, good, 404},
		{"another key", "POST", "/v1/notices", "x", good, 401},
		{"whether it works", "GET", "/v1/ready", sim.Key, "", 204},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+c.key)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, w.Code, http.StatusText(w.Code), c.status)
		}
	}
	if n := desk.Total(); n.Accepted != 1 || n.Refused != 1 {
		t.Errorf("counted %+v, want one accepted and one refused", n)
	}
}
