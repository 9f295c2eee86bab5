package sim

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
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
	d := sandbox.NewDesk(ctx, "facebook_messenger", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func sign(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// call posts with the token given, and the proof that fits it.
func call(h http.Handler, path, token, body string) (status int, answer map[string]any) {
	r := httptest.NewRequest("POST", "/v25.0/"+path+"?appsecret_proof="+sign(AppSecret, token), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

func codesOf(answer map[string]any) (code, subcode int) {
	e, _ := answer["error"].(map[string]any)
	c, _ := e["code"].(float64)
	s, _ := e["error_subcode"].(float64)
	return int(c), int(s)
}

// The request of "Send a utility message", with the simulator's template and without its button.
const documented = `{
  "recipient": {"id": "25381719828140932"},
  "messaging_type": "UTILITY",
  "message": {
    "template": {
      "name": "outage_notice",
      "language": {"code": "en"},
      "components": [{"type": "body", "parameters": [{"type": "text", "text": "confirmed"}]}]
    }
  }
}`

type posted struct{ signature, body string }

// newWebhook takes callbacks, and answers its test with the challenge if it shows the token.
func newWebhook(t *testing.T, token string) (string, <-chan posted) {
	t.Helper()
	got := make(chan posted, 16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); r.Method == http.MethodGet {
			if q.Get("hub.verify_token") == token && q.Get("hub.mode") == "subscribe" {
				_, _ = io.WriteString(w, q.Get("hub.challenge"))
			}
			return
		}
		body, _ := io.ReadAll(r.Body)
		got <- posted{r.Header.Get("X-Hub-Signature-256"), string(body)}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestDocumentedRequests(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Read: 1})
	hook, got := newWebhook(t, "your-verify-token")
	sub := `{"object":"page","callback_url":"` + hook + `","fields":"messages,message_deliveries,message_reads","verify_token":"your-verify-token"}`
	if status, a := call(h, AppID+"/subscriptions", appToken, sub); status != 200 || a["success"] != true {
		t.Fatalf("subscriptions: %d %v", status, a)
	}
	if status, a := call(h, PageID+"/subscribed_apps", PageToken, `{"subscribed_fields":"message_deliveries,message_reads"}`); status != 200 || a["success"] != true {
		t.Fatalf("subscribed_apps: %d %v", status, a)
	}
	status, a := call(h, PageID+"/messages", PageToken, documented)
	id, _ := a["message_id"].(string)
	if status != 200 || a["recipient_id"] != "25381719828140932" || id == "" {
		t.Fatalf("messages: %d %v", status, a)
	}
	one, other := <-got, <-got
	if !strings.Contains(one.body, `"read"`) {
		one, other = other, one
	}
	if !strings.Contains(other.body, `"mids":["`+id+`"]`) || strings.Contains(one.body, id) || !strings.Contains(one.body, `"watermark"`) {
		t.Errorf("callbacks %s and %s", other.body, one.body)
	}
	for _, p := range []posted{one, other} {
		if p.signature != "sha256="+sign(AppSecret, p.body) || !strings.Contains(p.body, `"id":"`+PageID+`"`) {
			t.Errorf("callback %s signed %s", p.body, p.signature)
		}
	}
	if n := d.Total(); n.Accepted != 1 || n.Delivered != 1 {
		t.Errorf("counted %+v", n)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		old, new      string
		code, subcode int
	}{
		"unknown field":     {`"recipient"`, `"x": 1, "recipient"`, 100, 0},
		"no JSON":           {`{`, `(`, 100, 0},
		"nobody":            {`25381719828140932`, ``, 100, 0},
		"a stranger":        {`25381719828140932`, `ana`, 100, 2018001},
		"a tag":             {`UTILITY`, `MESSAGE_TAG`, 100, 1893061},
		"out of the window": {`UTILITY`, `UPDATE`, 10, 2018278},
		"no such type":      {`UTILITY`, `X`, 100, 0},
		"another template":  {`outage_notice`, `hello`, 100, 0},
		"another language":  {`"en"`, `"de"`, 100, 0},
		"no parameters":     {`{"type": "text", "text": "confirmed"}`, ``, 100, 0},
		"a line end":        {`confirmed`, `a\nb`, 100, 0},
		"not available":     {`25381719828140932`, `25381719828140939`, 551, 1545041},
	} {
		d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
		status, a := call(h, PageID+"/messages", PageToken, strings.Replace(documented, c.old, c.new, 1))
		if code, subcode := codesOf(a); status != 400 || code != c.code || subcode != c.subcode {
			t.Errorf("%s: %d %v, want %d/%d", name, status, a, c.code, c.subcode)
		}
		if n := d.Total().Accepted; n != 0 {
			t.Errorf("%s: %d accepted", name, n)
		}
	}
}

func TestDoorway(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	hook, _ := newWebhook(t, "another token")
	sub := `{"object":"page","callback_url":"` + hook + `","fields":"messages","verify_token":"t"}`
	for _, c := range []struct {
		mode              sandbox.Mode
		path, token, body string
		status, code      int
	}{
		{sandbox.Working, "1/messages", PageToken, documented, 400, 100},
		{sandbox.Working, PageID + "/messages", appToken, documented, 401, 190},
		{sandbox.Working, AppID + "/subscriptions", PageToken, sub, 401, 190},
		{sandbox.Working, AppID + "/subscriptions", appToken, sub, 400, 2200},
		{sandbox.Working, AppID + "/subscriptions", appToken, `{"object":"user"}`, 400, 100},
		{sandbox.Unavailable, PageID + "/messages", PageToken, documented, 503, 2},
		{sandbox.RateLimited, PageID + "/messages", PageToken, documented, 400, 613},
	} {
		d.SetConduct(sandbox.Conduct{Mode: c.mode})
		status, a := call(h, c.path, c.token, c.body)
		if code, _ := codesOf(a); status != c.status || code != c.code {
			t.Errorf("%s %s: %d %v, want %d with the code %d", c.mode, c.path, status, a, c.status, c.code)
		}
	}
	if n := d.Total().Accepted; n != 0 {
		t.Errorf("%d accepted", n)
	}
}
