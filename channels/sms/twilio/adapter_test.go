package twilio

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
)

const (
	testAccount = "AC00112233445566778899aabbccddeeff"
	testToken   = "00112233445566778899aabbccddee00"
)

func newTestSender(t testing.TB, baseURL string) *sender {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c := testConfig()
	c.BaseURL = baseURL
	s, err := newSender(func(into any) error { *into.(*config) = c; return nil },
		channels.Env{HTTP: &http.Client{Transport: transport}, UserAgent: "tocsin/test"})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*sender)
}

func testConfig() config {
	return config{Config: twilio.Config{AccountSID: testAccount, AuthToken: testToken}, From: senders{"+15005550006"}}
}

// answering starts a server that gives every request the same answer.
func answering(t *testing.T, status int, header http.Header, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestConfig(t *testing.T) {
	const service = "MG00112233445566778899aabbccddeeff"
	for name, tt := range map[string]struct {
		change func(*config)
		want   string // what the error names; "" for none
	}{
		"good":                   {func(*config) {}, ""},
		"pool":                   {func(c *config) { c.From = senders{"+15005550006", "12345", "My Bank-24"} }, ""},
		"service":                {func(c *config) { c.From, c.MessagingServiceSID = nil, service }, ""},
		"service and countries":  {func(c *config) { c.From, c.MessagingServiceSID, c.FromByCountry = nil, service, countries() }, ""},
		"own base URL":           {func(c *config) { c.BaseURL = "http://127.0.0.1:1/twilio/" }, ""},
		"bounded validity":       {func(c *config) { c.MaxValidity = 4 * time.Hour }, ""},
		"no account":             {func(c *config) { c.AccountSID = "" }, "account_sid"},
		"no sender":              {func(c *config) { c.From = nil }, "from, messaging_service_sid"},
		"two kinds of sender":    {func(c *config) { c.MessagingServiceSID = service }, "from, messaging_service_sid"},
		"bad service":            {func(c *config) { c.From, c.MessagingServiceSID = nil, "MG1" }, "messaging_service_sid"},
		"a long name":            {func(c *config) { c.From = senders{"National Bank"} }, "from"},
		"a name of other script": {func(c *config) { c.From = senders{"Банк"} }, "from"},
		"an empty member":        {func(c *config) { c.From = senders{"Bank", ""} }, "from"},
		"a prefix without plus":  {func(c *config) { c.FromByCountry = map[string]senders{"373": {"Bank"}} }, "from_by_country"},
		"a country code":         {func(c *config) { c.FromByCountry = map[string]senders{"MD": {"Bank"}} }, "from_by_country"},
		"a country without one":  {func(c *config) { c.FromByCountry = map[string]senders{"+373": {}} }, "from_by_country"},
		"a country's bad sender": {func(c *config) { c.FromByCountry = map[string]senders{"+373": {"12"}} }, "from_by_country"},
		"too long a validity":    {func(c *config) { c.MaxValidity = 11 * time.Hour }, "max_validity"},
		"negative validity":      {func(c *config) { c.MaxValidity = -1 }, "max_validity"},
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig()
			tt.change(&c)
			_, err := newSender(func(into any) error { *into.(*config) = c; return nil }, channels.Env{HTTP: &http.Client{}})
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want one that names %q", err, tt.want)
			}
		})
	}
}

