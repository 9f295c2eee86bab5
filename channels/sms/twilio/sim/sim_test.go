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

// stand is the simulator without network: a handler and the desk behind it.
type stand struct {
	desk    *sandbox.Desk
	handler http.Handler
}

func newStand(t *testing.T, c sandbox.Conduct) stand {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "twilio", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return stand{d, newProvider(d)}
}

func (s stand) post(form url.Values) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/2010-04-01/Accounts/"+AccountSID+"/Messages.json", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(AccountSID, AuthToken)
	rec := httptest.NewRecorder()
	s.handler.ServeHTTP(rec, req)
	return rec
}

// documented is the request that "Messages resource" shows under "Create a Message".
func documented() url.Values {
	return url.Values{
		"Body": {"Join Earth's mightiest heroes. Like Kevin Bacon."},
		"From": {"+15557122661"},
		"To":   {"+15558675310"},
	}
}

// TestDocumentedRequest replays the documented request; the answer is to have the documented
// properties, and values of the documented types.
func TestDocumentedRequest(t *testing.T) {
	s := newStand(t, sandbox.Conduct{})
	rec := s.post(documented())
	if rec.Code != http.StatusCreated {
		t.Fatalf("status %d, body %s; want 201", rec.Code, rec.Body)
	}
	var got map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := []string{"account_sid", "api_version", "body", "date_created", "date_sent", "date_updated",
		"direction", "error_code", "error_message", "from", "messaging_service_sid", "num_media",
		"num_segments", "price", "price_unit", "sid", "status", "subresource_uris", "to", "uri"}
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want) {
		t.Errorf("properties %v, want %v", keys, want)
	}
	for key, value := range map[string]any{
		"account_sid": AccountSID, "api_version": "2010-04-01", "direction": "outbound-api",
		"body": documented().Get("Body"), "from": "+15557122661", "to": "+15558675310",
		"status": "queued", "num_segments": "1", "num_media": "0", "error_code": nil, "price": nil,
		"messaging_service_sid": nil,
	} {
		if got[key] != value {
			t.Errorf("%s = %v, want %v", key, got[key], value)
		}
	}
	if sid := got["sid"].(string); len(sid) != 34 || !strings.HasPrefix(sid, "SM") {
		t.Errorf("sid = %q, want SM and 32 digits", sid)
	}
	if total := s.desk.Total(); total.Accepted != 1 || total.Delivered != 1 {
		t.Errorf("the desk counted %+v, want one accepted and delivered", total)
	}
}

// TestMessagingService: without a sender the first status is "accepted", and segments aren't counted.
func TestMessagingService(t *testing.T) {
	form := documented()
	form.Del("From")
	form.Set("MessagingServiceSid", "MG00000000000000000000000000000000")
	var got message
	if err := json.Unmarshal(newStand(t, sandbox.Conduct{}).post(form).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Status != "accepted" || got.NumSegments != "0" || got.From != nil {
		t.Errorf("status %q, %s segments, from %v; want accepted, 0, null", got.Status, got.NumSegments, got.From)
	}
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(url.Values)
		code   int
	}{
		"unknown parameter":      {func(f url.Values) { f.Set("Text", "x") }, 20001},
		"repeated parameter":     {func(f url.Values) { f.Add("To", "+15550000000") }, 20001},
		"no recipient":           {func(f url.Values) { f.Del("To") }, 21604},
		"national number":        {func(f url.Values) { f.Set("To", "069123456") }, 21211},
		"number with a blank":    {func(f url.Values) { f.Set("To", "+373 69123456") }, 21211},
		"no sender":              {func(f url.Values) { f.Del("From") }, 21603},
		"bad sender":             {func(f url.Values) { f.Set("From", "A very long name") }, 21212},
		"bad service":            {func(f url.Values) { f.Set("MessagingServiceSid", "x") }, 21705},
		"no text":                {func(f url.Values) { f.Del("Body") }, 21602},
		"long text":              {func(f url.Values) { f.Set("Body", strings.Repeat("ж", 1601)) }, 21617},
		"validity of nothing":    {func(f url.Values) { f.Set("ValidityPeriod", "0") }, 21624},
		"validity of 11 hours":   {func(f url.Values) { f.Set("ValidityPeriod", "39600") }, 21624},
		"validity of a fraction": {func(f url.Values) { f.Set("ValidityPeriod", "1.5") }, 21624},
		"relative callback":      {func(f url.Values) { f.Set("StatusCallback", "/x") }, 21609},
		"underscore in callback": {func(f url.Values) { f.Set("StatusCallback", "https://a_b.example/x") }, 21609},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, sandbox.Conduct{})
			form := documented()
			tt.change(form)
			rec := s.post(form)
			var got account.Complaint
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if rec.Code != http.StatusBadRequest || got.Status != rec.Code || got.Code != tt.code || got.MoreInfo == "" {
				t.Errorf("HTTP %d, %+v; want 400 and the code %d", rec.Code, got, tt.code)
			}
			if n := s.desk.Total().Accepted; n != 0 {
				t.Errorf("the desk counted %d accepted, want 0", n)
			}
		})
	}
}

