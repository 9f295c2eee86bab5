package facebook

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func newTestSender(t *testing.T, h http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		c := into.(*Config)
		c.BaseURL, c.AppSecret, c.Accounts = server.URL, "app-secret", map[string]channels.Secret{"1012": "page-token"}
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
		if r.Method+r.URL.String() != "POST/v25.0/1012/feed" || r.Header.Get("Authorization") != "Bearer page-token" ||
			r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.UserAgent() != "tocsin/1" {
			t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
		}
		_, _ = io.WriteString(w, `{"id":"1012_122093456789"}`)
	})
	ack, err := s.Send(context.Background(), channels.Message{Ref: "a-1", Address: "1012", Text: "Cards <down> & \"out\"\nПлата 🔔"})
	if want := (channels.Ack{ID: "1012_122093456789", Proof: channels.Delivered}); err != nil || ack != want {
		t.Errorf("%+v, %v; want %+v", ack, err, want)
	}
	if _, err = s.Send(context.Background(), channels.Message{Address: "1013", Text: "a"}); channels.AsError(err).Class != channels.InvalidAddress {
		t.Errorf("another's Page: %v", err)
	}
}

// TestDuplicate: what Facebook calls a duplicate is there if it is found.
func TestDuplicate(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		found  string
		class  channels.Class
	}{
		"found":      {200, `{"data":[{"id":"1012_1","message":"b"},{"id":"1012_2","message":"a  b"}],"paging":{}}`, "1012_2", 0},
		"not found":  {200, `{"data":[{"id":"1012_1"}]}`, "", channels.Rejected},
		"none":       {200, `{"data":[]}`, "", channels.Rejected},
		"no access":  {403, `{"error":{"code":10}}`, "", channels.Unknown},
		"unreadable": {200, `{}`, "", channels.Unknown},
	} {
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(400)
				_, _ = io.WriteString(w, `{"error":{"message":"Duplicate status message","type":"FacebookApiException","code":506}}`)
				return
			}
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		})
		ack, err := s.Send(context.Background(), channels.Message{Address: "1012", Text: "a b"})
		if ack.ID != tt.found || (err == nil) != (tt.found != "") {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
		if e := channels.AsError(err); err != nil && (e.Class != tt.class || e.Code != "506 duplicate") {
			t.Errorf("%s: %v, want %v", name, e, tt.class)
		}
	}
}

// TestPages: what isn't on one page of posts may be on another, and what can't be read to its end isn't
// absent.
func TestPages(t *testing.T) {
	const last = 3
	for name, endless := range map[string]bool{"three pages": false, "endless": true} {
		asked := 0
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if r.URL.Path != "/v25.0/1012/posts" || q.Get("since") != "1795341540" || (asked > 0) != (q.Get("after") == fmt.Sprint("c", asked)) {
				t.Errorf("%s: page %d asked for with %s", name, asked, r.URL)
			}
			asked++
			next := `"next":"https://graph.facebook.com/x"`
			if asked == last && !endless {
				next = `"previous":"x"`
			}
			_, _ = fmt.Fprintf(w, `{"data":[{"id":"1","message":"other"},{"id":"2","message":"same"}],"paging":{"cursors":{"after":"c%d"},%s}}`, asked, next)
		})
		q := channels.Inquiry{Ref: "a", Address: "1012", Text: "same", SentAfter: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Others: []string{"2"}}
		r, err := s.(channels.Inquirer).Inquire(context.Background(), q)
		if absent := err == nil && r.State == channels.ReceiptAbsent; absent == endless || !endless && asked != last {
			t.Errorf("%s: %+v, %v after %d pages", name, r, err, asked)
		}
	}
}

func TestInquiriesThatMakeNoSense(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for _, q := range []channels.Inquiry{{ProviderID: "1012"}, {ProviderID: "../1_2"}, {ProviderID: "99_1"}, {Address: "99", Text: "a"}} {
		_, err := s.(channels.Inquirer).Inquire(context.Background(), q)
		if e := channels.AsError(err); err == nil || e.Class != channels.Rejected {
			t.Errorf("%+v: %v, want class rejected", q, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for key, spoil := range map[string]func(*Config){
		"base_url":       func(c *Config) { c.BaseURL = "x" },
		"graph_version":  func(c *Config) { c.Version = "25" },
		"accounts: want": func(c *Config) { c.Accounts["bank"] = "secret-t" },
		"accounts: 1":    func(c *Config) { c.Accounts["1"] = "" },
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
