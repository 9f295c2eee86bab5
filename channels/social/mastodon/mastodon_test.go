package mastodon

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

// newTestSender makes a sender for a server that answers every request with the given handler.
func newTestSender(t *testing.T, h http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		c := into.(*Config)
		c.BaseURL = server.URL
		c.Accounts = map[string]channels.Secret{"@Bank_RO": "token-ro", "bank_ru@social.example": "token-ru"}
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRequest(t *testing.T) {
	want, err := os.ReadFile("testdata/request.form")
	if err != nil {
		t.Fatal(err)
	}
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		if got, _ := io.ReadAll(r.Body); string(got) != strings.TrimSpace(string(want)) {
			t.Errorf("request\n%s, want\n%s", got, want)
		}
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/statuses" {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		for name, value := range map[string]string{
			"Authorization":   "Bearer token-ro",
			"Idempotency-Key": "0192-a-1-mac",
			"Content-Type":    "application/x-www-form-urlencoded",
			"User-Agent":      "tocsin/1",
		} {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %q, want %q", name, got, value)
			}
		}
		_, _ = io.WriteString(w, `{"id":"103254962155278888","content":"<p>test content</p>"}`)
	})
	ack, err := s.Send(context.Background(), channels.Message{
		Ref: "0192-a-1-mac", Address: "bank_ro", Locale: "ro-MD", Text: "Cards <down> & \"out\"\nПлата 🔔",
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := (channels.Ack{ID: "103254962155278888", Proof: channels.Delivered}); ack != want {
		t.Errorf("Ack = %+v, want %+v", ack, want)
	}
}

// TestThread: a reply whose post is gone is posted by itself, under the same key.
func TestThread(t *testing.T) {
	for status, want := range map[int]string{404: "1,", 410: "1,", 422: "1,", 401: "1", 500: "1", 200: "1"} {
		var replies, keys []string
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			replies, keys = append(replies, r.Form.Get("in_reply_to_id")), append(keys, r.Header.Get("Idempotency-Key"))
			if len(replies) == 1 {
				w.WriteHeader(status)
			}
			_, _ = io.WriteString(w, `{"id":"2"}`)
		})
		ack, err := s.Send(context.Background(), channels.Message{Ref: "a-1", Address: "bank_ro", Text: "a", Thread: "1"})
		if got := strings.Join(replies, ","); got != want || keys[0] != keys[len(keys)-1] {
			t.Errorf("after %d: replies to %q with keys %q, want %q", status, got, keys, want)
		}
		if taken := status == 200 || want == "1,"; taken != (err == nil && ack.ID == "2") {
			t.Errorf("after %d: %+v, %v", status, ack, err)
		}
	}
}

func TestAddressChoosesAccount(t *testing.T) {
	used := make(chan string, 1)
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		used <- r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{"id":"1"}`)
	})
	for address, want := range map[string]string{
		"bank_ro": "Bearer token-ro", "@bank_ro": "Bearer token-ro",
		"@bank_ru@social.example": "Bearer token-ru", "BANK_RU@social.example": "Bearer token-ru",
	} {
		if _, err := s.Send(context.Background(), channels.Message{Address: address, Text: "a"}); err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		if got := <-used; got != want {
			t.Errorf("%s posted with %q, want %q", address, got, want)
		}
	}
	for _, address := range []string{"", "@", "bank_ru", "bank_ro@social.example", "token-ro"} {
		_, err := s.Send(context.Background(), channels.Message{Address: address, Text: "a"})
		if e := channels.AsError(err); e.Class != channels.InvalidAddress || e.Code != "no_such_account" {
			t.Errorf("%q: error %v, want invalid_address (no_such_account)", address, err)
		}
	}
}

func TestTooLongCostsNoRequest(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	link := " https://status.example.com/a"
	_, err := s.Send(context.Background(), channels.Message{Address: "bank_ro", Text: strings.Repeat("a", 477) + link})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "too_long" {
		t.Errorf("error %v, want rejected (too_long)", err)
	}
}

func TestLongestTextGoesOut(t *testing.T) {
	s := newTestSender(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"id":"1"}`) })
	text := strings.Repeat("ţ", 476) + " https://status.example.com/a/very/long/way/to/the/incident"
	if _, err := s.Send(context.Background(), channels.Message{Address: "bank_ro", Text: text}); err != nil {
		t.Error(err)
	}
}

// TestNothingIsSentAgain drops a connection that was used before, the case in which net/http sends
// a request again that has an Idempotency-Key.
func TestNothingIsSentAgain(t *testing.T) {
	var posts atomic.Int32
	s := newTestSender(t, func(w http.ResponseWriter, _ *http.Request) {
		if posts.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{"id":"1"}`)
	})
	m := channels.Message{Ref: "a-1", Address: "bank_ro", Text: "a"}
	if _, err := s.Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	_, err := s.Send(context.Background(), m)
	if e := channels.AsError(err); err == nil || e.Class != channels.Unknown {
		t.Errorf("error %v, want class unknown", err)
	}
	if n := posts.Load(); n != 2 {
		t.Errorf("%d requests were made, want 2", n)
	}
}

func TestLanguage(t *testing.T) {
	for locale, want := range map[string]string{"ro": "ro", "RO-md": "ro", "en-GB": "en", "": "", "gag": "", "zh-Hant-TW": "zh"} {
		if got := language(locale); got != want {
			t.Errorf("language(%q) = %q, want %q", locale, got, want)
		}
	}
}

func TestConfig(t *testing.T) {
	valid := func() Config {
		return Config{
			BaseURL: "https://social.example", Visibility: "public", MaxCharacters: 500,
			Accounts: map[string]channels.Secret{"bank": "secret-token"},
		}
	}
	for name, spoil := range map[string]func(*Config){
		"base_url":       func(c *Config) { c.BaseURL = "social.example" },
		"visibility":     func(c *Config) { c.Visibility = "direct" },
		"max_characters": func(c *Config) { c.MaxCharacters = 0 },
		"accounts":       func(c *Config) { c.Accounts["other"] = "" },
		"accounts: bank": func(c *Config) { c.Accounts["bank"] = "secret-token\n" },
		"accounts: ":     func(c *Config) { c.Accounts["@Bank"] = "secret-token" },
		`accounts: "@"`:  func(c *Config) { c.Accounts["@"] = "secret-token" },
	} {
		c := valid()
		spoil(&c)
		_, err := newSender(func(into any) error { *into.(*Config) = c; return nil }, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%s: error %v, want one that names it and no secret", name, err)
		}
	}
}