func TestSenders(t *testing.T) {
	for from, want := range map[string]bool{
		"+15005550006": true, "12345": true, "MyBank": true, "My Bank 24": true,
		"12": false, "A very long name": false, "Банк": false,
	} {
		if got := isSender(from); got != want {
			t.Errorf("isSender(%q) = %v, want %v", from, got, want)
		}
	}
}

// TestStatusCallbacks checks what arrives at the callback: the documented parameters, signed.
func TestStatusCallbacks(t *testing.T) {
	type call struct {
		form      url.Values
		signature string
	}
	calls := make(chan call, 8)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		calls <- call{form, r.Header.Get("X-Twilio-Signature")}
	}))
	t.Cleanup(hook.Close)
	s := newStand(t, sandbox.Conduct{})
	form := documented()
	form.Set("StatusCallback", hook.URL+"/receipts/a?b=c")
	var created message
	if err := json.Unmarshal(s.post(form).Body.Bytes(), &created); err != nil {
		t.Fatal(err)
	}
	statuses := map[string]bool{}
	for range 2 {
		c := <-calls
		status := c.form.Get("MessageStatus")
		statuses[status] = true
		want := []string{"AccountSid", "ApiVersion", "From", "MessageSid", "MessageStatus", "SmsSid", "SmsStatus", "To"}
		if status == "delivered" {
			want = slices.Insert(want, 5, "RawDlrDoneDate")
		}
		if keys := slices.Sorted(maps.Keys(c.form)); !slices.Equal(keys, want) {
			t.Errorf("%s: parameters %v, want %v", status, keys, want)
		}
		if c.form.Get("MessageSid") != created.SID || c.form.Get("SmsStatus") != status {
			t.Errorf("callback %v doesn't fit the message %s", c.form, created.SID)
		}
		if want := account.Sign(AuthToken, hook.URL+"/receipts/a?b=c", c.form); c.signature != want {
			t.Errorf("signature %q, want %q", c.signature, want)
		}
	}
	if !statuses["sent"] || !statuses["delivered"] {
		t.Errorf("statuses %v, want sent and delivered", statuses)
	}
}

// TestOtherRequests: what isn't the API of this account is refused.
func TestOtherRequests(t *testing.T) {
	s := newStand(t, sandbox.Conduct{})
	for _, tt := range []struct {
		method, path, password string
		status                 int
	}{
		{http.MethodGet, "/2010-04-01/Accounts/" + AccountSID + ".json", AuthToken, http.StatusOK},
		{http.MethodGet, "/2010-04-01/Accounts/" + AccountSID + ".json", "x", http.StatusUnauthorized},
		{http.MethodGet, "/2010-04-01/Accounts/AC1.json", AuthToken, http.StatusNotFound},
		{http.MethodPost, "/2010-04-01/Accounts/AC1/Messages.json", AuthToken, http.StatusNotFound},
		{http.MethodPost, "/2010-04-01/Accounts/" + AccountSID + "/Messages.json", "", http.StatusUnauthorized},
		{http.MethodPost, "/2010-04-01/Accounts/" + AccountSID + "/Calls.json", AuthToken, http.StatusNotFound},
		{http.MethodGet, "/", AuthToken, http.StatusNotFound},
	} {
		req := httptest.NewRequest(tt.method, tt.path, nil)
		req.SetBasicAuth(AccountSID, tt.password)
		rec := httptest.NewRecorder()
		s.handler.ServeHTTP(rec, req)
		if rec.Code != tt.status {
			t.Errorf("%s %s: status %d, want %d", tt.method, tt.path, rec.Code, tt.status)
		}
	}
}

// BenchmarkCreateMessage shows what the simulator itself costs a benchmark.
func BenchmarkCreateMessage(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "twilio", sandbox.Conduct{})
	defer func() { cancel(); d.Wait() }()
	s := stand{d, newProvider(d)}
	form := documented()
	b.ReportAllocs()
	for b.Loop() {
		s.post(form)
	}
}
