package inapp

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "0123456789abcdef0123456789abcdef"

func newTestSender(t testing.TB, base string) *sender {
	t.Helper()
	s, err := newSender(func(into any) error {
		*into.(*Config) = Config{base, testKey}
		return nil
	}, channels.Env{HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*sender)
}

// TestRequest compares a request with the golden one.
func TestRequest(t *testing.T) {
	var got any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/notices" || r.Header.Get("Authorization") != "Bearer "+testKey || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v", r.Method, r.URL.Path, r.Header)
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id":"7"}`))
	}))
	defer server.Close()
	at := time.Date(2026, 11, 22, 17, 25, 0, 0, time.UTC)
	ack, err := newTestSender(t, server.URL).Send(t.Context(), channels.Message{
		Ref: "0123-abcd", Address: "customer-1", Locale: "ro", Subject: "Cardurile nu merg", Text: "Căutăm cauza.", Topic: strings.Repeat("a", 32),
		Callback: "https://tocsin.example/v1/receipts/inapp/inbox/0123-abcd", UsefulFor: 90 * time.Minute,
		News: &channels.News{Kind: "outage", Status: "investigating", Impact: "major", At: at, StartedAt: at.Add(-time.Hour), Advice: "Luați numerar."},
	})
	if err != nil || ack.ID != "7" {
		t.Fatalf("Ack %+v, %v", ack, err)
	}
	raw, err := os.ReadFile("testdata/request.json")
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestAnswers is what each answer means.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		class  channels.Class
		code   string
	}{
		{201, `{}`, channels.Unknown, "201 unreadable"},
		{200, `<html>`, channels.Unknown, "200 unreadable"},
		{401, `{"error":"key"}`, channels.Auth, "401"},
		{404, `{"error":"unknown_customer"}`, channels.InvalidAddress, "unknown_customer"},
		{404, `not here`, channels.Rejected, "404"},
		{422, `{"error":"unreadable"}`, channels.Rejected, "422"},
		{429, `{"error":"too_fast"}`, channels.RateLimited, "429"},
		{500, ``, channels.Unknown, "500"},
		{503, `{"error":"unavailable"}`, channels.Unavailable, "503"},
	} {
		_, err := readAck(channels.Answer{Status: c.status, Body: []byte(c.body)})
		if e := channels.AsError(err); e.Class != c.class || e.Code != c.code {
			t.Errorf("%d %s: %v, want %v (%s)", c.status, c.body, e, c.class, c.code)
		}
	}
}

func signed(signature string, body []byte) channels.Callback {
	return channels.Callback{Method: http.MethodPost, Header: http.Header{"Tocsin-Inbox-Signature": {signature}}, Body: body}
}

// TestGoldenReport reads a report that was signed with another tool (Python's hmac).
func TestGoldenReport(t *testing.T) {
	body, err := os.ReadFile("testdata/callback_read.json")
	if err != nil {
		t.Fatal(err)
	}
	const signature = "t=1795368300,v1=1a4f5293ef51aa5ff2ca3b1da90e62753a7305d654f0dc3572ac83298bf744bf"
	s := newTestSender(t, "https://inbox.example")
	s.now = func() time.Time { return time.Unix(1795368300, 0).Add(window) }
	heard, err := s.ParseCallback(signed(signature, body))
	want := channels.Receipt{Ref: "0123-abcd", ProviderID: "7", State: channels.ReceiptRead, Code: "read", At: time.Date(2026, 11, 22, 17, 25, 0, 0, time.UTC)}
	if err != nil || len(heard.Receipts) != 1 || heard.Receipts[0] != want {
		t.Errorf("%+v, %v; want %+v", heard, err, want)
	}
	for _, now := range []time.Duration{window + time.Second, -window - time.Second} {
		s.now = func() time.Time { return time.Unix(1795368300, 0).Add(now) }
		if _, err := s.ParseCallback(signed(signature, body)); channels.AsError(err).Class != channels.Auth {
			t.Errorf("%v away: %v, want class auth", now, err)
		}
	}
	s.now = func() time.Time { return time.Unix(1795368300, 0) }
	c := signed(signature, body)
	c.Ref = "another"
	if _, err := s.ParseCallback(c); channels.AsError(err).Class != channels.Auth {
		t.Errorf("at another attempt's URL: %v, want class auth", err)
	}
}

func TestCheckAddress(t *testing.T) {
	for _, good := range []string{"1", "customer-1", "клиент/1", strings.Repeat("x", 128)} {
		if got, err := checkAddress(good); err != nil || got != good {
			t.Errorf("%q: %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{"", " ", "a b", "a\n", "\xff", strings.Repeat("x", 129)} {
		if _, err := checkAddress(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add([]byte(`{"ref":"a","id":"1","state":"read","at":"2026-11-22T17:25:00Z"}`))
	f.Add([]byte(`{"ref":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseReport(body)
		if err == nil && (r.Ref == "" || r.State != channels.ReceiptDelivered && r.State != channels.ReceiptRead) {
			t.Errorf("receipt %+v", r)
		}
	})
}
