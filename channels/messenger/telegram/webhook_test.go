package telegram

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestRegisterWebhook: the secret in testdata was computed with
// printf webhook | openssl dgst -sha256 -hmac 42:test-token.
func TestRegisterWebhook(t *testing.T) {
	want, err := os.ReadFile("testdata/set_webhook.json")
	if err != nil {
		t.Fatal(err)
	}
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		if diff := cmp.Diff(jsonOf(t, want), jsonOf(t, got)); diff != "" || r.URL.Path != "/bot"+testToken+"/setWebhook" {
			t.Errorf("%s (-want +got):\n%s", r.URL.Path, diff)
		}
		_, _ = io.WriteString(w, `{"ok":true,"result":true,"description":"Webhook was set"}`)
	})
	if err := s.(channels.WebhookRegistrar).RegisterWebhook(context.Background(), "https://tocsin.example.com/webhooks/telegram"); err != nil {
		t.Error(err)
	}
	s = newTestSender(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"ok":false,"error_code":400,"description":"Bad Request: bad webhook: HTTPS url must be provided for webhook"}`)
	})
	if e := channels.AsError(s.(channels.WebhookRegistrar).RegisterWebhook(context.Background(), "http://x")); e.Class != channels.Rejected {
		t.Errorf("error %v, want class rejected", e)
	}
}

func called(body []byte, secret channels.Secret) channels.Callback {
	header := http.Header{"X-Telegram-Bot-Api-Secret-Token": {secret.Reveal()}}
	return channels.Callback{Method: http.MethodPost, Header: header, Body: body}
}

func TestUpdates(t *testing.T) {
	from := func(address, text string, w channels.Wish) []channels.Inbound {
		return []channels.Inbound{{Address: address, Text: text, Wish: w}}
	}
	want := map[string][]channels.Inbound{
		"start":     from("77712345", "/start c-17", channels.OptIn),
		"stop":      from("77712345", "/stop", channels.OptOut),
		"help":      from("77712345", "/Help@bank_bot", channels.WantHelp),
		"text":      from("77712345", "stop it, please", channels.NoWish),
		"blocked":   from("77712345", "", channels.OptOut),
		"unblocked": from("77712345", "", channels.OptIn),
		"removed":   from("-4012345", "", channels.OptOut),
		"photo":     nil, "group": nil, "migrated": nil, "promoted": nil, "channel": nil, "other": nil,
	}
	s := &sender{secret: "test-secret"}
	for name, body := range updates(t) {
		expected, known := want[name]
		heard, err := s.ParseCallback(called(body, "test-secret"))
		if diff := cmp.Diff(channels.Heard{Inbound: expected}, heard); err != nil || diff != "" || !known {
			t.Errorf("%s: error %v, heard (-want +got):\n%s", name, err, diff)
		}
	}
}

// updates are the updates in testdata, in the form of https://core.telegram.org/bots/api#update.
func updates(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/update_*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no updates in testdata: %v", err)
	}
	all := map[string][]byte{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(strings.TrimPrefix(filepath.Base(p), "update_"), ".json")] = b
	}
	return all
}

func TestSecret(t *testing.T) {
	s := &sender{secret: secretOf(testToken)}
	body := updates(t)["stop"]
	for _, secret := range []channels.Secret{"", "x", testToken, secretOf("42:other-token"), s.secret[:63]} {
		if heard, err := s.ParseCallback(called(body, secret)); channels.AsError(err).Class != channels.Auth || len(heard.Inbound) > 0 {
			t.Errorf("secret %q: %+v, error %v; want class auth", secret.Reveal(), heard, err)
		}
	}
}

func TestUnreadableUpdates(t *testing.T) {
	for _, body := range []string{``, `{`, `[]`, `{}`, `null`, `{"update_id":"1"}`, `{"update_id":1,"message":[]}`} {
		if heard, err := parseUpdate([]byte(body)); err == nil || channels.AsError(err).Class != channels.Rejected {
			t.Errorf("%s: %+v, error %v; want class rejected", body, heard, err)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for address, ok := range map[string]bool{
		"77712345": true, "-1001234567890": true, "@bank_notices": true,
		"": false, "0": false, "-": false, "+77712345": false, "@abc": false, "bank_notices": false, "12345678901234567890": false, "@a b cd": false,
	} {
		if got, err := checkAddress(address); (err == nil) != ok || (ok && got != address) {
			t.Errorf("checkAddress(%q) = %q, %v", address, got, err)
		}
	}
}

// TestMigratedGroup: a message to a group that has a new id goes there, once.
func TestMigratedGroup(t *testing.T) {
	const moved = `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567891}}`
	for name, c := range map[string]struct {
		second string
		class  channels.Class
		ok     bool
	}{
		"taken there": {`{"ok":true,"result":{"message_id":7}}`, 0, true},
		"moved again": {moved, channels.InvalidAddress, false},
		"lost there":  {`<html>`, channels.Unknown, false},
	} {
		var asked []any
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked = append(asked, jsonOf(t, body).(map[string]any)["chat_id"])
			if len(asked) == 1 {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, moved)
				return
			}
			_, _ = io.WriteString(w, c.second)
		})
		ack, err := s.Send(context.Background(), channels.Message{Address: "-4012345", Text: "x"})
		if diff := cmp.Diff([]any{-4012345.0, -1001234567891.0}, asked); diff != "" {
			t.Errorf("%s: sent to (-want +got):\n%s", name, diff)
		}
		if (err == nil) != c.ok || (c.ok && ack.ID != markOf("42", "-4012345")+"-1001234567891/7") || (err != nil && channels.AsError(err).Class != c.class) {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
	}
}

func FuzzParseCallback(f *testing.F) {
	for _, body := range updates(f) {
		f.Add(body)
	}
	s := &sender{secret: "test-secret"}
	f.Fuzz(func(t *testing.T, body []byte) {
		heard, err := s.ParseCallback(called(body, "test-secret"))
		if err != nil && (channels.AsError(err).Class != channels.Rejected || len(heard.Inbound) > 0) {
			t.Errorf("error %v with %+v", err, heard)
		}
		for _, in := range heard.Inbound {
			if _, err := checkAddress(in.Address); err != nil || (in.Text == "" && in.Wish == channels.NoWish) {
				t.Errorf("inbound %+v: %v", in, err)
			}
		}
	})
}
