package webpush

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"

func configured(c Config) func(any) error {
	return func(into any) error { *into.(*Config) = c; return nil }
}

// newTestSender makes a sender for subscriptions at a server of our own, which the configuration allows.
func newTestSender(t *testing.T, h http.HandlerFunc) (s *sender, address string) {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	made, err := newSender(configured(Config{
		VAPIDPrivateKey: testKey, Contact: "mailto:outages@bank.example", Link: "https://status.bank.example/",
		OutsideConfig: channels.OutsideConfig{AllowNetworks: []string{"127.0.0.0/8"}},
	}), channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	return made.(*sender), strings.Replace(rfcSubscription, "https://push.example.net", server.URL, 1)
}

func TestRequest(t *testing.T) {
	got := make(chan *http.Request, 1)
	s, address := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if len(body) <= headerSize {
			t.Errorf("a body of %d bytes", len(body))
		}
		got <- r
		w.Header().Set("Location", "https://push.example.net/m/secret")
		w.WriteHeader(http.StatusCreated)
	})
	ack, err := s.Send(context.Background(), channels.Message{Address: address, Text: "down", Topic: "0123456789abcdef0123456789abcdef", UsefulFor: 90 * time.Second})
	if err != nil || ack != (channels.Ack{Proof: channels.Accepted}) {
		t.Fatalf("Ack = %+v, error %v", ack, err)
	}
	r := <-got
	if r.Method != http.MethodPost || r.URL.Path != "/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	for name, want := range map[string]string{
		"TTL": "90", "Urgency": "high", "Topic": "0123456789abcdef0123456789abcdef", "Content-Encoding": "aes128gcm",
		"Content-Type": "application/octet-stream", "User-Agent": "tocsin/1",
	} {
		if v := r.Header.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	checkAuthorization(t, r.Header.Get("Authorization"), "https://"+r.Host)
}

// checkAuthorization verifies a header of the scheme vapid, whose key is the one of testKey.
func checkAuthorization(t *testing.T, header, origin string) {
	t.Helper()
	const public = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
	token, k, ok := strings.Cut(strings.TrimPrefix(header, "vapid t="), ", k=")
	parts := strings.Split(token, ".")
	if !ok || k != public || len(parts) != 3 {
		t.Fatalf("Authorization: %s", header)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), decoded(t, k))
	if err != nil {
		t.Fatal(err)
	}
	sum, signature := sha256.Sum256([]byte(parts[0]+"."+parts[1])), decoded(t, parts[2])
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		t.Error("the token's signature is wrong")
	}
	claims := string(decoded(t, parts[1]))
	if !strings.Contains(claims, `"aud":"`+origin+`"`) || !strings.Contains(claims, `"sub":"mailto:outages@bank.example"`) {
		t.Errorf("claims %s", claims)
	}
}

// TestPayload compares what the service worker gets with the file.
func TestPayload(t *testing.T) {
	want, err := os.ReadFile("testdata/payload.json")
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{link: "https://status.bank.example/"}
	got, err := s.payload(channels.Message{
		Subject: "Cards", Text: "Cards <down> & \"out\"\nПлата 🔔", Topic: "abc", Locale: "ru",
		News: &channels.News{Link: "https://status.bank.example/i/7?a=1&b=2"},
	})
	if err != nil || string(got) != strings.TrimSpace(string(want)) {
		t.Errorf("payload\n%s, error %v, want\n%s", got, err, want)
	}
	if got, err := s.payload(channels.Message{Text: "a"}); err != nil || string(got) != `{"body":"a","url":"https://status.bank.example/"}` {
		t.Errorf("payload %s, error %v", got, err)
	}
}

func TestTooLongCostsNoRequest(t *testing.T) {
	s, address := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, err := s.Send(context.Background(), channels.Message{Address: address, Text: strings.Repeat("a", maxPlaintext)})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "too_long" {
		t.Errorf("error %v, want rejected (too_long)", err)
	}
}

