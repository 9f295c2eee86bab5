package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func newTestServer(t testing.TB, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "x", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

// signed makes a request with the fields of its signature changed by change.
func signed(method, target, body, account string, change func(map[string]string)) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	oauth := map[string]string{
		"oauth_consumer_key": ConsumerKey, "oauth_nonce": "n", "oauth_signature_method": "HMAC-SHA1", "oauth_token": Token(account),
		"oauth_timestamp": strconv.FormatInt(time.Now().Unix(), 10), "oauth_version": "1.0",
	}
	if change != nil {
		change(oauth)
	}
	if _, given := oauth["oauth_signature"]; !given {
		oauth["oauth_signature"] = signature(r, oauth)
	}
	var fields []string
	for name, value := range oauth {
		fields = append(fields, name+`="`+url.PathEscape(value)+`"`)
	}
	r.Header.Set("Authorization", "OAuth "+strings.Join(fields, ", "))
	return r
}

func call(t testing.TB, h http.Handler, r *http.Request) (int, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("answer %q: %v", w.Body, err)
	}
	return w.Code, v
}

// TestDocumentedPost is the request of https://docs.x.com/x-api/posts/create-post, as far as text goes.
func TestDocumentedPost(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	status, v := call(t, h, signed("POST", "/2/tweets", `{"text":"Learn how to use the user Tweet timeline: https://t.example/1 & more","reply_settings":"mentionedUsers"}`, Account, nil))
	if status != 201 {
		t.Fatalf("post: %d %v", status, v)
	}
	data := v["data"].(map[string]any)
	if text := data["text"].(string); !strings.Contains(text, "https://t.co/") || !strings.HasSuffix(text, "&amp; more") {
		t.Errorf("text %q", text)
	}
	if status, v = call(t, h, signed("GET", "/2/tweets/"+data["id"].(string), "", AccountEN, nil)); status != 200 || v["data"].(map[string]any)["id"] != data["id"] {
		t.Errorf("looked up: %d %v", status, v)
	}
	if status, v = call(t, h, signed("GET", "/2/tweets/1", "", AccountEN, nil)); status != 200 || v["data"] != nil || v["errors"] == nil {
		t.Errorf("looked up what isn't there: %d %v", status, v)
	}
	if n := d.Total(); n.Accepted != 1 || n.Delivered != 1 {
		t.Errorf("counted %+v", n)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"duplicate":     {`{"text":"first"}`, 403, "duplicate"},
		"reply to none": {`{"text":"b","reply":{"in_reply_to_tweet_id":"1"}}`, 403, "deleted or not visible"},
		"unknown field": {`{"text":"b","lang":"ro"}`, 400, "invalid"},
		"no text":       {`{"text":" "}`, 400, "empty"},
		"too long":      {`{"text":"` + strings.Repeat("日", 141) + `"}`, 400, "too long"},
	} {
		d, h := newTestServer(t, sandbox.Conduct{})
		call(t, h, signed("POST", "/2/tweets", `{"text":"first"}`, Account, nil))
		status, v := call(t, h, signed("POST", "/2/tweets", c.body, Account, nil))
		if detail, _ := v["detail"].(string); status != c.status || !strings.Contains(detail, c.says) {
			t.Errorf("%s: %d %v", name, status, v)
		}
		if n := d.Total().Accepted; n != 1 {
			t.Errorf("%s: %d accepted", name, n)
		}
	}
}

func TestSignatures(t *testing.T) {
	_, h := newTestServer(t, sandbox.Conduct{})
	for name, change := range map[string]func(map[string]string){
		"another key":    func(o map[string]string) { o["oauth_consumer_key"] = "x" },
		"another token":  func(o map[string]string) { o["oauth_token"] = "x" },
		"nobody's token": func(o map[string]string) { o["oauth_token"] = Token("") },
		"long ago":       func(o map[string]string) { o["oauth_timestamp"] = "1318622958" },
		"no nonce":       func(o map[string]string) { o["oauth_nonce"] = "" },
		"another method": func(o map[string]string) { o["oauth_signature_method"] = "PLAINTEXT" },
		"another's":      func(o map[string]string) { o["oauth_signature"] = "hCtSmYh+iHYCEqBWrE7C7hYmtUk=" },
	} {
		if status, v := call(t, h, signed("GET", "/2/users/me?a=b", "", Account, change)); status != 401 {
			t.Errorf("%s: %d %v", name, status, v)
		}
	}
	if status, v := call(t, h, signed("GET", "/2/users/me?a=b%20c", "", Account, nil)); status != 200 {
		t.Errorf("a good one: %d %v", status, v)
	}
	if status, _ := call(t, h, httptest.NewRequest("GET", "/2/users/me", nil)); status != 401 {
		t.Errorf("none: %d", status)
	}
	if status, _ := call(t, h, signed("GET", "/2/fly", "", Account, nil)); status != 404 {
		t.Errorf("no such path: %d", status)
	}
}

func TestTimeline(t *testing.T) {
	_, h := newTestServer(t, sandbox.Conduct{})
	for i := range 7 {
		call(t, h, signed("POST", "/2/tweets", fmt.Sprintf(`{"text":"post %d"}`, i), Account, nil))
	}
	call(t, h, signed("POST", "/2/tweets", `{"text":"another's"}`, AccountEN, nil))
	list := func(more string) (int, map[string]any) {
		return call(t, h, signed("GET", "/2/users/"+userID(Account)+"/tweets?max_results=5&start_time=2026-01-01T00:00:00Z"+more, "", Account, nil))
	}
	_, first := list("")
	_, second := list("&pagination_token=5")
	if n, m := len(first["data"].([]any)), len(second["data"].([]any)); n != 5 || m != 2 {
		t.Errorf("%d and %d posts, want 5 and 2", n, m)
	}
	if first["meta"].(map[string]any)["next_token"] != "5" || second["meta"].(map[string]any)["next_token"] != nil {
		t.Errorf("pages %v, %v", first["meta"], second["meta"])
	}
	if _, none := list("&start_time=2126-01-01T00:00:00Z"); none["meta"] == nil {
		t.Errorf("a page %v", none)
	}
	if status, v := list("&fields=x"); status != 400 {
		t.Errorf("an unknown parameter: %d %v", status, v)
	}
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Mode: sandbox.RateLimited})
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "/2/users/me", nil)); w.Code != 429 || w.Header().Get("x-rate-limit-reset") == "" {
		t.Errorf("too fast: %d %v", w.Code, w.Header())
	}
	d.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "/2/users/me", nil)); w.Code != 503 {
		t.Errorf("out of order: %d", w.Code)
	}
}
