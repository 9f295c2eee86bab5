package facebook

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

const testPage = "1909458034523498"

// newTestSender makes a sender for a server that answers every request with the given handler.
func newTestSender(t *testing.T, change func(*Config), h http.HandlerFunc) *sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		c := into.(*Config)
		c.PageID, c.AppID, c.BaseURL = testPage, "188559381496048", server.URL
		c.AccessToken, c.AppSecret, c.VerifyToken = "test-token", "test-secret", "test-verify"
		c.Templates = messenger.Templates{"en": {Name: "outage_notice", Language: "en"}}
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

// check compares a request with a file.
func check(t *testing.T, r *http.Request, path, token, file string) {
	t.Helper()
	got, _ := io.ReadAll(r.Body)
	if diff := cmp.Diff(jsonOf(t, testdata(t, file)), jsonOf(t, got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
	if r.Method != http.MethodPost || r.URL.Path != path || r.Header.Get("Authorization") != "Bearer "+token || r.URL.Query().Get("appsecret_proof") == "" {
		t.Errorf("%s %s with header %v", r.Method, r.URL, r.Header)
	}
}

// TestRequest holds requests to those of "Send a utility message" and "Send API", and reads the
// documented answer.
func TestRequest(t *testing.T) {
	const id = "m_zm2fACsz21560tai1om-TvABABVG5smou58Xoe7OB4ekibklqP8d2WdzC-Z8j2LVG1G43QVrtVr-jwVZFg72kg"
	m := channels.Message{Ref: "a-1", Address: "25381719828140932", Locale: "en-GB", Text: "Cards <down> & \"out\"\nUse cash."}
	for file, change := range map[string]func(*Config){
		"request_template.json": asIs,
		"request_text.json":     func(c *Config) { c.Templates, c.PlainText = nil, true },
	} {
		s := newTestSender(t, change, func(w http.ResponseWriter, r *http.Request) {
			check(t, r, "/v25.0/"+testPage+"/messages", "test-token", file)
			_, _ = io.WriteString(w, `{"recipient_id":"25381719828140932","message_id":"`+id+`"}`)
		})
		ack, err := s.Send(context.Background(), m)
		if want := (channels.Ack{ID: id, Proof: channels.Accepted}); err != nil || ack != want {
			t.Errorf("%s: %+v, %v; want %+v", file, ack, err, want)
		}
	}
}

func TestRegisterWebhook(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string
		ok      bool
	}{
		"done":                 {[]string{`{"success":true}`, `{"success":true}`}, true},
		"not verified":         {[]string{`{"error":{"code":2200}}`}, false},
		"not for the Page":     {[]string{`{"success":true}`, `{"success":false}`}, false},
		"an app of other code": {[]string{`<html>`}, false},
	} {
		calls := 0
		s := newTestSender(t, asIs, func(w http.ResponseWriter, r *http.Request) {
			switch calls {
			case 0:
				check(t, r, "/v25.0/188559381496048/subscriptions", "188559381496048|test-secret", "request_subscription.json")
			case 1:
				check(t, r, "/v25.0/"+testPage+"/subscribed_apps", "test-token", "request_page.json")
			}
			_, _ = io.WriteString(w, c.answers[calls])
			calls++
		})
		err := s.RegisterWebhook(context.Background(), "https://hooks.example.com/x")
		if (err == nil) != c.ok || calls != len(c.answers) {
			t.Errorf("%s: %v after %d calls", name, err, calls)
		}
		if err != nil && strings.Contains(err.Error(), "test-secret") {
			t.Errorf("%q gives the secret away", err)
		}
	}
}

func TestNothingToAskFor(t *testing.T) {
	s := newTestSender(t, asIs, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for code, m := range map[string]channels.Message{
		"no_template": {Locale: "ru", Text: "x"},
		"too_long":    {Locale: "en", Text: strings.Repeat("x", 1025)},
	} {
		if e := channels.AsError(sendError(s, m)); e.Class != channels.Rejected || e.Code != code {
			t.Errorf("error %v, want rejected (%s)", e, code)
		}
	}
}

func sendError(s *sender, m channels.Message) error {
	_, err := s.Send(context.Background(), m)
	return err
}

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"page_id":               func(c *Config) { c.PageID = "bank" },
		"app_id":                func(c *Config) { c.AppID = "" },
		"app_secret":            func(c *Config) { c.AppSecret = "" },
		"graph_version":         func(c *Config) { c.Version = "v25" },
		"templates, plain_text": func(c *Config) { c.PlainText = true },
		"templates: en: name":   func(c *Config) { c.Templates["en"] = messenger.Template{Language: "en"} },
	} {
		_, err := newSender(func(into any) error {
			c := into.(*Config)
			c.PageID, c.AppID, c.AccessToken, c.AppSecret = "1", "2", "t", "s"
			c.Templates = messenger.Templates{"ro": {Name: "outage", Language: "ro"}}
			change(c)
			return nil
		}, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that names %q", err, want)
		}
	}
}
