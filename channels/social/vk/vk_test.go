package vk

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func newTestSender(t *testing.T, h http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		c := into.(*Config)
		c.BaseURL, c.Accounts = server.URL, map[string]channels.Secret{"4711": "community-key"}
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
		if r.Method+r.URL.String() != "POST/method/wall.post" || r.Header.Get("Authorization") != "Bearer community-key" ||
			r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.UserAgent() != "tocsin/1" {
			t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
		}
		_, _ = io.WriteString(w, `{"response":{"post_id":42}}`)
	})
	ack, err := s.Send(context.Background(), channels.Message{Ref: "0192-a-1-mac", Address: "4711", Text: "Cards <down> & \"out\"\nПлата 🔔"})
	if want := (channels.Ack{ID: "-4711_42", Proof: channels.Delivered}); err != nil || ack != want {
		t.Errorf("%+v, %v; want %+v", ack, err, want)
	}
	if _, err = s.Send(context.Background(), channels.Message{Address: "4712", Text: "a"}); channels.AsError(err).Class != channels.InvalidAddress {
		t.Errorf("another's community: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for key, spoil := range map[string]func(*Config){
		"base_url":       func(c *Config) { c.BaseURL = "x" },
		"accounts: want": func(c *Config) { c.Accounts["-1"] = "secret-t" },
		"accounts: 2":    func(c *Config) { c.Accounts["2"] = "" },
		"accounts: miss": func(c *Config) { c.Accounts = nil },
	} {
		_, err := newSender(func(into any) error {
			c := into.(*Config)
			c.Accounts = map[string]channels.Secret{"1": "secret-t"}
			spoil(c)
			return nil
		}, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), key) || strings.Contains(err.Error(), "secret-") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
