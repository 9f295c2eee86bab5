package sim

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTestServer(t *testing.T, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "slack", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func post(h http.Handler, url, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, strings.TrimPrefix(url, Origin), strings.NewReader(body))
	r.Header.Set("Content-type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestDocumentedRequest is that of
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#posting_with_webhooks.
func TestDocumentedRequest(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	d.KeepMessages()
	if w := post(h, URL("ops"), `{"text":"Hello, world."}`); w.Code != 200 || w.Body.String() != "ok" {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if w := post(h, URL("ops"), `{"text":"a &lt; b &amp;amp;"}`); w.Code != 200 {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if m := d.Messages(); len(m) != 2 || m[0].Address != "ops" || m[1].Text != "a < b &amp;" {
		t.Errorf("messages %+v", m)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		url, body string
		status    int
		code      string
	}{
		"no JSON":        {URL("a"), `text`, 400, "invalid_payload"},
		"unknown field":  {URL("a"), `{"text":"a","color":"b"}`, 400, "invalid_payload"},
		"not escaped":    {URL("a"), `{"text":"a <b>"}`, 400, "invalid_payload"},
		"ampersand":      {URL("a"), `{"text":"a & b"}`, 400, "invalid_payload"},
		"no text":        {URL("a"), `{"text":" "}`, 400, "no_text"},
		"another secret": {URL("a") + "Y", `{"text":"a"}`, 404, "no_service"},
		"elsewhere":      {"/", `{"text":"a"}`, 404, "no_service"},
		"archived":       {URL("a9"), `{"text":"a"}`, 410, "channel_is_archived"},
	} {
		d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
		if w := post(h, c.url, c.body); w.Code != c.status || w.Body.String() != c.code || d.Total().Accepted != 0 {
			t.Errorf("%s: answer %d %s, want %d %s", name, w.Code, w.Body, c.status, c.code)
		}
	}
	d, h := newTestServer(t, sandbox.Conduct{})
	for mode, want := range map[sandbox.Mode]int{sandbox.RateLimited: 429, sandbox.Unavailable: 503} {
		d.SetConduct(sandbox.Conduct{Mode: mode})
		if w := post(h, URL("a"), `{"text":"a"}`); w.Code != want {
			t.Errorf("%s: %d", mode, w.Code)
		}
	}
}
