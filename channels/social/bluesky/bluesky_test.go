package bluesky

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

const (
	testDID = "did:plc:z72i7hdynmk6r22z27h6tvur"
	testURI = "at://" + testDID + "/app.bsky.feed.post/3k4duaz5vfs2b"
	opened  = `{"accessJwt":"access","refreshJwt":"refresh","handle":"bank.example","did":"` + testDID + `"}`
)

// newTestSender makes a sender for a server that answers each method ("putRecord") as the handler says.
func newTestSender(t *testing.T, h func(method string, w http.ResponseWriter, r *http.Request)) channels.Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h(r.URL.Path[strings.LastIndexByte(r.URL.Path, '.')+1:], w, r)
	}))
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		c := into.(*Config)
		c.BaseURL, c.Accounts = server.URL, map[string]channels.Secret{"@Bank.Example": "pass-word"}
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func jsonOf(t *testing.T, b []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

func golden(t *testing.T, name string) map[string]any {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return jsonOf(t, b)
}

// TestRequests compares a log-in and a reply with links as they go over the wire.
func TestRequests(t *testing.T) {
	s := newTestSender(t, func(method string, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		token := r.Header.Get("Authorization")
		switch method {
		case "createSession":
			if d := cmp.Diff(golden(t, "createSession.json"), jsonOf(t, body)); d != "" || token != "" {
				t.Errorf("log-in with %q (-want +got):\n%s", token, d)
			}
			_, _ = io.WriteString(w, opened)
		case "getRecord":
			if q := r.URL.Query().Encode(); q != "collection=app.bsky.feed.post&repo=did%3Aplc%3Az72i7hdynmk6r22z27h6tvur&rkey=3k4duaz5vfs2b" {
				t.Errorf("getRecord %s", q)
			}
			_, _ = io.WriteString(w, `{"uri":"`+testURI+`","cid":"bafyfirst","value":{"text":"first"}}`)
		case "putRecord":
			got := jsonOf(t, body)
			record := got["record"].(map[string]any)
			if at, _ := record["createdAt"].(string); !regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(at) {
				t.Errorf("createdAt %q", at)
			}
			record["createdAt"] = "2026-11-22T10:00:00.000Z"
			if d := cmp.Diff(golden(t, "putRecord.json"), got); d != "" || token != "Bearer access" {
				t.Errorf("post with %q (-want +got):\n%s", token, d)
			}
			_, _ = io.WriteString(w, `{"uri":"at://a/b/c","cid":"bafynext"}`)
		}
	})
	ack, err := s.Send(context.Background(), channels.Message{
		Ref: "0192-a-1-mac", Address: "bank.example", Locale: "ro-MD", Thread: testURI,
		Text: "Țară 🔔: https://stare.example/a (http://b.example)\n<b>",
	})
	if want := (channels.Ack{ID: "at://a/b/c", Proof: channels.Delivered}); err != nil || ack != want {
		t.Errorf("%+v, %v; want %+v", ack, err, want)
	}
}

// TestTakenKey: what stands under the key already is the same post, or another one's.
func TestTakenKey(t *testing.T) {
	for name, tt := range map[string]struct {
		status      int
		body        string
		class       channels.Class
		code, found string
	}{
		"the same":   {status: 200, body: `{"uri":"` + testURI + `","cid":"c","value":{"text":"a"}}`, found: testURI},
		"another":    {status: 200, body: `{"uri":"` + testURI + `","cid":"c","value":{"text":"b"}}`, class: channels.Rejected, code: "key_taken"},
		"unreadable": {status: 200, body: `{}`, class: channels.Unknown, code: "there_already"},
		"no answer":  {status: 503, class: channels.Unknown, code: "there_already"},
		"gone again": {status: 400, body: `{"error":"RecordNotFound"}`, class: channels.Unknown, code: "there_already"},
	} {
		s := newTestSender(t, func(method string, w http.ResponseWriter, _ *http.Request) {
			switch method {
			case "createSession":
				_, _ = io.WriteString(w, opened)
			case "putRecord":
				w.WriteHeader(400)
				_, _ = io.WriteString(w, `{"error":"InvalidSwap","message":"Record was at bafy"}`)
			case "getRecord":
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}
		})
		ack, err := s.Send(context.Background(), channels.Message{Ref: "a-1", Address: "bank.example", Text: "a"})
		if tt.found != "" && (err != nil || ack.ID != tt.found) {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
		if e := channels.AsError(err); tt.found == "" && (e.Class != tt.class || e.Code != tt.code) {
			t.Errorf("%s: %v, want %v (%s)", name, err, tt.class, tt.code)
		}
	}
}

// TestSessions: a session that ended is refreshed, one that can't be is opened anew, and what fails on the
// way there has sent nothing.
func TestSessions(t *testing.T) {
	for name, tt := range map[string]struct {
		refresh, create int // statuses, after the first log-in
		calls           string
		class           channels.Class
	}{
		"refreshed":        {200, 0, "createSession putRecord refreshSession putRecord", 0},
		"opened anew":      {400, 200, "createSession putRecord refreshSession createSession putRecord", 0},
		"locked out":       {401, 401, "createSession putRecord refreshSession createSession", channels.Auth},
		"out of order":     {503, 0, "createSession putRecord refreshSession", channels.Unavailable},
		"broken":           {500, 0, "createSession putRecord refreshSession", channels.Unavailable},
		"too many log-ins": {400, 429, "createSession putRecord refreshSession createSession", channels.RateLimited},
	} {
		var calls []string
		s := newTestSender(t, func(method string, w http.ResponseWriter, _ *http.Request) {
			calls = append(calls, method)
			status := map[string]int{"refreshSession": tt.refresh, "createSession": tt.create}[method]
			switch {
			case method == "putRecord" && len(calls) == 2:
				w.WriteHeader(400)
				_, _ = io.WriteString(w, `{"error":"ExpiredToken","message":"Token has expired"}`)
			case method == "putRecord":
				_, _ = io.WriteString(w, `{"uri":"`+testURI+`"}`)
			case len(calls) == 1 || status == 200:
				_, _ = io.WriteString(w, opened[:14]+calls[0]+opened[14:])
			default:
				w.WriteHeader(status)
				if status == 400 {
					_, _ = io.WriteString(w, `{"error":"ExpiredToken"}`)
				}
			}
		})
		_, err := s.Send(context.Background(), channels.Message{Ref: "a-1", Address: "bank.example", Text: "a"})
		if got := strings.Join(calls, " "); got != tt.calls {
			t.Errorf("%s: calls %s, want %s", name, got, tt.calls)
		}
		if taken := tt.class == 0; taken != (err == nil) || !taken && channels.AsError(err).Class != tt.class {
			t.Errorf("%s: %v, want class %v", name, err, tt.class)
		}
	}
}

func TestRefusedAtOnce(t *testing.T) {
	s := newTestSender(t, func(method string, _ http.ResponseWriter, _ *http.Request) { t.Errorf("%s was called", method) })
	for code, m := range map[string]channels.Message{
		"no_such_account": {Address: "other.example", Text: "a"},
		"too_long":        {Address: "bank.example", Text: strings.Repeat("👨‍👩‍👧‍👦", 200)},
	} {
		_, err := s.Send(context.Background(), m)
		if e := channels.AsError(err); err == nil || e.Code != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	_, err := s.(channels.Inquirer).Inquire(context.Background(), channels.Inquiry{Ref: "a", Address: "other.example"})
	if e := channels.AsError(err); err == nil || e.Class != channels.Rejected {
		t.Errorf("an inquiry about another's post: %v", err)
	}
}

// TestDeletedIsNotAbsent: a post that was there once, and isn't, was sent.
func TestDeletedIsNotAbsent(t *testing.T) {
	s := newTestSender(t, func(method string, w http.ResponseWriter, _ *http.Request) {
		if method == "createSession" {
			_, _ = io.WriteString(w, opened)
			return
		}
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"error":"RecordNotFound"}`)
	})
	_, err := s.(channels.Inquirer).Inquire(context.Background(), channels.Inquiry{Ref: "a", ProviderID: testURI})
	if e := channels.AsError(err); err == nil || e.Class != channels.Rejected {
		t.Errorf("%v, want class rejected", err)
	}
}
