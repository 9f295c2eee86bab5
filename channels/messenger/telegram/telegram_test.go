package telegram

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// testToken has the form of a token, and is none.
const testToken = "42:test-token"

// newTestSender makes a sender for a server that answers every request with the given handler.
func newTestSender(t *testing.T, h http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		c := into.(*Config)
		c.Token, c.BaseURL = testToken, server.URL
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRequest(t *testing.T) {
	for name, address := range map[string]string{"request_id": "-1001234567890", "request_name": "@bank_notices"} {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile("testdata/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				if diff := cmp.Diff(jsonOf(t, want), jsonOf(t, got)); diff != "" {
					t.Errorf("request (-want +got):\n%s", diff)
				}
				if r.Method != http.MethodPost || r.URL.Path != "/bot"+testToken+"/sendMessage" {
					t.Errorf("%s %s", r.Method, r.URL.Path)
				}
				if r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != "tocsin/1" {
					t.Errorf("header %v", r.Header)
				}
				_, _ = io.WriteString(w, `{"ok":true,"result":{"message_id":9007199254740993}}`)
			})
			ack, err := s.Send(context.Background(), channels.Message{
				Ref: "a-1", Address: address, Text: "Cards <down> & \"out\"\nhttps://status.example.com 🔔",
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := (channels.Ack{ID: markOf("42", address) + "9007199254740993", Proof: channels.Accepted}); ack != want {
				t.Errorf("Ack = %+v, want %+v", ack, want)
			}
		})
	}
}

func jsonOf(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

func TestTooLongCostsNoRequest(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, err := s.Send(context.Background(), channels.Message{Address: "1", Text: strings.Repeat("🔔", 2048) + "a"})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "too_long" {
		t.Errorf("error %v, want rejected (too_long)", err)
	}
}

func TestProbeOfSomethingElse(t *testing.T) {
	s := newTestSender(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello") })
	err := s.(channels.Prober).Probe(context.Background())
	if e := channels.AsError(err); err == nil || e.Class != channels.Unknown {
		t.Errorf("error %v, want class unknown", err)
	}
}

func TestConfig(t *testing.T) {
	for _, token := range []channels.Secret{"", "abc", "1:", ":a", "1:a/../b", "1:a b", "1:a?x"} {
		_, err := newSender(func(into any) error {
			into.(*Config).Token = token
			return nil
		}, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), "token:") {
			t.Errorf("token %q: error %v, want one that names token", token.Reveal(), err)
		}
	}
}
