package channel

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

func newTestSender(t *testing.T, h http.HandlerFunc, names ...string) channels.Sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		*into.(*Config) = Config{Token: "42:test-token", BaseURL: server.URL, Channels: names}
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func jsonOf(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

func TestRequests(t *testing.T) {
	const ours, theirs = "42.aa61:", "42.2f7a:" // marks, which are stored
	for m, name := range map[channels.Message]string{
		{Address: "@bank_NOTICES"}:                            "post",
		{Address: "bank_notices", Thread: ours + "4711"}:      "reply",
		{Address: "-1001234567890", Thread: theirs + "4711"}:  "reply_by_id",
		{Address: "@bank_notices", Thread: "at://no.message"}: "post_again",
		{Address: "@bank_notices", Thread: theirs + "4711"}:   "post_again",
	} {
		mark := ours
		if m.Address[0] == '-' {
			mark = theirs
		}
		want, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			got, _ := io.ReadAll(r.Body)
			if d := cmp.Diff(jsonOf(t, want), jsonOf(t, got)); d != "" || r.URL.Path != "/bot42:test-token/sendMessage" {
				t.Errorf("%s: %s (-want +got):\n%s", name, r.URL.Path, d)
			}
			_, _ = io.WriteString(w, `{"ok":true,"result":{"message_id":4712}}`)
		}, "@Bank_Notices", "-1001234567890")
		m.Text = "Cards <down> & \"out\"\nhttps://status.example.com 🔔"
		ack, err := s.Send(context.Background(), m)
		if want := (channels.Ack{ID: mark + "4712", Proof: channels.Delivered}); err != nil || ack != want {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
	}
}

func TestRefusedAtOnce(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") }, "@bank_notices")
	for code, m := range map[string]channels.Message{
		"no_such_channel": {Address: "@bank_other", Text: "a"},
		"too_long":        {Address: "@bank_notices", Text: strings.Repeat("🔔", 2049)},
	} {
		_, err := s.Send(context.Background(), m)
		if e := channels.AsError(err); err == nil || e.Code != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

func TestRecall(t *testing.T) {
	asked := 0
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		got, _ := io.ReadAll(r.Body)
		if want := `{"chat_id":"@Bank_Notices","message_id":4711}`; string(got) != want || r.URL.Path != "/bot42:test-token/deleteMessage" {
			t.Errorf("%s %s, want %s", r.URL.Path, got, want)
		}
		_, _ = io.WriteString(w, `{"ok":true,"result":true}`)
	}, "@Bank_Notices")
	for code, m := range map[string]channels.Sent{
		"":                {Address: "bank_notices", ProviderID: "42.aa61:4711"},
		"no_such_channel": {Address: "@bank_other", ProviderID: "42.aa61:4711"},
		"other_chat":      {Address: "@bank_notices", ProviderID: "42.2f7a:4711"},
		"no_message_id":   {Address: "@bank_notices", ProviderID: "42.aa61:at://no.message"},
	} {
		err := s.(channels.Recaller).Recall(context.Background(), m)
		if e := channels.AsError(err); (err == nil) != (code == "") || err != nil && e.Code != code {
			t.Errorf("%v, want %q", err, code)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

func TestConfig(t *testing.T) {
	for key, c := range map[string]Config{
		"token:":            {Channels: []string{"@bank"}},
		"channels: missing": {Token: "42:test-token"},
		`channels: "bank"`:  {Token: "42:test-token", Channels: []string{"bank"}},
		`channels: "@b"`:    {Token: "42:test-token", Channels: []string{"@bank", "@b"}},
		`channels: "4711"`:  {Token: "42:test-token", Channels: []string{"4711"}},
		"base_url":          {Token: "42:test-token", Channels: []string{"@bank"}, BaseURL: "x"},
	} {
		_, err := newSender(func(into any) error { *into.(*Config) = c; return nil }, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), key) {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
