package viber

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

// newTestSender makes a sender for a server that answers every request with the given handler.
func newTestSender(t *testing.T, h http.HandlerFunc) *sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		*into.(*Config) = Config{
			Token: "test-token", SenderName: "Example Bank", Avatar: "https://example.com/bank.png", BaseURL: server.URL,
		}
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*sender)
}

// golden returns a handler that compares the request with a file and answers.
func golden(t *testing.T, path, file, answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		if diff := cmp.Diff(jsonOf(t, testdata(t, file)), jsonOf(t, got)); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		if r.Method != http.MethodPost || r.URL.Path != path || r.Header.Get("X-Viber-Auth-Token") != "test-token" {
			t.Errorf("%s %s with header %v", r.Method, r.URL.Path, r.Header)
		}
		_, _ = io.WriteString(w, answer)
	}
}

func testdata(t testing.TB, file string) []byte {
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

func TestSendMessage(t *testing.T) {
	s := newTestSender(t, golden(t, "/pa/send_message", "request.json",
		`{"status":0,"status_message":"ok","message_token":5741311803571721087,"chat_hostname":"SN-CHAT-05_","billing_status":1}`))
	ack, err := s.Send(context.Background(), channels.Message{
		Ref: "0192-a-1-mac", Address: "01234567890A=", Text: "Cards <down> & \"out\"\nПлата 🔔",
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := (channels.Ack{ID: messageID(5741311803571721087, "01234567890A="), Proof: channels.Accepted}); ack != want {
		t.Errorf("Ack = %+v, want %+v", ack, want)
	}
}

func TestRegisterWebhook(t *testing.T) {
	s := newTestSender(t, golden(t, "/pa/set_webhook", "set_webhook.json",
		`{"status":0,"status_message":"ok","event_types":["delivered","seen","failed"]}`))
	if err := s.RegisterWebhook(context.Background(), "https://tocsin.example.com/webhooks/viber"); err != nil {
		t.Error(err)
	}
}

func TestRegisterWebhookRefused(t *testing.T) {
	s := newTestSender(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":1,"status_message":"invalidUrl"}`)
	})
	err := s.RegisterWebhook(context.Background(), "http://tocsin.example.com/webhooks/viber")
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "1 invalidUrl" {
		t.Errorf("error %v, want rejected (1 invalidUrl)", err)
	}
}

func TestTooLongCostsNoRequest(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, err := s.Send(context.Background(), channels.Message{Address: "1", Text: strings.Repeat("a", maxText+1)})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "too_long" {
		t.Errorf("error %v, want rejected (too_long)", err)
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"token:":       {SenderName: "Bank"},
		"sender_name:": {Token: "t", SenderName: strings.Repeat("a", maxName+1)},
		"base_url:":    {Token: "t", SenderName: strings.Repeat("ţ", maxName), BaseURL: "chatapi.viber.com"},
	} {
		_, err := newSender(func(into any) error { *into.(*Config) = c; return nil }, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("error %v, want one about %s", err, name)
		}
	}
}
