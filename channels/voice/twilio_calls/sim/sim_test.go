package sim

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStand(t *testing.T, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "twilio_voice", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func post(h http.Handler, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, account.Path+"/Calls.json", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(AccountSID, AuthToken)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// documented is the request that "Making Calls" shows for TwiML given with the call, with a voice.
func documented() url.Values {
	return url.Values{
		"Twiml": {`<Response><Say language="en-US" voice="Polly.Joanna">Ahoy there!</Say></Response>`},
		"To":    {"+14155551212"},
		"From":  {"+15017122661"},
	}
}

func TestDocumentedRequest(t *testing.T) {
	d, h := newStand(t, sandbox.Conduct{})
	w := post(h, documented())
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusCreated {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	for key, want := range map[string]any{
		"account_sid": AccountSID, "status": "queued", "to": "+14155551212", "from": "+15017122661",
		"direction": "outbound-api", "answered_by": nil, "duration": nil, "price_unit": "USD",
	} {
		if got[key] != want {
			t.Errorf("%s = %v, want %v", key, got[key], want)
		}
	}
	if sid := got["sid"].(string); len(sid) != 34 || !strings.HasPrefix(sid, "CA") {
		t.Errorf("sid = %q, want CA and 32 digits", sid)
	}
	if total := d.Total(); total.Accepted != 1 || total.Delivered != 1 {
		t.Errorf("counted %+v, want one accepted and delivered", total)
	}
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		key, value string
		code       int
	}{
		"unknown parameter":       {"Url", "https://a.example", 20001},
		"no recipient":            {"To", "", 21201},
		"national number":         {"To", "069123456", 21211},
		"a number that can't be":  {"To", "+14155551219", 13224},
		"no caller":               {"From", "", 21213},
		"a name as caller":        {"From", "Bank", 21212},
		"no TwiML":                {"Twiml", "", 21205},
		"TwiML that is none":      {"Twiml", "<Response>", 12100},
		"two documents":           {"Twiml", documented().Get("Twiml") + "<Response/>", 12100},
		"another document":        {"Twiml", `<Html/>`, 12100},
		"another verb":            {"Twiml", `<Response><Dial>911</Dial></Response>`, 12100},
		"text beside verbs":       {"Twiml", `<Response>Ahoy</Response>`, 12100},
		"nothing to say":          {"Twiml", `<Response><Pause length="1"/></Response>`, 12100},
		"a language of no region": {"Twiml", `<Response><Say language="ro" voice="x">a</Say></Response>`, 12100},
		"no voice":                {"Twiml", `<Response><Say language="ro-RO">a</Say></Response>`, 12100},
		"two texts":               {"Twiml", `<Response><Say language="ro-RO" voice="x">a</Say><Say language="ro-RO" voice="x">b</Say></Response>`, 12100},
		"unknown attribute":       {"Twiml", `<Response><Say language="ro-RO" voice="x" pitch="1">a</Say></Response>`, 12100},
		"too much TwiML":          {"Twiml", `<Response><Say language="ro-RO" voice="x">` + strings.Repeat("a", 4000) + `</Say></Response>`, 12100},
		"rings too long":          {"Timeout", "601", 20001},
		"relative callback":       {"StatusCallback", "/x", 21609},
		"unknown event":           {"StatusCallbackEvent", "sneezed", 21626},
		"unknown detection":       {"MachineDetection", "true", 20001},
	} {
		d, h := newStand(t, sandbox.Conduct{ByDigit: true})
		form := documented()
		form.Set(tt.key, tt.value)
		w := post(h, form)
		var got account.Complaint
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusBadRequest || got.Code != tt.code {
			t.Errorf("%s: %d %s, want 400 and %d", name, w.Code, w.Body, tt.code)
		}
		if n := d.Total().Accepted; n != 0 {
			t.Errorf("%s: %d accepted", name, n)
		}
	}
}

// TestCallbacks: what is told is what was asked for, signed, and who answered only at the end.
func TestCallbacks(t *testing.T) {
	forms := make(chan url.Values, 8)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		if want := account.Sign(AuthToken, "http://"+r.Host+r.URL.RequestURI(), form); r.Header.Get("X-Twilio-Signature") != want {
			t.Errorf("signature %q, want %q", r.Header.Get("X-Twilio-Signature"), want)
		}
		forms <- form
	}))
	t.Cleanup(hook.Close)
	_, h := newStand(t, sandbox.Conduct{})
	form := documented()
	form.Set("StatusCallback", hook.URL+"/r?a=b")
	form["StatusCallbackEvent"] = []string{"answered", "completed"}
	form.Set("MachineDetection", "Enable")
	post(h, form)
	for _, status := range []string{"in-progress", "completed"} {
		got := <-forms
		want := []string{"AccountSid", "ApiVersion", "CallSid", "CallStatus", "CallbackSource", "Called", "Caller", "Direction", "From", "SequenceNumber", "Timestamp", "To"}
		if status == "completed" {
			want = append([]string{"AccountSid", "AnsweredBy", "ApiVersion", "CallDuration"}, append(want[2:8:8], "Duration", "From", "SequenceNumber", "Timestamp", "To")...)
		}
		if keys := slices.Sorted(maps.Keys(got)); got.Get("CallStatus") != status || !slices.Equal(keys, want) {
			t.Errorf("%s with %v, want %s with %v", got.Get("CallStatus"), keys, status, want)
		}
	}
	form.Del("StatusCallbackEvent")
	post(h, form)
	if got := <-forms; got.Get("CallStatus") != "completed" {
		t.Errorf("told %s, where nothing was asked for: want completed", got.Get("CallStatus"))
	}
}