// TestInsideIsNotCalled: a subscription whose endpoint is a host of our own network.
func TestInsideIsNotCalled(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was made") }))
	t.Cleanup(server.Close)
	s, err := newSender(configured(Config{VAPIDPrivateKey: testKey, Contact: "https://bank.example"}), channels.Env{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Replace(rfcSubscription, "https://push.example.net", server.URL, 1)
	_, err = s.Send(context.Background(), channels.Message{Address: address, Text: "a"})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "special_address" {
		t.Errorf("error %v, want rejected (special_address)", err)
	}
	_, err = s.Send(context.Background(), channels.Message{Address: "+37369123456", Text: "a"})
	if e := channels.AsError(err); e.Class != channels.InvalidAddress {
		t.Errorf("error %v, want class invalid_address", err)
	}
}

// TestTokens: a push service is shown the same token until an hour before its end.
func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, err := newVAPID(testKey, "mailto:a@bank.example")
		if err != nil {
			t.Fatal(err)
		}
		get := func(origin string) string {
			a, err := v.authorization(origin)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		first := get("https://a.example")
		if get("https://b.example") == first {
			t.Error("two services are shown the same token")
		}
		time.Sleep(tokenLife - renewBefore - time.Second)
		if get("https://a.example") != first {
			t.Error("the token was not kept")
		}
		time.Sleep(time.Second)
		if get("https://a.example") == first {
			t.Error("the token was not renewed")
		}
		for i := range 3 * maxTokens {
			get(fmt.Sprintf("https://%d.example", i))
		}
		if n := len(v.tokens); n > maxTokens {
			t.Errorf("%d tokens are kept", n)
		}
	})
}

func TestAnswers(t *testing.T) {
	after := http.Header{"Retry-After": {"120"}}
	for status, want := range map[int]channels.Error{
		400: {Class: channels.Rejected, Code: "400"},
		401: {Class: channels.Auth, Code: "401"},
		403: {Class: channels.Rejected, Code: "403"},
		404: {Class: channels.InvalidAddress, Code: "404"},
		410: {Class: channels.InvalidAddress, Code: "410"},
		413: {Class: channels.Rejected, Code: "413"},
		429: {Class: channels.RateLimited, Code: "429", RetryAfter: 2 * time.Minute},
		500: {Class: channels.Unknown, Code: "500"},
		502: {Class: channels.Unknown, Code: "502"},
		503: {Class: channels.Unavailable, Code: "503", RetryAfter: 2 * time.Minute},
		307: {Class: channels.Unavailable, Code: "307"},
		204: {Class: channels.Unknown, Code: "204 unreadable"},
	} {
		_, err := readAck(channels.Answer{Status: status, Header: after, Body: []byte("for https://push.example.net/p/1")})
		e := channels.AsError(err)
		if e.Class != want.Class || e.Code != want.Code || e.RetryAfter != want.RetryAfter || strings.Contains(e.Error(), "example") {
			t.Errorf("%d: %v (after %v), want %v", status, err, e.RetryAfter, &want)
		}
	}
	for _, status := range []int{200, 201, 202} {
		if ack, err := readAck(channels.Answer{Status: status}); err != nil || ack.Proof != channels.Accepted {
			t.Errorf("%d: %+v, %v", status, ack, err)
		}
	}
}

func TestConfig(t *testing.T) {
	valid := Config{VAPIDPrivateKey: testKey, Contact: "https://bank.example/contact"}
	for key, spoil := range map[string][]func(*Config){
		"vapid_private_key:": {
			func(c *Config) { c.VAPIDPrivateKey = "" },
			func(c *Config) { c.VAPIDPrivateKey = "secret!" },
			func(c *Config) {
				c.VAPIDPrivateKey = channels.Secret(base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
			},
			func(c *Config) { c.VAPIDPrivateKey = channels.Secret(testKey[:20]) },
		},
		"contact:":        {func(c *Config) { c.Contact = "outages@bank.example" }, func(c *Config) { c.Contact = "mailto:" }, func(c *Config) { c.Contact = "" }},
		"link:":           {func(c *Config) { c.Link = "bank.example" }},
		"allow_networks:": {func(c *Config) { c.AllowNetworks = []string{"localhost"} }},
		"base_url:":       {func(c *Config) { c.BaseURL = "sandbox" }},
	} {
		for i, f := range spoil {
			c := valid
			f(&c)
			_, err := newSender(configured(c), channels.Env{HTTP: &http.Client{}})
			if err == nil || !strings.HasPrefix(err.Error(), key) || strings.Contains(err.Error(), testKey[:20]) {
				t.Errorf("%s %d: error %v", key, i, err)
			}
		}
	}
	if _, err := newSender(configured(valid), channels.Env{HTTP: &http.Client{}}); err != nil {
		t.Error(err)
	}
}

func TestTopic(t *testing.T) {
	for topic, want := range map[string]bool{
		"a": true, "AZaz09-_": true, strings.Repeat("a", 32): true, "": false, strings.Repeat("a", 33): false, "a b": false, "ţ": false,
	} {
		if got := header(channels.Message{Topic: topic}, "").Get("Topic") == topic && topic != ""; got != want {
			t.Errorf("Topic %q is sent: %v, want %v", topic, got, want)
		}
	}
}
