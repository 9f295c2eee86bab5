package sim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func newTestServer(t testing.TB, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "vk", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

type answer struct {
	Response map[string]any
	Error    struct {
		Code int `json:"error_code"`
	}
}

func call(t testing.TB, h http.Handler, method, key, form string) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/method/"+method, strings.NewReader(form))
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatalf("answer %d %q: %v", w.Code, w.Body, err)
	}
	return a
}

const wall = "v=5.199&owner_id=-" + Community + "&from_group=1&message="

// TestDocumentedPost has the parameters of https://dev.vk.com/ru/method/wall.post.
func TestDocumentedPost(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	first := call(t, h, "wall.post", Token(Community), wall+"New+post+on+group+wall+via+API.&signed=0&mark_as_ads=0&guid=a")
	again := call(t, h, "wall.post", Token(Community), wall+"New+post+on+group+wall+via+API.&signed=0&mark_as_ads=0&guid=a")
	if id := first.Response["post_id"]; id != 1.0 || again.Response["post_id"] != id {
		t.Errorf("posted %+v, then %+v", first, again)
	}
	if n := d.Total(); n.Accepted != 1 || n.Delivered != 1 {
		t.Errorf("counted %+v, want one accepted and delivered", n)
	}
	if a := call(t, h, "groups.getById", Token(Community), "v=5.199&group_id="+Community); a.Response["groups"] == nil {
		t.Errorf("groups.getById: %+v", a)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		method, key, form string
		code              int
	}{
		"no key":             {"wall.post", "x", wall + "a", 5},
		"nobody's key":       {"wall.post", Token(""), wall + "a", 5},
		"another's wall":     {"wall.post", Token(CommunityEN), wall + "a", 15},
		"no text":            {"wall.post", Token(Community), wall + "+", 100},
		"too long":           {"wall.post", Token(Community), wall + strings.Repeat("a", 15896), 100},
		"not from the group": {"wall.post", Token(Community), "v=5.199&owner_id=-" + Community + "&message=a", 100},
		"unknown parameter":  {"wall.post", Token(Community), wall + "a&text=b", 100},
		"no version":         {"wall.post", Token(Community), "owner_id=-1", 8},
		"no method":          {"wall.fly", Token(Community), wall + "a", 3},
	} {
		d, h := newTestServer(t, sandbox.Conduct{})
		if a := call(t, h, c.method, c.key, c.form); a.Error.Code != c.code || d.Total().Accepted != 0 {
			t.Errorf("%s: %+v, want %d", name, a, c.code)
		}
	}
	_, h := newTestServer(t, sandbox.Conduct{Refuse: 1})
	if a := call(t, h, "wall.post", Token(Community), wall+url.QueryEscape("see https://a.md")); a.Error.Code != 222 {
		t.Errorf("a post that is refused: %+v", a)
	}
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Mode: sandbox.RateLimited})
	if a := call(t, h, "wall.post", Token(Community), wall+"a"); a.Error.Code != 6 {
		t.Errorf("too fast: %+v", a)
	}
	d.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("POST", "/method/wall.post", nil)); w.Code != 503 {
		t.Errorf("out of order: %d", w.Code)
	}
}
