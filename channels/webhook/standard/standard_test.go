package standard

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	testKey    = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
)

// TestSign has the vectors of the standard's libraries
// (https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries).
func TestSign(t *testing.T) {
	const v1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	const v1a = "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
	for want, secrets := range map[string][]channels.Secret{
		v1: {testSecret}, v1a: {testKey}, v1 + " " + v1a: {testSecret, testKey}, v1a + " " + v1: {testKey, testSecret},
	} {
		keys, err := parseKeys(secrets)
		if err != nil {
			t.Fatal(err)
		}
		if got := sign(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestKeys(t *testing.T) {
	of := func(prefix string, n int) string { return prefix + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for s, want := range map[string]bool{
		of("whsec_", 24): true, of("whsec_", 64): true, of("whsec_", 23): false, of("whsec_", 65): false,
		of("whsk_", 32): true, of("whsk_", 64): true, of("whsk_", 33): false, of("whpk_", 32): false,
		"whsec_geheim!": false, "whsk_geheim!": false, "geheim": false, "": false,
	} {
		if _, err := parseKey(s); (err == nil) != want || (err != nil && strings.Contains(err.Error(), "geheim")) {
			t.Errorf("%s: error %v", s, err)
		}
	}
}

func configured(c Config) func(any) error {
	return func(into any) error { *into.(*Config) = c; return nil }
}

// newTestSender makes a sender for the partner "acquirer" and for URLs, all of them a server of our own.
func newTestSender(t *testing.T, h http.HandlerFunc) (s channels.Sender, base string) {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(configured(Config{
		Partners:      map[string]Partner{"acquirer": {server.URL + "/hook?x=1", []channels.Secret{testSecret, testKey}}},
		SigningKeys:   []channels.Secret{testKey},
		OutsideConfig: channels.OutsideConfig{AllowNetworks: []string{"127.0.0.0/8"}},
	}), channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, server.URL
}

func message() channels.Message {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return channels.Message{
		Ref: "0192-a-1-mac", Address: "acquirer", Locale: "en", Subject: "Cards", Text: "Cards <down> & \"out\"\nПлата 🔔",
		Topic: "0123456789abcdef0123456789abcdef",
		News:  &channels.News{Kind: "outage", Status: "identified", Impact: "major", At: at, StartedAt: at.Add(-time.Hour), Services: []string{"card payments"}},
	}
}

func TestRequest(t *testing.T) {
	want, err := os.ReadFile("testdata/request.json")
	if err != nil {
		t.Fatal(err)
	}
	schemes := make(chan string, 2)
	s, base := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var got, wanted any
		if json.Unmarshal(body, &got) != nil || json.Unmarshal(want, &wanted) != nil || cmp.Diff(wanted, got) != "" {
			t.Errorf("request (-want +got):\n%s", cmp.Diff(wanted, got))
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("webhook-id") != "0192-a-1-mac" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		at := r.Header.Get("webhook-timestamp")
		keys, _ := parseKeys([]channels.Secret{testSecret, testKey})
		scheme := "v1 v1a"
		if r.URL.Path == "/elsewhere" {
			keys, scheme = keys[1:], "v1a"
		}
		if r.Header.Get("webhook-signature") != sign(keys, "0192-a-1-mac", at, body) {
			t.Errorf("signature %q", r.Header.Get("webhook-signature"))
		}
		schemes <- r.URL.RequestURI() + " " + scheme
		w.WriteHeader(http.StatusAccepted)
	})
	for address, want := range map[string]string{"acquirer": "/hook?x=1 v1 v1a", base + "/elsewhere": "/elsewhere v1a"} {
		m := message()
		m.Address = address
		if ack, err := s.Send(context.Background(), m); err != nil || ack != (channels.Ack{Proof: channels.Delivered}) {
			t.Fatalf("Ack = %+v, error %v", ack, err)
		}
		if got := <-schemes; got != want {
			t.Errorf("sent to %s, want %s", got, want)
		}
	}
}

func TestEventTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock stands at 2000-01-01
		if got := newEvent(message(), time.Now()).Timestamp.Format(time.RFC3339); got != "2026-03-01T12:00:00Z" {
			t.Errorf("of news: %s", got)
		}
		if got := newEvent(channels.Message{}, time.Now()).Timestamp.Format(time.RFC3339); got != "2000-01-01T00:00:00Z" {
			t.Errorf("without news: %s", got)
		}
	})
}

func TestAddresses(t *testing.T) {
	s, base := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	send := func(s channels.Sender, address string) *channels.Error {
		m := message()
		m.Address = address
		_, err := s.Send(context.Background(), m)
		return channels.AsError(err)
	}
	for address, code := range map[string]string{"nobody": "no_such_partner", "http://example.com": "url", "": "url"} {
		if e := send(s, address); e.Class != channels.InvalidAddress || e.Code != code {
			t.Errorf("%q: %v, want invalid_address (%s)", address, e, code)
		}
	}
	withoutKeys, err := newSender(configured(Config{Partners: map[string]Partner{"a": {base, []channels.Secret{testSecret}}}}), channels.Env{HTTP: &http.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	if e := send(withoutKeys, base); e.Class != channels.Rejected || e.Code != "no_signing_keys" {
		t.Errorf("%v, want rejected (no_signing_keys)", e)
	}
	if e := send(withoutKeys, "a"); e.Class != channels.Rejected || e.Code != "special_address" {
		t.Errorf("a partner inside: %v, want rejected (special_address)", e)
	}
}

func TestAnswers(t *testing.T) {
	for status, want := range map[int]channels.Class{
		301: channels.Rejected, 307: channels.Rejected, 400: channels.Rejected, 401: channels.Rejected, 403: channels.Rejected,
		404: channels.Rejected, 408: channels.Unknown, 410: channels.InvalidAddress, 422: channels.Rejected, 429: channels.RateLimited,
		500: channels.Unknown, 502: channels.Unknown, 503: channels.Unavailable, 504: channels.Unknown,
	} {
		e := refusal(channels.Answer{Status: status, Header: http.Header{"Retry-After": {"9"}}})
		after := map[channels.Class]time.Duration{channels.RateLimited: 9 * time.Second, channels.Unavailable: 9 * time.Second}[want]
		if e.Class != want || e.RetryAfter != after {
			t.Errorf("%d: %v after %v, want %v after %v", status, e, e.RetryAfter, want, after)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for s, want := range map[string]string{
		"acquirer": "acquirer", "a.b_c-1": "a.b_c-1", "https://Hooks.Example/Bank?a=b": "https://hooks.example/Bank?a=b",
		"http://hooks.example": "", "": "", "-a": "", "Acquirer": "", "a b": "", strings.Repeat("a", 64): "", "mailto:a@b": "",
	} {
		if got, err := CheckAddress(s); got != want || (err == nil) != (want != "") {
			t.Errorf("CheckAddress(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
}

func FuzzCheckAddress(f *testing.F) {
	f.Add("acquirer")
	f.Add("https://hooks.example/bank?a=<b>")
	f.Fuzz(func(t *testing.T, s string) {
		normal, err := CheckAddress(s)
		if err != nil {
			return
		}
		if again, err := CheckAddress(normal); err != nil || again != normal {
			t.Fatalf("%q becomes %q, then %q, %v", s, normal, again, err)
		}
	})
}

func TestConfig(t *testing.T) {
	partner := func(p Partner) Config { return Config{Partners: map[string]Partner{"acquirer": p}} }
	secrets := []channels.Secret{testSecret}
	for prefix, c := range map[string]Config{
		"partners, signing_keys:":             {},
		"partners.acquirer: url":              partner(Partner{"http://a.example", secrets}),
		"partners.acquirer: secrets: want at": partner(Partner{"https://a.example", nil}),
		"partners.acquirer: secrets: whsec_":  partner(Partner{"https://a.example", []channels.Secret{"whsec_geheim!"}}),
		`partners: "A b"`:                     {Partners: map[string]Partner{"A b": {"https://a.example", secrets}}},
		"signing_keys: want asymmetric":       {SigningKeys: secrets},
		"signing_keys: whsk_":                 {SigningKeys: []channels.Secret{"whsk_geheim!"}},
		"allow_networks:":                     {SigningKeys: []channels.Secret{testKey}, OutsideConfig: channels.OutsideConfig{AllowNetworks: []string{"x"}}},
	} {
		_, err := newSender(configured(c), channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), prefix) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("error %v, want one that begins with %s", err, prefix)
		}
	}
}