// TestRequest pins what goes over the wire, whatever the SDK's environment variables say.
func TestRequest(t *testing.T) {
	t.Setenv("TWILIO_REGION", "ie1")
	t.Setenv("TWILIO_EDGE", "dublin")
	requests := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		requests <- r
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"sid":"SM1"}`)
	}))
	t.Cleanup(server.Close)
	ack, err := newTestSender(t, server.URL+"/prefix").Send(context.Background(), channels.Message{
		Ref: "r", Address: "+37369000100", Text: "a & b", Callback: "https://t.example/r", UsefulFor: 90 * time.Minute,
	})
	if err != nil || ack != (channels.Ack{ID: "SM1", Proof: channels.Accepted}) {
		t.Fatalf("Send = %+v, %v", ack, err)
	}
	r := <-requests
	if want := "/prefix/2010-04-01/Accounts/" + testAccount + "/Messages.json"; r.URL.Path != want {
		t.Errorf("path %q, want %q", r.URL.Path, want)
	}
	want := url.Values{"To": {"+37369000100"}, "Body": {"a & b"}, "From": {"+15005550006"},
		"StatusCallback": {"https://t.example/r"}, "ValidityPeriod": {"5400"}}
	if r.PostForm.Encode() != want.Encode() {
		t.Errorf("form %v, want %v", r.PostForm, want)
	}
	if user, password, _ := r.BasicAuth(); user != testAccount || password != testToken {
		t.Error("the request has other credentials than the configuration")
	}
	if got := r.Header.Get("User-Agent"); got != "tocsin/test" {
		t.Errorf("User-Agent %q, want ours", got)
	}
}

func TestParams(t *testing.T) {
	s := &sender{config: config{MessagingServiceSID: "MG1", MaxValidity: 4 * time.Hour}}
	for useful, want := range map[time.Duration]int{
		time.Millisecond: 1, time.Second: 1, 2*time.Second + time.Millisecond: 2, 4 * time.Hour: 14400, 10 * time.Hour: 14400,
	} {
		if p := s.params(channels.Message{UsefulFor: useful}); *p.ValidityPeriod != want {
			t.Errorf("UsefulFor %v gives ValidityPeriod %d, want %d", useful, *p.ValidityPeriod, want)
		}
	}
	p := s.params(channels.Message{})
	if p.ValidityPeriod != nil || p.StatusCallback != nil || p.From != nil || *p.MessagingServiceSid != "MG1" {
		t.Errorf("parameters %+v, want the messaging service and nothing that wasn't asked for", p)
	}
}

func TestRefusals(t *testing.T) {
	wait := http.Header{"Retry-After": {"7"}}
	for name, tt := range map[string]struct {
		status int
		header http.Header
		body   string
		class  channels.Class
		code   string
		after  time.Duration
	}{
		"invalid number":           {400, nil, `{"code":21211,"message":"The 'To' number +1 is not valid","status":400}`, channels.InvalidAddress, "21211", 0},
		"opted out":                {400, nil, `{"code":21610,"status":400}`, channels.InvalidAddress, "21610", 0},
		"region not enabled":       {400, nil, `{"code":21408,"status":400}`, channels.Rejected, "21408", 0},
		"a code we don't know":     {400, nil, `{"code":21999,"status":400}`, channels.Rejected, "21999", 0},
		"wrong token":              {401, nil, `{"code":20003,"status":401}`, channels.Auth, "20003", 0},
		"forbidden without a code": {403, nil, `nginx`, channels.Auth, "403", 0},
		"sender not ours":          {400, nil, `{"code":21660,"status":400}`, channels.Auth, "21660", 0},
		"too fast":                 {429, wait, `{"code":20429,"status":429}`, channels.RateLimited, "20429", 7 * time.Second},
		"too fast without a code":  {429, wait, ``, channels.RateLimited, "429", 7 * time.Second},
		"queue full":               {400, wait, `{"code":21611,"status":400}`, channels.RateLimited, "21611", 7 * time.Second},
		"unavailable":              {503, wait, `<html>503</html>`, channels.Unavailable, "503", 7 * time.Second},
		"maintenance":              {500, nil, `{"code":21730,"status":500}`, channels.Unavailable, "21730", 0},
		"internal error":           {500, wait, `{"code":20500,"status":500}`, channels.Unknown, "20500", 0},
		"bad gateway":              {502, nil, `<html>`, channels.Unknown, "502", 0},
		"gateway timeout":          {504, nil, ``, channels.Unknown, "504", 0},
		"taken, unreadable":        {201, nil, `{"sid":`, channels.Unknown, "unreadable_answer", 0},
		"taken, no id":             {201, nil, `{}`, channels.Unknown, "unreadable_answer", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestSender(t, answering(t, tt.status, tt.header, tt.body))
			_, err := s.Send(context.Background(), channels.Message{Address: "+1", Text: "x"})
			e, ok := err.(*channels.Error)
			if !ok {
				t.Fatalf("error %v is a %T", err, err)
			}
			if e.Class != tt.class || e.Code != tt.code || e.RetryAfter != tt.after {
				t.Errorf("class %v, code %q, after %v; want %v, %q, %v", e.Class, e.Code, e.RetryAfter, tt.class, tt.code, tt.after)
			}
			if strings.Contains(e.Error(), "+1") {
				t.Errorf("error %q gives the number away", e)
			}
		})
	}
}

func TestProbeOfASuspendedAccount(t *testing.T) {
	s := newTestSender(t, answering(t, http.StatusOK, nil, `{"sid":"`+testAccount+`","status":"suspended"}`))
	e, ok := s.Probe(context.Background()).(*channels.Error)
	if !ok || e.Class != channels.Auth || e.Code != "account_suspended" {
		t.Errorf("Probe: %v, want an error of class auth", e)
	}
}

// signed makes a callback with the signature that Twilio would give it.
func signed(t testing.TB, ref, body string) channels.Callback {
	t.Helper()
	u, err := url.Parse("https://tocsin.example/receipts/twilio/" + ref)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		t.Fatal(err)
	}
	return channels.Callback{Method: http.MethodPost, URL: u, Ref: ref, Body: []byte(body),
		Header: http.Header{"X-Twilio-Signature": {signature(u.String(), form)}}}
}

func TestParseCallback(t *testing.T) {
	const ids = "AccountSid=AC1&MessageSid=SM1&SmsSid=SM1&"
	failed := channels.Receipt{Ref: "r1", ProviderID: "SM1", State: channels.ReceiptFailed}
	with := func(r channels.Receipt, state channels.ReceiptState, code string) []channels.Receipt {
		r.State, r.Code = state, code
		return []channels.Receipt{r}
	}
	s := newTestSender(t, "")
	for name, tt := range map[string]struct {
		body string
		want []channels.Receipt
		code string // of the error, "" for none
	}{
		"queued":             {ids + "MessageStatus=queued", with(failed, channels.ReceiptAccepted, "queued"), ""},
		"sending":            {ids + "MessageStatus=sending", with(failed, channels.ReceiptAccepted, "sending"), ""},
		"sent":               {ids + "MessageStatus=sent", with(failed, channels.ReceiptAccepted, "sent"), ""},
		"delivered":          {ids + "MessageStatus=delivered&RawDlrDoneDate=2611220503", with(failed, channels.ReceiptDelivered, "delivered"), ""},
		"read":               {ids + "MessageStatus=read", with(failed, channels.ReceiptRead, "read"), ""},
		"undelivered":        {ids + "MessageStatus=undelivered&ErrorCode=30003", with(failed, channels.ReceiptFailed, "30003"), ""},
		"failed":             {ids + "MessageStatus=failed&ErrorCode=30036", with(failed, channels.ReceiptFailed, "30036"), ""},
		"failed, no code":    {ids + "MessageStatus=failed", with(failed, channels.ReceiptFailed, "failed"), ""},
		"canceled":           {ids + "MessageStatus=canceled", with(failed, channels.ReceiptFailed, "canceled"), ""},
		"incoming message":   {ids + "SmsStatus=received&From=%2B37369000100&Body=STOP", nil, ""},
		"a webhook's test":   {ids, nil, ""},
		"status of tomorrow": {ids + "MessageStatus=teleported", nil, "status"},
		"no message":         {"MessageStatus=delivered", nil, "body"},
		"status twice":       {ids + "MessageStatus=failed&MessageStatus=delivered", with(failed, channels.ReceiptFailed, "failed"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			heard, err := s.ParseCallback(signed(t, "r1", tt.body))
			if !slices.Equal(heard.Receipts, tt.want) {
				t.Errorf("receipts %+v, want %+v", heard.Receipts, tt.want)
			}
			if tt.code == "" {
				if err != nil {
					t.Errorf("error %v, want none", err)
				}
				return
			}
			if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != tt.code {
				t.Errorf("error %v, want one of class rejected with the code %q", err, tt.code)
			}
		})
	}
}

// TestTheURLIsSigned: a receipt for one attempt proves nothing about another.
func TestTheURLIsSigned(t *testing.T) {
	c := signed(t, "r1", "MessageSid=SM1&MessageStatus=delivered")
	c.URL, _ = url.Parse("https://tocsin.example/receipts/twilio/r2")
	c.Ref = "r2"
	if _, err := newTestSender(t, "").ParseCallback(c); channels.AsError(err).Class != channels.Auth {
		t.Errorf("error %v, want one of class auth", err)
	}
}

func FuzzParseCallback(f *testing.F) {
	f.Add("MessageSid=SM1&MessageStatus=delivered", true)
	f.Add("MessageSid=SM1&MessageStatus=delivered&ErrorCode=30003", false)
	f.Add("%zz;=&&=\x00", true)
	f.Add("SmsStatus=received&From=%2B37369000100&Body=STOP&OptOutType=STOP", true)
	s := newTestSender(f, "")
	u, err := url.Parse("https://tocsin.example/receipts/twilio/r1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string, genuine bool) {
		c := channels.Callback{Method: http.MethodPost, URL: u, Ref: "r1", Header: http.Header{}, Body: []byte(body)}
		form, unreadable := url.ParseQuery(body)
		if genuine {
			c.Header.Set("X-Twilio-Signature", signature(u.String(), form))
		}
		heard, err := s.ParseCallback(c)
		if err != nil && (len(heard.Receipts) != 0 || channels.AsError(err).Code == "unclassified") {
			t.Errorf("%d receipts and the error %v", len(heard.Receipts), err)
		}
		if (!genuine || unreadable != nil) && err == nil {
			t.Errorf("body %q was taken", body)
		}
		for _, in := range heard.Inbound {
			if !isNumber(in.Address) {
				t.Errorf("inbound %+v", in)
			}
		}
		for _, r := range heard.Receipts {
			if r.Ref != "r1" || r.ProviderID == "" || r.State == "" || r.Code == "" {
				t.Errorf("receipt %+v is incomplete", r)
			}
		}
	})
}
