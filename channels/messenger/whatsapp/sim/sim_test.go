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
	d := sandbox.NewDesk(ctx, "whatsapp", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func sign(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// call makes a call with the token given, and the proof that fits it.
func call(h http.Handler, method, path, token, body string) (status int, answer map[string]any) {
	r := httptest.NewRequest(method, "/v25.0/"+path+"?appsecret_proof="+sign(AppSecret, token), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

func codeOf(answer map[string]any) int {
	e, _ := answer["error"].(map[string]any)
	code, _ := e["code"].(float64)
	return int(code)
}

// The requests of the page "Messages API", with the simulator's template, and of "Webhook overrides".
const (
	documentedTemplate = `{
  "messaging_product": "whatsapp",
  "recipient_type": "individual",
  "to": "+16505551234",
  "type": "template",
  "template": {
    "name": "outage_notice",
    "language": {"policy": "deterministic", "code": "en"},
    "components": [{"type": "body", "parameters": [{"type": "text", "text": "Card payments are down."}]}]
  },
  "biz_opaque_callback_data": "ref-1"
}`
	documentedText = `{
  "messaging_product": "whatsapp",
  "recipient_type": "individual",
  "to": "+16505551234",
  "type": "text",
  "text": {"preview_url": true, "body": "As requested, here is the link."},
  "biz_opaque_callback_data": "ref-1"
}`
	documentedOverride = `{"webhook_configuration": {"override_callback_uri": "HOOK", "verify_token": "myvoiceismypassport?"}}`
)

// posted is a call of the webhook.
type posted struct {
	signature string
	body      string
	status    map[string]any
}

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
		var n struct {
			Object string
			Entry  []struct {
				Changes []struct {
					Field string
					Value struct {
						Metadata struct {
							ID string `json:"phone_number_id"`
						}
						Statuses []map[string]any
					}
				}
			}
		}
		if err := json.Unmarshal(body, &n); err != nil || n.Object != "whatsapp_business_account" || n.Entry[0].Changes[0].Value.Metadata.ID != PhoneNumberID {
			t.Errorf("callback %s: %v", body, err)
		}
		got <- posted{r.Header.Get("X-Hub-Signature-256"), string(body), n.Entry[0].Changes[0].Value.Statuses[0]}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestDocumentedRequests(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Read: 1})
	hook, got := newWebhook(t, "myvoiceismypassport?")
	if status, a := call(h, "POST", PhoneNumberID, AccessToken, strings.Replace(documentedOverride, "HOOK", hook, 1)); status != 200 || a["success"] != true {
		t.Fatalf("override: %d %v", status, a)
	}
	status, a := call(h, "POST", PhoneNumberID+"/messages", AccessToken, documentedTemplate)
	if status != 200 || a["messaging_product"] != "whatsapp" {
		t.Fatalf("template: %d %v", status, a)
	}
	id := a["messages"].([]any)[0].(map[string]any)["id"]
	seen := map[string]bool{}
	for range 3 {
		p := <-got
		seen[p.status["status"].(string)] = true
		if p.signature != "sha256="+sign(AppSecret, p.body) || p.status["id"] != id || p.status["biz_opaque_callback_data"] != "ref-1" || p.status["recipient_id"] != "16505551234" {
			t.Errorf("callback %s signed %s, want it about %v", p.body, p.signature, id)
		}
	}
	if !seen["sent"] || !seen["delivered"] || !seen["read"] {
		t.Errorf("statuses %v", seen)
	}
	if n := d.Total(); n.Accepted != 1 || n.Delivered != 1 {
		t.Errorf("counted %+v", n)
	}
	call(h, "POST", PhoneNumberID+"/messages", AccessToken, documentedText)
	if p := <-got; p.status["status"] != "failed" || !strings.Contains(p.body, `"code":131047`) {
		t.Errorf("a text outside of the window: %s", p.body)
	}
	if status, a := call(h, "GET", PhoneNumberID, AccessToken, ""); status != 200 || a["id"] != PhoneNumberID {
		t.Errorf("the number: %d %v", status, a)
	}
}

func TestRefusedWebhooks(t *testing.T) {
	_, h := newTestServer(t, sandbox.Conduct{})
	other, _ := newWebhook(t, "another token")
	for _, hook := range []string{other, "my.host.com", "://", "http://127.0.0.1:1"} {
		if status, a := call(h, "POST", PhoneNumberID, AccessToken, strings.Replace(documentedOverride, "HOOK", hook, 1)); status != 400 || codeOf(a) != 2200 {
			t.Errorf("%s: %d %v, want 2200", hook, status, a)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		status   int
		code     int
	}{
		"unknown field":     {`"type": "template"`, `"kind": 1, "type": "template"`, 400, 100},
		"no JSON":           {`{`, `(`, 400, 100},
		"another product":   {`"whatsapp"`, `"messenger"`, 400, 100},
		"to a group":        {`individual`, `broadcast`, 400, 131009},
		"no recipient":      {`+16505551234`, ``, 400, 131009},
		"long data":         {`ref-1`, strings.Repeat("x", 513), 400, 100},
		"another type":      {`"type": "template"`, `"type": "image"`, 400, 131008},
		"fallback language": {`deterministic`, `fallback`, 400, 100},
		"another template":  {`outage_notice`, `hello_world`, 404, 132001},
		"another language":  {`"en"`, `"de"`, 404, 132001},
		"no parameter":      {`{"type": "text", "text": "Card payments are down."}`, ``, 400, 132000},
		"a named parameter": {`"text": "Card`, `"parameter_name": "x", "text": "Card`, 400, 132012},
		"an empty one":      {`Card payments are down.`, ``, 400, 131008},
		"a line end":        {`Card payments`, `Card\npayments`, 400, 132018},
		"a tab":             {`Card payments`, `Card\tpayments`, 400, 132018},
		"five spaces":       {`Card payments`, `Card     payments`, 400, 132018},
		"a long text":       {`Card`, strings.Repeat("ж", 1000), 400, 132005},
		"not on WhatsApp":   {`+16505551234`, `+16505551239`, 400, 131026},
	} {
		d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
		status, a := call(h, "POST", PhoneNumberID+"/messages", AccessToken, strings.Replace(documentedTemplate, c.old, c.new, 1))
		if status != c.status || codeOf(a) != c.code {
			t.Errorf("%s: %d %v, want %d with the code %d", name, status, a, c.status, c.code)
		}
		if n := d.Total().Accepted; n != 0 {
			t.Errorf("%s: %d accepted", name, n)
		}
	}
}

func TestDoorway(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	for _, c := range []struct {
		mode         sandbox.Mode
		path, token  string
		status, code int
	}{
		{sandbox.Working, "1/messages", AccessToken, 400, 100},
		{sandbox.Working, PhoneNumberID + "/messages", "other", 401, 190},
		{sandbox.Unavailable, PhoneNumberID + "/messages", AccessToken, 503, 2},
		{sandbox.RateLimited, PhoneNumberID + "/messages", AccessToken, 400, 130429},
	} {
		d.SetConduct(sandbox.Conduct{Mode: c.mode})
		if status, a := call(h, "POST", c.path, c.token, documentedTemplate); status != c.status || codeOf(a) != c.code {
			t.Errorf("%+v: %d %v", c, status, a)
		}
	}
	d.SetConduct(sandbox.Conduct{})
	for _, target := range []string{"/" + PhoneNumberID + "/messages", "/v25.0/" + PhoneNumberID + "/messages?appsecret_proof=" + sign("other", AccessToken)} {
		r := httptest.NewRequest("POST", target, strings.NewReader(documentedTemplate))
		r.Header.Set("Authorization", "Bearer "+AccessToken)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 400 {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if n := d.Total().Accepted; n != 0 {
		t.Errorf("%d accepted", n)
	}
}
