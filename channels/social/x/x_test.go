package x

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

func newTestSender(t *testing.T, h http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		*into.(*Config) = Config{
			BaseURL: server.URL, ConsumerKey: "ck", ConsumerSecret: "cs", Accounts: map[string]Tokens{"@Bank": {"tok", "ts"}},
		}
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
	for name, thread := range map[string]string{"post": "", "reply": "1445880548472328192", "post_again": "no id"} {
		want, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			got, _ := io.ReadAll(r.Body)
			if d := cmp.Diff(jsonOf(t, want), jsonOf(t, got)); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
			auth := r.Header.Get("Authorization")
			if r.Method+r.URL.String() != "POST/2/tweets" || !strings.HasPrefix(auth, `OAuth oauth_consumer_key="ck"`) ||
				!strings.Contains(auth, `oauth_token="tok"`) || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %s %s with %v", name, r.Method, r.URL, r.Header)
			}
			w.WriteHeader(201)
			_, _ = io.WriteString(w, `{"data":{"id":"1445880548472328193","text":"x","edit_history_tweet_ids":["1445880548472328193"]}}`)
		})
		m := channels.Message{Ref: "a-1", Address: "bank", Thread: thread, Text: "Cards <down> & \"out\"\nhttps://status.example.com 🔔"}
		ack, err := s.Send(context.Background(), m)
		if want := (channels.Ack{ID: "1445880548472328193", Proof: channels.Delivered}); err != nil || ack != want {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
	}
}

// TestTooLongIsCut: a text that X wouldn't take loses its end, and keeps its link.
func TestTooLongIsCut(t *testing.T) {
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		var got request
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || got.Text != strings.Repeat("Плата. ", 36)+"…\nhttps://a.md" {
			t.Errorf("text %q, %v", got.Text, err)
		}
		w.WriteHeader(201)
		_, _ = io.WriteString(w, `{"data":{"id":"1"}}`)
	})
	_, err := s.Send(context.Background(), channels.Message{Address: "bank", Text: strings.Repeat("Плата. ", 50) + "\nhttps://a.md"})
	if err != nil {
		t.Error(err)
	}
}

const duplicateAnswer = `{"title":"Forbidden","detail":"You are not allowed to create a Tweet with duplicate content.","type":"about:blank","status":403}`

// TestDuplicate: what X calls a duplicate is there if it is found.
func TestDuplicate(t *testing.T) {
	const text = "Cards & ATMs\nare down: https://status.example.com/a"
	listed := `{"data":[{"id":"11","text":"Cards are up"},
		{"id":"12","text":"Cards &amp; ATMs\nare down: https://t.co/x","entities":{"urls":[{"url":"https://t.co/x","expanded_url":"https://status.example.com/a"}]}}],
		"meta":{"result_count":2}}`
	for name, tt := range map[string]struct {
		timeline int
		body     string
		found    string
		class    channels.Class
	}{
		"found":      {200, listed, "12", 0},
		"not found":  {200, `{"meta":{"result_count":0}}`, "", channels.Rejected},
		"no access":  {403, `{"type":"https://api.twitter.com/2/problems/client-forbidden"}`, "", channels.Unknown},
		"too fast":   {429, ``, "", channels.Unknown},
		"unreadable": {200, `{}`, "", channels.Unknown},
	} {
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/2/tweets":
				w.WriteHeader(403)
				_, _ = io.WriteString(w, duplicateAnswer)
			case "/2/users/me":
				_, _ = io.WriteString(w, `{"data":{"id":"4711"}}`)
			case "/2/users/4711/tweets":
				w.WriteHeader(tt.timeline)
				_, _ = io.WriteString(w, tt.body)
			}
		})
		ack, err := s.Send(context.Background(), channels.Message{Address: "bank", Text: text})
		if ack.ID != tt.found || (err == nil) != (tt.found != "") {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
		if e := channels.AsError(err); err != nil && (e.Class != tt.class || e.Code != "403 duplicate") {
			t.Errorf("%s: %v, want %v", name, e, tt.class)
		}
	}
}

// TestPages: what isn't on one page may be on another, and what can't be read to its end isn't absent.
func TestPages(t *testing.T) {
	const last = 3
	for name, endless := range map[string]bool{"three pages": false, "endless": true} {
		asked := 0
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/2/users/me" {
				_, _ = io.WriteString(w, `{"data":{"id":"4711"}}`)
				return
			}
			if q := r.URL.Query(); q.Get("start_time") != "2026-11-22T09:59:00Z" || (asked > 0) != (q.Get("pagination_token") == fmt.Sprint("t", asked)) {
				t.Errorf("%s: page %d asked for with %s", name, asked, r.URL.RawQuery)
			}
			asked++
			next := fmt.Sprintf(`,"next_token":"t%d"`, asked)
			if asked == last && !endless {
				next = ""
			}
			_, _ = fmt.Fprintf(w, `{"data":[{"id":"1","text":"other"},{"id":"2","text":"same"}],"meta":{"result_count":2%s}}`, next)
		})
		q := channels.Inquiry{Ref: "a", Address: "bank", Text: "same", SentAfter: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Others: []string{"2"}}
		r, err := s.(channels.Inquirer).Inquire(context.Background(), q)
		if absent := err == nil && r.State == channels.ReceiptAbsent; absent == endless || !endless && asked != last {
			t.Errorf("%s: %+v, %v after %d pages", name, r, err, asked)
		}
	}
}

func TestConfig(t *testing.T) {
	ok := func() Config {
		return Config{ConsumerKey: "ck", ConsumerSecret: "cs", BaseURL: "https://api.x.com", Accounts: map[string]Tokens{"bank": {"secret-t", "secret-s"}}}
	}
	for key, spoil := range map[string]func(*Config){
		"consumer_key":    func(c *Config) { c.ConsumerKey = "" },
		"base_url":        func(c *Config) { c.BaseURL = "x" },
		"accounts: bank":  func(c *Config) { c.Accounts["bank"] = Tokens{"secret-t", ""} },
		"accounts: ":      func(c *Config) { c.Accounts["@Bank"] = c.Accounts["bank"] },
		"accounts: missi": func(c *Config) { c.Accounts = nil },
	} {
		c := ok()
		spoil(&c)
		_, err := newSender(func(into any) error { *into.(*Config) = c; return nil }, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), key) || strings.Contains(err.Error(), "secret-") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
