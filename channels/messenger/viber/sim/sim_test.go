package sim

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTestServer(t testing.TB, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "viber", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func call(t testing.TB, h http.Handler, method, body string) map[string]json.Number {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/pa/"+method, strings.NewReader(body))
	r.Header.Set("X-Viber-Auth-Token", Token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(w.Body.Bytes(), &fields); err != nil || w.Code != 200 {
		t.Fatalf("answer %d %q: %v", w.Code, w.Body, err)
	}
	numbers := map[string]json.Number{}
	for name, raw := range fields {
		numbers[name] = json.Number(strings.Trim(string(raw), `"`))
	}
	return numbers
}

// The requests of https://developers.viber.com/docs/api/rest-bot-api/#text-message and
// #setting-a-webhook; the webhook's URL is put in by the test.
const (
	documentedText = `{
   "receiver":"01234567890A=",
   "min_api_version":1,
   "sender":{
      "name":"John McClane",
      "avatar":"http://avatar.example.com"
   },
   "tracking_data":"tracking data",
   "type":"text",
   "text":"Hello world!"
}`
	documentedWebhook = `{
   "url":"https://my.host.com",
   "event_types":[
      "delivered",
      "seen",
      "failed",
      "subscribed",
      "unsubscribed",
      "conversation_started"
   ],
   "send_name": true,
   "send_photo": true
}`
)

// posted is a callback as a webhook got it.
type posted struct {
	callback
	signature string
	body      []byte
}

// newWebhook listens for callbacks, answering each with the status.
func newWebhook(t *testing.T, status int) (string, <-chan posted) {
	t.Helper()
	got := make(chan posted, 16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := posted{signature: r.Header.Get("X-Viber-Content-Signature")}
		p.body, _ = io.ReadAll(r.Body)
		if err := json.Unmarshal(p.body, &p.callback); err != nil {
			t.Errorf("callback %q: %v", p.body, err)
		}
		w.WriteHeader(status)
		got <- p
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestDocumentedRequests(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Read: 1})
	hook, got := newWebhook(t, http.StatusOK)
	if a := call(t, h, "set_webhook", strings.Replace(documentedWebhook, "https://my.host.com", hook, 1)); a["status"] != "0" {
		t.Fatalf("set_webhook: %v", a)
	}
	if p := <-got; p.Event != "webhook" || p.MessageToken == 0 || p.Timestamp == 0 || p.signature != sign(p.body) {
		t.Errorf("test of the webhook: %+v", p)
	}
	a := call(t, h, "send_message", documentedText)
	if a["status"] != "0" || a["status_message"] != "ok" || len(a["message_token"]) != 19 {
		t.Fatalf("send_message: %v", a)
	}
	for _, event := range []string{"delivered", "seen"} {
		p := <-got
		if p.Event != event || p.UserID != "01234567890A=" || p.signature != sign(p.body) {
			t.Errorf("%s: %+v", event, p)
		}
		if !strings.Contains(string(p.body), `"message_token":`+a["message_token"].String()) {
			t.Errorf("callback %s isn't about %s", p.body, a["message_token"])
		}
	}
	if info := call(t, h, "get_account_info", `{}`); info["status"] != "0" || info["webhook"] != json.Number(hook) {
		t.Errorf("get_account_info: %v", info)
	}
	if n := d.Total(); n.Accepted != 1 || n.Delivered != 1 {
		t.Errorf("counted %+v, want one accepted and delivered", n)
	}
	if a := call(t, h, "set_webhook", `{"url":""}`); a["status"] != "0" {
		t.Errorf("removing the webhook: %v", a)
	}
}

func TestRefusedWebhooks(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	refusing, got := newWebhook(t, http.StatusForbidden)
	for _, hook := range []string{"my.host.com", "http://my.host.com", "ftp://localhost", "http://8.8.8.8/", "://", refusing} {
		if a := call(t, h, "set_webhook", strings.Replace(documentedWebhook, "https://my.host.com", hook, 1)); a["status"] != "1" {
			t.Errorf("%s: %v, want status 1", hook, a)
		}
	}
	if p := <-got; p.Event != "webhook" {
		t.Errorf("the webhook that refused was asked with %+v", p)
	}
	call(t, h, "send_message", documentedText)
	if n := d.Total(); n.Accepted != 1 {
		t.Errorf("without a webhook %+v was counted, want one accepted", n)
	}
}

func TestOwnHosts(t *testing.T) {
	for hook, want := range map[string]bool{
		"http://localhost:8080/x": true, "http://127.0.0.1": true, "http://[::1]:80/": true, "http://tocsin:8080": true,
		"http://10.1.2.3": true, "https://example.com/x": true, "http://example.com": false, "http://93.184.216.34": false,
	} {
		if got := mayCall(hook); got != want {
			t.Errorf("mayCall(%s) = %v, want %v", hook, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ old, new, status string }{
		"unknown field":    {`"type"`, `"kind":1,"type"`, "3"},
		"no JSON":          {`{`, `(`, "3"},
		"another type":     {`"type":"text"`, `"type":"picture"`, "3"},
		"long name":        {`John McClane`, strings.Repeat("a", 29), "3"},
		"long text":        {`Hello world!`, strings.Repeat("a", 7001), "3"},
		"no text":          {`Hello world!`, ``, "4"},
		"no receiver":      {`01234567890A=`, ``, "4"},
		"no sender":        {`John McClane`, ``, "4"},
		"not a subscriber": {`01234567890A=`, `01234567899A=`, "6"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
			if a := call(t, h, "send_message", strings.Replace(documentedText, c.old, c.new, 1)); string(a["status"]) != c.status {
				t.Errorf("%v, want status %s", a, c.status)
			}
			if n := d.Total().Accepted; n != 0 {
				t.Errorf("%d accepted", n)
			}
		})
	}
}

func TestModesAndTokens(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Mode: sandbox.RateLimited})
	if a := call(t, h, "send_message", documentedText); a["status"] != "12" {
		t.Errorf("too fast: %v", a)
	}
	d.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	for path, want := range map[string]int{"/pa/send_message": 503, "/pa/fly": 404} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(documentedText)))
		if w.Code != want {
			t.Errorf("%s out of order: %d, want %d", path, w.Code, want)
		}
	}
	d.SetConduct(sandbox.Conduct{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/pa/send_message", strings.NewReader(documentedText)))
	if !strings.Contains(w.Body.String(), `"status":2,`) {
		t.Errorf("without a token: %s", w.Body)
	}
}

func BenchmarkSendMessage(b *testing.B) {
	_, h := newTestServer(b, sandbox.Conduct{})
	for b.Loop() {
		if a := call(b, h, "send_message", documentedText); a["status"] != "0" {
			b.Fatal(a)
		}
	}
}
