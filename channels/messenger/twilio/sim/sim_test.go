package sim

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTestServer(t testing.TB, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "twilio_whatsapp", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, WhatsApp().HTTP(d)
}

func post(h http.Handler, token string, form url.Values) (status int, answer map[string]any) {
	r := httptest.NewRequest("POST", "/2010-04-01/Accounts/"+AccountSID+"/Messages.json", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(AccountSID, token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

// documented is the request of "Send templates created with the Content Template Builder", with one
// variable.
func documented() url.Values {
	return url.Values{
		"To": {"whatsapp:+18551234567"}, "From": {"whatsapp:+14155238886"},
		"ContentSid": {TemplateEN}, "ContentVariables": {`{"1":"Name"}`},
	}
}

func TestDocumentedRequest(t *testing.T) {
	got := make(chan url.Values, 8)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		form.Set("signature", r.Header.Get("X-Twilio-Signature"))
		got <- form
	}))
	t.Cleanup(hook.Close)
	d, h := newTestServer(t, sandbox.Conduct{Read: 1})
	form := documented()
	form.Set("StatusCallback", hook.URL+"/a")
	status, a := post(h, AuthToken, form)
	if status != 201 || a["to"] != "whatsapp:+18551234567" || a["status"] != "queued" {
		t.Fatalf("%d %v", status, a)
	}
	statuses := map[string]bool{}
	for range 3 {
		f := <-got
		signature := f.Get("signature")
		f.Del("signature")
		statuses[f.Get("MessageStatus")] = true
		if signature != account.Sign(AuthToken, hook.URL+"/a", f) || f.Get("MessageSid") != a["sid"] || f.Get("To") != form.Get("To") {
			t.Errorf("callback %v, signed %s", f, signature)
		}
	}
	if !statuses["sent"] || !statuses["delivered"] || !statuses["read"] {
		t.Errorf("statuses %v", statuses)
	}
	if n := d.Total(); n.Accepted != 1 || n.Delivered != 1 {
		t.Errorf("counted %+v", n)
	}
	form.Del("ContentSid")
	form.Del("ContentVariables")
	form.Set("Body", "outside of the window")
	if status, _ := post(h, AuthToken, form); status != 201 {
		t.Errorf("a text: %d", status)
	}
	if f := <-got; f.Get("MessageStatus") != "failed" || f.Get("ErrorCode") != "63016" {
		t.Errorf("a text outside of the window: %v", f)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		field, value string
		code         float64
	}{
		"unknown parameter":   {"MediaUrl", "x", 20001},
		"text and content":    {"Body", "x", 20001},
		"nobody":              {"To", "", 21604},
		"an SMS":              {"To", "+18551234567", 21910},
		"no number":           {"To", "whatsapp:123", 21211},
		"no sender":           {"From", "", 21603},
		"another sender":      {"From", "whatsapp:+14155230000", 63007},
		"another content":     {"ContentSid", "HX1", 21655},
		"no JSON":             {"ContentVariables", "Name", 21656},
		"another variable":    {"ContentVariables", `{"2":"Name"}`, 21656},
		"a line end":          {"ContentVariables", `{"1":"a\nb"}`, 21656},
		"long text":           {"ContentVariables", `{"1":"` + strings.Repeat("ж", 985) + `"}`, 63021},
		"validity of nothing": {"ValidityPeriod", "0", 21624},
		"relative callback":   {"StatusCallback", "/x", 21609},
		"not on WhatsApp":     {"To", "whatsapp:+18551234569", 63024},
	} {
		d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
		form := documented()
		form.Set(c.field, c.value)
		if status, a := post(h, AuthToken, form); status != 400 || a["code"] != c.code {
			t.Errorf("%s: %d %v, want the code %v", name, status, a, c.code)
		}
		if n := d.Total().Accepted; n != 0 {
			t.Errorf("%s: %d accepted", name, n)
		}
	}
}

func TestDoorway(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	for _, c := range []struct {
		mode   sandbox.Mode
		token  string
		status int
	}{{sandbox.Working, "x", 401}, {sandbox.Unavailable, AuthToken, 503}, {sandbox.RateLimited, AuthToken, 429}} {
		d.SetConduct(sandbox.Conduct{Mode: c.mode})
		if status, _ := post(h, c.token, documented()); status != c.status {
			t.Errorf("%+v: %d", c, status)
		}
	}
	if n := d.Total().Accepted; n != 0 {
		t.Errorf("%d accepted", n)
	}
}
