package sim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func newTestServer(t testing.TB, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "bluesky", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

// call calls a method with a token and a body, or gets where there is none.
func call(t testing.TB, h http.Handler, method, token, body string) (int, map[string]any) {
	t.Helper()
	verb := http.MethodPost
	if body == "" {
		verb = http.MethodGet
	}
	r := httptest.NewRequest(verb, "/xrpc/"+method, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s: answer %q: %v", method, w.Body, err)
	}
	return w.Code, v
}

func login(t testing.TB, h http.Handler, handle string) (did, access, refresh string) {
	t.Helper()
	status, v := call(t, h, "com.atproto.server.createSession", "", `{"identifier":"`+handle+`","password":"`+Password+`"}`)
	if status != 200 {
		t.Fatalf("log-in: %d %v", status, v)
	}
	return v["did"].(string), v["accessJwt"].(string), v["refreshJwt"].(string)
}

func put(did, key, record string) string {
	return `{"repo":"` + did + `","collection":"app.bsky.feed.post","rkey":"` + key + `","swapRecord":null,"record":` + record + `}`
}

const plain = `{"$type":"app.bsky.feed.post","text":"a","createdAt":"2026-11-22T10:00:00.000Z"}`

// TestDocumentedPost puts the record of https://docs.bsky.app/docs/advanced-guides/posts with links, as its
// examples have them.
func TestDocumentedPost(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	did, access, _ := login(t, h, Account)
	status, v := call(t, h, "com.atproto.repo.putRecord", access, put(did, "3k4duaz5vfs2b", `{
		"$type": "app.bsky.feed.post",
		"text": "\u2728 example mentioning the URL https://en.wikipedia.org/wiki/CBOR.",
		"createdAt": "2023-08-08T01:03:41.157302Z",
		"langs": ["th", "en-US"],
		"facets": [{"index": {"byteStart": 31, "byteEnd": 65}, "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://en.wikipedia.org/wiki/CBOR"}]}]
	}`))
	if status != 200 || v["uri"] != "at://"+did+"/app.bsky.feed.post/3k4duaz5vfs2b" {
		t.Errorf("putRecord: %d %v", status, v)
	}
	if n := d.Total(); n.Accepted != 1 || n.Delivered != 1 {
		t.Errorf("counted %+v", n)
	}
	status, v = call(t, h, "com.atproto.repo.putRecord", access, put(did, "3k4duaz5vfs2b", plain))
	if status != 400 || v["error"] != "InvalidSwap" {
		t.Errorf("a second one under the key: %d %v", status, v)
	}
	status, v = call(t, h, "com.atproto.repo.getRecord?repo="+did+"&collection=app.bsky.feed.post&rkey=3k4duaz5vfs2b", "", "")
	if status != 200 || !strings.HasPrefix(v["value"].(map[string]any)["text"].(string), "\u2728 example") {
		t.Errorf("getRecord: %d %v", status, v)
	}
	if status, v = call(t, h, "com.atproto.server.getSession", access, ""); status != 200 || v["did"] != did {
		t.Errorf("getSession: %d %v", status, v)
	}
}

func TestRefusals(t *testing.T) {
	facets := func(index, uri string) string {
		return `{"$type":"app.bsky.feed.post","text":"ţ https://a.md","createdAt":"2026-11-22T10:00:00Z","facets":[{"index":` + index +
			`,"features":[{"$type":"app.bsky.richtext.facet#link","uri":"` + uri + `"}]}]}`
	}
	text := func(s string) string {
		return `{"$type":"app.bsky.feed.post","text":"` + s + `","createdAt":"2026-11-22T10:00:00Z"}`
	}
	for name, c := range map[string]struct{ key, record, says string }{
		"unknown field":    {"3k4duaz5vfs2b", `{"$type":"app.bsky.feed.post","text":"a","createdAt":"2026-11-22T10:00:00Z","lang":"ro"}`, "fields"},
		"no tid":           {"my-key", plain, "record key"},
		"too late a tid":   {"zzzzzzzzzzzzz", plain, "record key"},
		"no text":          {"3k4duaz5vfs2b", text(" "), "text"},
		"301 graphemes":    {"3k4duaz5vfs2b", text(strings.Repeat("a", 301)), "300 graphemes"},
		"3,001 bytes":      {"3k4duaz5vfs2b", text(strings.Repeat("👨‍👩‍👧‍👦", 121)), "3000 bytes"},
		"no time":          {"3k4duaz5vfs2b", `{"$type":"app.bsky.feed.post","text":"a"}`, "createdAt"},
		"no language":      {"3k4duaz5vfs2b", `{"$type":"app.bsky.feed.post","text":"a","createdAt":"2026-11-22T10:00:00Z","langs":["?"]}`, "BCP 47"},
		"half a letter":    {"3k4duaz5vfs2b", facets(`{"byteStart":1,"byteEnd":15}`, "https://a.md"), "whole characters"},
		"beyond the end":   {"3k4duaz5vfs2b", facets(`{"byteStart":3,"byteEnd":16}`, "https://a.md"), "in the text"},
		"counted in runes": {"3k4duaz5vfs2b", facets(`{"byteStart":2,"byteEnd":14}`, "https://a.md"), "links only"},
		"reply to what":    {"3k4duaz5vfs2b", `{"$type":"app.bsky.feed.post","text":"a","createdAt":"2026-11-22T10:00:00Z","reply":{"root":{"uri":"x","cid":"y"},"parent":{"uri":"x","cid":"y"}}}`, "strong"},
	} {
		d, h := newTestServer(t, sandbox.Conduct{})
		did, access, _ := login(t, h, Account)
		status, v := call(t, h, "com.atproto.repo.putRecord", access, put(did, c.key, c.record))
		if message, _ := v["message"].(string); status != 400 || v["error"] != "InvalidRequest" || !strings.Contains(message, c.says) {
			t.Errorf("%s: %d %v, want what says %q", name, status, v, c.says)
		}
		if d.Total().Accepted != 0 {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSessions(t *testing.T) {
	_, h := newTestServer(t, sandbox.Conduct{})
	if status, v := call(t, h, "com.atproto.server.createSession", "", `{"identifier":"a.b","password":"x"}`); status != 401 {
		t.Errorf("a wrong password: %d %v", status, v)
	}
	_, access, refresh := login(t, h, Account)
	for range tokenLasts {
		call(t, h, "com.atproto.server.getSession", access, "")
	}
	if status, v := call(t, h, "com.atproto.server.getSession", access, ""); status != 400 || v["error"] != "ExpiredToken" {
		t.Errorf("a token that is over: %d %v", status, v)
	}
	if status, v := call(t, h, "com.atproto.server.refreshSession", refresh, " "); status != 200 || v["accessJwt"] == access {
		t.Errorf("refreshed: %d %v", status, v)
	}
	if status, v := call(t, h, "com.atproto.server.refreshSession", refresh, " "); status != 400 || v["error"] != "ExpiredToken" {
		t.Errorf("refreshed twice: %d %v", status, v)
	}
	if status, _ := call(t, h, "com.atproto.server.getSession", "", ""); status != 401 {
		t.Errorf("no token: %d", status)
	}
	if status, v := call(t, h, "com.atproto.server.getSession", "x", ""); status != 400 || v["error"] != "InvalidToken" {
		t.Errorf("another token: %d %v", status, v)
	}
	if status, _ := call(t, h, "com.atproto.server.fly", "", ""); status != 501 {
		t.Errorf("no such method: %d", status)
	}
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Mode: sandbox.RateLimited})
	r := httptest.NewRequest(http.MethodGet, "/xrpc/com.atproto.server.getSession", nil)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 429 || w.Header().Get("RateLimit-Reset") == "" || w.Header().Get("Retry-After") != "" {
		t.Errorf("too fast: %d %v", w.Code, w.Header())
	}
	d.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	if status, _ := call(t, h, "com.atproto.server.getSession", "", ""); status != 503 {
		t.Errorf("out of order: %d", status)
	}
}
