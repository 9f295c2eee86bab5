package sim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func newTestServer(t testing.TB, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "mastodon", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

// post posts a form with a token and an Idempotency-Key, and returns the answer.
func post(h http.Handler, token, key, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/statuses", strings.NewReader(form))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func read(t testing.TB, w *httptest.ResponseRecorder) status {
	t.Helper()
	var s status
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != 200 {
		t.Fatalf("answer %d %q: %v", w.Code, w.Body, err)
	}
	return s
}

// TestDocumentedRequests replays the post that https://docs.joinmastodon.org/methods/statuses/#create
// answers ("test content") with the form parameters listed there that the simulator takes, and the
// request of https://docs.joinmastodon.org/client/authorized/#token.
func TestDocumentedRequests(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	s := read(t, post(h, Token, "", "status=test+content&sensitive=false&visibility=public&language=en&quote_approval_policy=public"))
	if s.Content != "<p>test content</p>" || s.Visibility != "public" || s.Language != "en" || s.Account.Username != Account {
		t.Errorf("answer %+v", s)
	}
	if n := d.Total(); n.Accepted != 1 || n.Delivered != 1 {
		t.Errorf("counted %+v, want one accepted and delivered", n)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/accounts/verify_credentials", nil)
	r.Header.Set("Authorization", "Bearer "+TokenOf("bank"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"username":"bank"`) {
		t.Errorf("verify_credentials: %d %s", w.Code, w.Body)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		token, form string
		status      int
		says        string
	}{
		"another token":     {"x", "status=a", 401, "access token"},
		"a longer token":    {Token + "x", "status=a", 401, "access token"},
		"nobody's token":    {TokenOf(""), "status=a", 401, "access token"},
		"blank":             {Token, "status=+", 422, "can't be blank"},
		"too long":          {Token, "status=" + strings.Repeat("a", 501), 422, "character limit of 500"},
		"unknown parameter": {Token, "status=a&text=b", 422, "text"},
		"unreadable form":   {Token, "status=%zz", 422, "form"},
		"visibility":        {Token, "status=a&visibility=secret", 422, "Visibility"},
		"scheduled":         {Token, "status=a&scheduled_at=2030-01-01T00:00:00Z", 422, "at once"},
		"refused account":   {TokenOf("outages9"), "status=a", 422, "not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
			w := post(h, c.token, "k", c.form)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("answer %d %s, want %d that says %q", w.Code, w.Body, c.status, c.says)
			}
			if n := d.Total().Accepted; n != 0 {
				t.Errorf("%d accepted", n)
			}
		})
	}
}

func TestOtherRequests(t *testing.T) {
	_, h := newTestServer(t, sandbox.Conduct{})
	for path, contentType := range map[string]string{"/api/v1/statuses": "application/json", "/api/v1/fly": ""} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(`{"status":"a"}`))
		r.Header.Set("Authorization", "Bearer "+Token)
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 422 && w.Code != 404 {
			t.Errorf("%s as %q: %d", path, contentType, w.Code)
		}
	}
}

func TestLinksCount23(t *testing.T) {
	_, h := newTestServer(t, sandbox.Conduct{})
	link := "https://status.example.com/" + strings.Repeat("a", 100)
	fits := url.Values{"status": {strings.Repeat("a", 476) + " " + link}}
	if w := post(h, Token, "", fits.Encode()); w.Code != 200 {
		t.Errorf("500 characters: %d %s", w.Code, w.Body)
	}
	over := url.Values{"status": {strings.Repeat("a", 477) + " " + link}}
	if w := post(h, Token, "", over.Encode()); w.Code != 422 {
		t.Errorf("501 characters: %d", w.Code)
	}
}

func TestReplies(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	d.KeepMessages()
	first := read(t, post(h, Token, "1", "status=a"))
	if w := post(h, Token, "2", "status=b&in_reply_to_id=1"); w.Code != 404 {
		t.Errorf("a reply to nothing: %d %s", w.Code, w.Body)
	}
	second := read(t, post(h, Token, "2", "status=b&in_reply_to_id="+first.ID))
	if kept := d.Messages(); second.InReplyTo != first.ID || len(kept) != 2 || kept[1].ReplyTo != first.ID {
		t.Errorf("the reply is %+v, kept %+v", second, kept)
	}
}

func TestPosts(t *testing.T) {
	_, h := newTestServer(t, sandbox.Conduct{})
	first := read(t, post(h, Token, "", "status=Cards+<down>"))
	second := read(t, post(h, Token, "", "status=b"))
	read(t, post(h, TokenOf("bank"), "", "status=c"))
	get := func(path string) string {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+Token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return strconv.Itoa(w.Code) + " " + w.Body.String()
	}
	list := get("/api/v1/accounts/14715/statuses?limit=40&exclude_reblogs=true")
	if strings.Count(list, `"content"`) != 2 || strings.Index(list, second.ID) > strings.Index(list, first.ID) {
		t.Errorf("the account's posts: %s", list)
	}
	if rest := get("/api/v1/accounts/14715/statuses?limit=40&max_id=" + second.ID); strings.Count(rest, `"content"`) != 1 {
		t.Errorf("those before the second: %s", rest)
	}
	for path, want := range map[string]string{
		"/api/v1/statuses/" + first.ID:                `"id":"` + first.ID,
		"/api/v1/statuses/" + first.ID + "/source":    `"text":"Cards \u003cdown\u003e"`,
		"/api/v1/statuses/1":                          "404 ",
		"/api/v1/statuses/1/source":                   "404 ",
		"/api/v1/accounts/14715/statuses?limit=a":     "422 ",
		"/api/v1/accounts/14715/statuses?limit=5&x=y": "422 ",
		"/api/v1/accounts/1/statuses?limit=5":         "404 ",
	} {
		if got := get(path); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Go(func() { ids[i] = read(t, post(h, Token, "key", "status=a")).ID })
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Errorf("ids %q, want all the same", ids)
		}
	}
	if other := read(t, post(h, TokenOf("bank"), "key", "status=a")).ID; other == ids[0] {
		t.Error("another account's key is taken for the same")
	}
	if n := d.Total(); n.Accepted != 2 || n.Repeats != 0 {
		t.Errorf("counted %+v, want two accepted", n)
	}
}

func TestKeysAreBounded(t *testing.T) {
	k := newKeys()
	for i := range maxKeys + 10 {
		k.get(string(rune(i)) + "x" + time.Duration(i).String())
	}
	if len(k.posts) != maxKeys || len(k.order) != maxKeys {
		t.Errorf("%d keys, %d in order; want %d", len(k.posts), len(k.order), maxKeys)
	}
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Mode: sandbox.RateLimited})
	w := post(h, Token, "k", "status=a")
	reset, err := time.Parse(time.RFC3339, w.Header().Get("X-RateLimit-Reset"))
	if w.Code != 429 || err != nil || reset.Before(time.Now()) {
		t.Errorf("too fast: %d, reset %v, error %v", w.Code, reset, err)
	}
	d.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	if w := post(h, Token, "k", "status=a"); w.Code != 503 {
		t.Errorf("out of order: %d", w.Code)
	}
	d.SetConduct(sandbox.Conduct{})
	read(t, post(h, Token, "k", "status=a"))
}

func BenchmarkPost(b *testing.B) {
	_, h := newTestServer(b, sandbox.Conduct{})
	for b.Loop() {
		read(b, post(h, Token, "", "status=Card+payments+are+down.&visibility=public&language=en"))
	}
}
