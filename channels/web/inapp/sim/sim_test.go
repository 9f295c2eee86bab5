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
