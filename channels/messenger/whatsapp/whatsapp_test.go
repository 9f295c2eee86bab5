package whatsapp

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
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

const testNumber = "106540352242922"

// newTestSender makes a sender for a server that answers every request with the given handler.
func newTestSender(t *testing.T, change func(*Config), h http.HandlerFunc) *sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		c := into.(*Config)
		c.PhoneNumberID, c.BaseURL = testNumber, server.URL
		c.AccessToken, c.AppSecret, c.VerifyToken = "test-token", "test-secret", "test-verify"
		c.Templates = messenger.Templates{"pt-BR": {Name: "outage_notice", Language: "pt_BR", Parameter: "notice"}}
		change(c)
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Client().CloseIdleConnections)
	return s.(*sender)
}

func asIs(*Config) {}

// golden returns a handler that compares the request with a file and answers. The proof was computed
// with: printf test-token | openssl dgst -sha256 -hmac test-secret.
func golden(t *testing.T, path, file, answer string) http.HandlerFunc {
	const proof = "4bd72343ca044f8aab1d98f07606cdb1cf47df0c089ff7b5b2df44e40d869970"
	return func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		if diff := cmp.Diff(jsonOf(t, testdata(t, file)), jsonOf(t, got)); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		if r.Method != http.MethodPost || r.URL.Path != path || r.Header.Get("Authorization") != "Bearer test-token" {
			t.Errorf("%s %s with header %v", r.Method, r.URL.Path, r.Header)
		}
		if got := r.URL.Query().Get("appsecret_proof"); got != proof {
			t.Errorf("appsecret_proof = %s", got)
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

// TestRequest holds requests to the documented ones, and reads the documented answer.
func TestRequest(t *testing.T) {
	const answer = `{"messaging_product":"whatsapp","contacts":[{"input":"+16505551234","wa_id":"16505551234"}],
		"messages":[{"id":"wamid.HBgLMTY0NjcwNDM1OTUVAgARGBI1RjQyNUE3NEYxMzAzMzQ5MkEA","message_status":"accepted"}]}`
	m := channels.Message{
		Ref: "a-1", Address: "+16505551234", Locale: "pt-BR",
		Text: "Cards <down> & \"out\"\nUse cash.\n\nhttps://status.example.com 🔔",
	}
	for file, change := range map[string]func(*Config){
		"request_template.json": asIs,
		"request_text.json":     func(c *Config) { c.Templates, c.PlainText = nil, true },
	} {
		s := newTestSender(t, change, golden(t, "/v25.0/"+testNumber+"/messages", file, answer))
		ack, err := s.Send(context.Background(), m)
		want := channels.Ack{ID: "wamid.HBgLMTY0NjcwNDM1OTUVAgARGBI1RjQyNUE3NEYxMzAzMzQ5MkEA", Proof: channels.Accepted}
		if err != nil || ack != want {
			t.Errorf("%s: %+v, %v; want %+v", file, ack, err, want)
		}
	}
}

func TestRegisterWebhook(t *testing.T) {
	const hook = "https://hooks.example.com/v1/receipts/whatsapp/whatsapp"
	s := newTestSender(t, asIs, golden(t, "/v25.0/"+testNumber, "request_webhook.json", `{"success":true}`))
	if err := s.RegisterWebhook(context.Background(), hook); err != nil {
		t.Error(err)
	}
	s = newTestSender(t, asIs, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"(#2200) Callback verification failed","code":2200}}`)
	})
	if e := channels.AsError(s.RegisterWebhook(context.Background(), hook)); e.Code != "2200" || e.Class != channels.Rejected {
		t.Errorf("error %v, want rejected (2200)", e)
	}
}

func TestNothingToAskFor(t *testing.T) {
	s := newTestSender(t, asIs, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for code, m := range map[string]channels.Message{
		"no_template": {Locale: "ru", Text: "x"},
		"too_long":    {Locale: "pt-BR", Text: strings.Repeat("x", 1025)},
	} {
		_, err := s.Send(context.Background(), m)
		if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != code {
			t.Errorf("error %v, want rejected (%s)", err, code)
		}
	}
}

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"phone_number_id":             func(c *Config) { c.PhoneNumberID = "+15550783881" },
		"access_token":                func(c *Config) { c.AccessToken = "" },
		"app_secret":                  func(c *Config) { c.AppSecret = "" },
		"graph_version":               func(c *Config) { c.Version = "25" },
		"base_url":                    func(c *Config) { c.BaseURL = "graph.facebook.com" },
		"templates, plain_text":       func(c *Config) { c.PlainText = true },
		"plain_text: exactly one":     func(c *Config) { c.Templates = nil },
		"templates: en: name":         func(c *Config) { c.Templates["en"] = messenger.Template{Name: "Outage", Language: "en"} },
		"templates: en: language":     func(c *Config) { c.Templates["en"] = messenger.Template{Name: "outage", Language: "en-US"} },
		"templates: en: max_text: wa": func(c *Config) { c.Templates["en"] = messenger.Template{Name: "o", Language: "en", MaxText: 1025} },
	} {
		_, err := newSender(func(into any) error {
			c := into.(*Config)
			c.PhoneNumberID, c.AccessToken, c.AppSecret = "1", "t", "s"
			c.Templates = messenger.Templates{"ro": {Name: "outage", Language: "ro"}}
			change(c)
			return nil
		}, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that names %q", err, want)
		}
	}
}
