package fcm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const serviceAccount = `{"type":"service_account","project_id":"example-bank","private_key_id":"4f1e","private_key":"` + exampleKey +
	`","client_email":"tocsin@example-bank.iam.gserviceaccount.com","token_uri":"https://oauth2.googleapis.com/token"}`

func configured(c Config) func(any) error {
	return func(into any) error { *into.(*Config) = c; return nil }
}

// newTestSender makes a sender for a server that grants tokens and answers messages with h.
func newTestSender(t *testing.T, granted *atomic.Int32, h http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_, _ = fmt.Fprintf(w, `{"access_token":"ya29.%d","expires_in":3599,"token_type":"Bearer"}`, granted.Add(1))
			return
		}
		h(w, r)
	}))
	t.Cleanup(server.Close)
	s, err := newSender(configured(Config{
		ServiceAccount: serviceAccount, BaseURL: server.URL, TokenURL: server.URL + "/token", Link: "https://status.bank.example/",
	}), channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testdata(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func jsonOf(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

func TestRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock stands at 2000-01-01
		s := &sender{link: "https://status.bank.example/"}
		m := s.message(channels.Message{
			Ref: "0192-a-1-mac", Address: "token", Subject: "Cards", Text: "Cards <down> & \"out\"\nПлата 🔔",
			Topic: "0123456789abcdef0123456789abcdef", UsefulFor: time.Hour, News: &channels.News{Link: "https://status.bank.example/7"},
		}, time.Now())
		got, err := json.Marshal(request{Message: m})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(jsonOf(t, testdata(t, "request.json")), jsonOf(t, got)); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	})
}

func TestSend(t *testing.T) {
	var granted atomic.Int32
	s := newTestSender(t, &granted, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/projects/example-bank/messages:send" || r.Header.Get("Authorization") != "Bearer ya29.1" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		_, _ = io.WriteString(w, `{"name":"projects/example-bank/messages/0:15"}`)
	})
	for range 3 {
		ack, err := s.Send(context.Background(), channels.Message{Address: "t", Text: "a"})
		if err != nil || ack != (channels.Ack{ID: "projects/example-bank/messages/0:15", Proof: channels.Accepted}) {
			t.Errorf("Ack = %+v, error %v", ack, err)
		}
	}
	if n := granted.Load(); n != 1 {
		t.Errorf("%d access tokens for three messages", n)
	}
}

// TestRefusedToken: a token that was revoked is not used again.
func TestRefusedToken(t *testing.T) {
	var granted atomic.Int32
	s := newTestSender(t, &granted, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer ya29.1" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"name":"projects/example-bank/messages/1"}`)
	})
	m := channels.Message{Address: "t", Text: "a"}
	if _, err := s.Send(context.Background(), m); channels.AsError(err).Class != channels.Auth {
		t.Errorf("error %v, want class auth", err)
	}
	if _, err := s.Send(context.Background(), m); err != nil || granted.Load() != 2 {
		t.Errorf("error %v after %d tokens; want the second to do", err, granted.Load())
	}
}

// answering is a transport that answers token requests without a network, for tests in which time passes.
type answering struct {
	asked  atomic.Int32
	life   int
	status int
	body   string
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	n := a.asked.Add(1)
	body := a.body
	if body == "" {
		body = fmt.Sprintf(`{"access_token":"ya29.%d","expires_in":%d}`, n, a.life)
	}
	if a.status == 0 {
		return nil, errors.New("connection reset by peer")
	}
	return &http.Response{StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func newTestTokens(t *testing.T, a *answering) *tokens {
	t.Helper()
	account, err := readAccount(serviceAccount)
	if err != nil {
		t.Fatal(err)
	}
	ts, err := newTokens(account, channels.Env{HTTP: &http.Client{Transport: a}})
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

func TestTokensAreKeptAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answering{life: 3600, status: 200}
		ts := newTestTokens(t, a)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if got, err := ts.get(t.Context()); err != nil || got != "ya29.1" {
					t.Errorf("token %q, error %v", got.Reveal(), err)
				}
			})
		}
		all.Wait()
		time.Sleep(time.Hour - renewBefore - time.Second)
		if got, _ := ts.get(t.Context()); got != "ya29.1" {
			t.Errorf("before its time: %q", got.Reveal())
		}
		time.Sleep(time.Second)
		if got, _ := ts.get(t.Context()); got != "ya29.2" || a.asked.Load() != 2 {
			t.Errorf("at its time: %q, asked %d times", got.Reveal(), a.asked.Load())
		}
		ts.drop("ya29.1")
		if got, _ := ts.get(t.Context()); got != "ya29.2" {
			t.Errorf("after an old one was dropped: %q", got.Reveal())
		}
	})
}

func TestTokensOfNoLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answering{status: 200}
		ts := newTestTokens(t, a)
		for range 10 {
			if _, err := ts.get(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := a.asked.Load(); n != 1 {
			t.Errorf("asked %d times at once", n)
		}
	})
}

// TestNoTokenNoMessage: whatever goes wrong in getting a token, the message did not go out.
func TestNoTokenNoMessage(t *testing.T) {
	for name, c := range map[string]struct {
		answer *answering
		class  channels.Class
		code   string
	}{
		"bad signature":   {&answering{status: 400, body: `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`}, channels.Auth, "token 400 invalid_grant"},
		"no such account": {&answering{status: 401, body: `{"error":"invalid_client"}`}, channels.Auth, "token 401 invalid_client"},
		"prose":           {&answering{status: 400, body: `{"error":"for tocsin@example-bank"}`}, channels.Auth, "token 400"},
		"too fast":        {&answering{status: 429, body: `{}`}, channels.RateLimited, "token 429"},
		"broken":          {&answering{status: 500, body: `{}`}, channels.Unavailable, "token 500"},
		"out of order":    {&answering{status: 503, body: ` `}, channels.Unavailable, "token 503"},
		"unreadable":      {&answering{status: 200, body: `<html>`}, channels.Unavailable, "token 200 unreadable"},
		"no token":        {&answering{status: 200, body: `{}`}, channels.Unavailable, "token 200 unreadable"},
		"lost":            {&answering{}, channels.Unavailable, "token connection_lost"},
	} {
		_, err := newTestTokens(t, c.answer).get(t.Context())
		if e := channels.AsError(err); e.Class != c.class || e.Code != c.code {
			t.Errorf("%s: error %v, want %v (%s)", name, err, c.class, c.code)
		}
	}
	ts := newTestTokens(t, &answering{status: 200})
	ts.lock <- struct{}{} // another is having one
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ts.get(ctx); channels.AsError(err).Class != channels.Unavailable {
		t.Errorf("while waiting: error %v, want class unavailable", err)
	}
}

func TestTooLongCostsNoRequest(t *testing.T) {
	var granted atomic.Int32
	s := newTestSender(t, &granted, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, err := s.Send(context.Background(), channels.Message{Address: "t", Text: strings.Repeat("a", maxPayload)})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "too_long" || granted.Load() != 0 {
		t.Errorf("error %v, want rejected (too_long)", err)
	}
}

func TestCheckAddress(t *testing.T) {
	long := strings.Repeat("a", maxToken)
	for s, want := range map[string]bool{
		"bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1": true, long: true,
		long + "a": false, "": false, "short": false, strings.Repeat("a", 40) + " ": false, strings.Repeat("ţ", 40): false,
	} {
		if _, err := CheckAddress(s); (err == nil) != want {
			t.Errorf("CheckAddress(%.50q): %v", s, err)
		}
	}
}

func TestConfig(t *testing.T) {
	env := channels.Env{HTTP: &http.Client{}}
	for name, c := range map[string]struct{ old, new string }{
		"no JSON":        {"{", "("},
		"another type":   {"service_account", "authorized_user"},
		"no project":     {"example-bank", ""},
		"evil project":   {`"project_id":"example-bank"`, `"project_id":"../x/y"`},
		"no e-mail":      {"tocsin@example-bank.iam.gserviceaccount.com", ""},
		"no token URI":   {"https://oauth2.googleapis.com/token", ""},
		"no key":         {"BEGIN PRIVATE", "BEGIN PUBLIC"},
		"missing at all": {serviceAccount, ""},
	} {
		in := channels.Secret(strings.Replace(serviceAccount, c.old, c.new, 1))
		if name == "no key" {
			in = channels.Secret(strings.Replace(serviceAccount, exampleKey, "geheim", 1))
		}
		_, err := newSender(configured(Config{ServiceAccount: in, BaseURL: "https://fcm.googleapis.com"}), env)
		if err == nil || !strings.HasPrefix(err.Error(), "service_account:") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for key, c := range map[string]Config{
		"link:":      {ServiceAccount: serviceAccount, Link: "x", BaseURL: "https://a"},
		"base_url:":  {ServiceAccount: serviceAccount, BaseURL: "a"},
		"token_url:": {ServiceAccount: serviceAccount, BaseURL: "https://a", TokenURL: "b"},
	} {
		if _, err := newSender(configured(c), env); err == nil || !strings.HasPrefix(err.Error(), key) {
			t.Errorf("error %v, want one about %s", err, key)
		}
	}
}
