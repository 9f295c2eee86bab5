package sim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func newTestServer(t testing.TB, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "telegram", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

// call posts a body, or gets where there is none, and returns the answer.
func call(t testing.TB, h http.Handler, path, body string) (int, envelope) {
	t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var e envelope
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("answer %q: %v", w.Body, err)
	}
	return w.Code, e
}

// TestDocumentedRequests replays the request of https://core.telegram.org/bots/api#making-requests,
// and sendMessage with the parameters that https://core.telegram.org/bots/api#sendmessage lists,
// the reply markup being the example of https://core.telegram.org/bots/features#keyboards.
func TestDocumentedRequests(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	status, e := call(t, h, "/bot123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11/getMe", "")
	if status != 200 || !e.OK || e.Result.(map[string]any)["is_bot"] != true {
		t.Errorf("getMe: %d %+v", status, e)
	}
	status, e = call(t, h, "/bot"+Token+"/sendMessage", `{"chat_id": 1111111, "text": "Hello", "disable_notification": true,
		"link_preview_options": {"is_disabled": true},
		"reply_markup": {"one_time_keyboard": true, "keyboard": [[{"text": "My phone number", "request_contact": true}], ["Cancel"]]}}`)
	if status != 200 || !e.OK || e.Result.(map[string]any)["text"] != "Hello" {
		t.Errorf("sendMessage: %d %+v", status, e)
	}
	if got := d.Total(); got.Accepted != 1 || got.Delivered != 1 {
		t.Errorf("counted %+v, want one accepted and delivered", got)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"another bot":     {"/bot1:x/getMe", "", 401, "Unauthorized"},
		"no token":        {"/getMe", "", 404, "Not Found"},
		"no method":       {"/bot" + Token + "/fly", "{}", 404, "Not Found"},
		"no JSON":         {"/bot" + Token + "/sendMessage", "chat_id=1&text=a", 400, "JSON"},
		"unknown field":   {"/bot" + Token + "/sendMessage", `{"chat_id":1,"text":"a","to":2}`, 400, "fields"},
		"two objects":     {"/bot" + Token + "/sendMessage", `{"chat_id":1,"text":"a"}{}`, 400, "JSON"},
		"no chat":         {"/bot" + Token + "/sendMessage", `{"text":"a"}`, 400, "chat_id is empty"},
		"no such chat":    {"/bot" + Token + "/sendMessage", `{"chat_id":"+37369123456x","text":"a"}`, 400, "chat not found"},
		"no text":         {"/bot" + Token + "/sendMessage", `{"chat_id":1,"text":" "}`, 400, "text is empty"},
		"long text":       {"/bot" + Token + "/sendMessage", `{"chat_id":1,"text":"` + strings.Repeat("🔔", 2049) + `"}`, 400, "too long"},
		"blocked by user": {"/bot" + Token + "/sendMessage", `{"chat_id":19,"text":"a"}`, 403, "blocked"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
			status, e := call(t, h, c.path, c.body)
			if status != c.status || e.OK || e.ErrorCode != c.status || !strings.Contains(e.Description, c.says) {
				t.Errorf("answer %d %+v, want %d that says %q", status, e, c.status, c.says)
			}
			if n := d.Total().Accepted; n != 0 {
				t.Errorf("%d accepted", n)
			}
		})
	}
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Mode: sandbox.RateLimited})
	status, e := call(t, h, "/bot"+Token+"/sendMessage", `{"chat_id":1,"text":"a"}`)
	if status != 429 || e.Parameters == nil || e.Parameters.RetryAfter != retryAfter {
		t.Errorf("too fast: %d %+v", status, e)
	}
	d.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	if status, _ = call(t, h, "/bot"+Token+"/sendMessage", `{"chat_id":1,"text":"a"}`); status != 503 {
		t.Errorf("out of order: %d", status)
	}
	d.SetConduct(sandbox.Conduct{Mode: sandbox.Mute})
	if status, _ = call(t, h, "/bot"+Token+"/sendMessage", `{"chat_id":"@channel","text":"a"}`); status != 200 {
		t.Errorf("mute: %d", status)
	}
	if got := d.Total(); got.Accepted != 1 || got.Delivered != 0 {
		t.Errorf("counted %+v, want one accepted and none delivered", got)
	}
}

func BenchmarkSendMessage(b *testing.B) {
	_, h := newTestServer(b, sandbox.Conduct{})
	for b.Loop() {
		if status, _ := call(b, h, "/bot"+Token+"/sendMessage", `{"chat_id":1,"text":"Card payments are down."}`); status != 200 {
			b.Fatal(status)
		}
	}
}
