package bluesky

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

func recall(s channels.Sender, m channels.Sent) error {
	return s.(channels.Recaller).Recall(context.Background(), m)
}

var sent = channels.Sent{Ref: "a-1", Address: "bank.example", ProviderID: testURI}

func TestRecallRequest(t *testing.T) {
	s := newTestSender(t, func(method string, w http.ResponseWriter, r *http.Request) {
		if method == "createSession" {
			_, _ = io.WriteString(w, opened)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if d := cmp.Diff(golden(t, "deleteRecord.json"), jsonOf(t, body)); d != "" {
			t.Errorf("request (-want +got):\n%s", d)
		}
		if got := r.Method + " " + r.RequestURI; got != "POST /xrpc/com.atproto.repo.deleteRecord" ||
			r.Header.Get("Authorization") != "Bearer access" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s with %v", got, r.Header)
		}
		_, _ = io.WriteString(w, `{"commit":{"cid":"bafycommit","rev":"3k4duaz5vfs2c"}}`)
	})
	if err := recall(s, sent); err != nil {
		t.Error(err)
	}
}

// TestRecallAnswers has what the lexicon says that deleteRecord answers, what older servers do, and proxies in
// front.
func TestRecallAnswers(t *testing.T) {
	const absent = `{"error":"RecordNotFound","message":"Could not locate record"}`
	for name, tt := range map[string]struct {
		status int
		body   string
		found  string // by getRecord
		class  channels.Class
		code   string // "" where the post is gone
	}{
		"deleted":           {status: 200, body: `{"commit":{"cid":"bafy","rev":"3k"}}`},
		"gone":              {status: 200, body: `{}`},
		"gone, it says":     {status: 400, body: absent},
		"nothing said":      {status: 200, body: ``, found: absent},
		"nothing done":      {200, ``, `{"uri":"` + testURI + `","cid":"bafy"}`, channels.Unknown, "200 unreadable"},
		"a proxy's page":    {200, `<html>`, `<html>`, channels.Unknown, "200 unreadable"},
		"a proxy's JSON":    {200, `{"status":"ok"}`, `{"status":"ok"}`, channels.Unknown, "200 unreadable"},
		"null":              {200, `null`, `null`, channels.Unknown, "200 unreadable"},
		"a proxy's 404":     {404, `<html>`, absent, channels.Rejected, "404"},
		"another's":         {401, `{"error":"AuthenticationRequired"}`, absent, channels.Auth, "401 AuthenticationRequired"},
		"swapped":           {400, `{"error":"InvalidSwap"}`, absent, channels.Rejected, "400 InvalidSwap"},
		"no such repo":      {400, `{"error":"InvalidRequest","message":"Could not find repo"}`, absent, channels.Rejected, "400 InvalidRequest"},
		"taken down":        {400, `{"error":"AccountTakedown"}`, absent, channels.Auth, "400 AccountTakedown"},
		"too fast":          {429, `{"error":"RateLimitExceeded"}`, absent, channels.RateLimited, "429 RateLimitExceeded"},
		"broken":            {500, `{"error":"InternalServerError"}`, absent, channels.Unknown, "500 InternalServerError"},
		"overloaded":        {503, `{"error":"NotEnoughResources"}`, absent, channels.Unavailable, "503 NotEnoughResources"},
		"no server of this": {501, `{"error":"MethodNotImplemented"}`, absent, channels.Auth, "501 MethodNotImplemented"},
	} {
		s := newTestSender(t, func(method string, w http.ResponseWriter, r *http.Request) {
			status, body := tt.status, tt.body
			switch {
			case method == "createSession":
				status, body = 200, opened
			case method == "getRecord" && r.URL.Query().Get("rkey") == "3k4duaz5vfs2b":
				status, body = 200, tt.found
				if body == absent {
					status = 400
				}
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		err := recall(s, sent)
		if tt.code == "" {
			if err != nil {
				t.Errorf("%s: %v, want it gone", name, err)
			}
			continue
		}
		if e := channels.AsError(err); err == nil || e.Class != tt.class || e.Code != tt.code {
			t.Errorf("%s: %v, want %v (%s)", name, err, tt.class, tt.code)
		}
	}
}

// TestRecallSession: a session that ended says that nothing was deleted, and the recall is made again.
func TestRecallSession(t *testing.T) {
	var calls []string
	s := newTestSender(t, func(method string, w http.ResponseWriter, _ *http.Request) {
		switch calls = append(calls, method); {
		case method != "deleteRecord":
			_, _ = io.WriteString(w, opened)
		case len(calls) == 2:
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":"ExpiredToken"}`)
		default:
			_, _ = io.WriteString(w, `{}`)
		}
	})
	err := recall(s, sent)
	if got := strings.Join(calls, " "); err != nil || got != "createSession deleteRecord refreshSession deleteRecord" {
		t.Errorf("%v after %s", err, got)
	}
}

// TestRecallsThatMakeNoSense: nothing is deleted that is not the account's post.
func TestRecallsThatMakeNoSense(t *testing.T) {
	s := newTestSender(t, func(method string, w http.ResponseWriter, _ *http.Request) {
		if method != "createSession" {
			t.Errorf("%s was called", method)
		}
		_, _ = io.WriteString(w, opened)
	})
	for m, want := range map[channels.Sent]channels.Error{
		{Address: "bank.example", ProviderID: "3k4duaz5vfs2b"}:                                       {Class: channels.Rejected, Code: "no_post"},
		{Address: "bank.example", ProviderID: "at://" + testDID + "/app.bsky.actor.profile/self"}:    {Class: channels.Rejected, Code: "no_post"},
		{Address: "bank.example", ProviderID: "at://did:plc:other/app.bsky.feed.post/3k4duaz5vfs2b"}: {Class: channels.Rejected, Code: "not_ours"},
		{Address: "other.example", ProviderID: testURI}:                                              {Class: channels.InvalidAddress, Code: "no_such_account"},
	} {
		err := recall(s, m)
		if e := channels.AsError(err); err == nil || e.Class != want.Class || e.Code != want.Code {
			t.Errorf("%+v: %v, want %v (%s)", m, err, want.Class, want.Code)
		}
	}
}
