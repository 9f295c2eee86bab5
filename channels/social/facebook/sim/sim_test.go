package sim

import (
	"context"
	"encoding/json"
	"fmt"
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
	d := sandbox.NewDesk(ctx, "facebook", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

// call makes a request with a Page's token and the proof that belongs to it.
func call(t testing.TB, h http.Handler, method, path, page string, params url.Values) (int, map[string]any) {
	t.Helper()
	if params == nil {
		params = url.Values{}
	}
	if !params.Has("appsecret_proof") {
		params.Set("appsecret_proof", proof(Token(page)))
	}
	r := httptest.NewRequest(method, path, strings.NewReader(params.Encode()))
	if method != http.MethodPost {
		r = httptest.NewRequest(method, path+"?"+params.Encode(), nil)
	}
	r.Header.Set("Authorization", "Bearer "+Token(page))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("answer %q: %v", w.Body, err)
	}
	return w.Code, v
}

func code(v map[string]any) any {
	e, _ := v["error"].(map[string]any)
	return e["code"]
}

// TestDocumentedPost is the request of https://developers.facebook.com/docs/pages-api/posts, published at
// once.
func TestDocumentedPost(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	params := url.Values{"message": {"your_message_text"}, "link": {"https://example.com"}, "published": {"true"}}
	status, v := call(t, h, "POST", "/v25.0/"+Page+"/feed", Page, params)
	id, _ := v["id"].(string)
	if status != 200 || !strings.HasPrefix(id, Page+"_") {
		t.Fatalf("post: %d %v", status, v)
	}
	if status, v = call(t, h, "GET", "/v25.0/"+id, Page, url.Values{"fields": {"id"}}); status != 200 || v["id"] != id {
		t.Errorf("read: %d %v", status, v)
	}
	if n := d.Total(); n.Accepted != 1 || n.Delivered != 1 {
		t.Errorf("counted %+v", n)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		path, page string
		params     url.Values
		status     int
		code       float64
	}{
		"duplicate":         {"/v25.0/" + Page + "/feed", Page, url.Values{"message": {"first"}}, 400, 506},
		"no text":           {"/v25.0/" + Page + "/feed", Page, nil, 400, 100},
		"unknown parameter": {"/v25.0/" + Page + "/feed", Page, url.Values{"message": {"b"}, "text": {"b"}}, 400, 100},
		"another's Page":    {"/v25.0/" + PageEN + "/feed", Page, url.Values{"message": {"b"}}, 403, 200},
		"no token":          {"/v25.0/" + Page + "/feed", "", url.Values{"message": {"b"}}, 401, 190},
		"no proof":          {"/v25.0/" + Page + "/feed", Page, url.Values{"message": {"b"}, "appsecret_proof": {"x"}}, 401, 190},
		"no version":        {"/" + Page + "/feed", Page, url.Values{"message": {"b"}}, 400, 2500},
		"no edge":           {"/v25.0/" + Page + "/fly", Page, nil, 400, 2500},
	} {
		d, h := newTestServer(t, sandbox.Conduct{})
		call(t, h, "POST", "/v25.0/"+Page+"/feed", Page, url.Values{"message": {"first"}})
		status, v := call(t, h, "POST", c.path, c.page, c.params)
		if status != c.status || code(v) != c.code || d.Total().Accepted != 1 {
			t.Errorf("%s: %d %v, %d accepted", name, status, v, d.Total().Accepted)
		}
	}
	_, h := newTestServer(t, sandbox.Conduct{})
	if status, v := call(t, h, "GET", "/v25.0/"+Page+"_1", Page, nil); status != 400 || code(v) != 100.0 {
		t.Errorf("no such post: %d %v", status, v)
	}
}

func TestList(t *testing.T) {
	_, h := newTestServer(t, sandbox.Conduct{})
	for i := range 7 {
		call(t, h, "POST", "/v25.0/"+Page+"/feed", Page, url.Values{"message": {fmt.Sprint("post ", i)}})
	}
	call(t, h, "POST", "/v25.0/"+PageEN+"/feed", PageEN, url.Values{"message": {"another's"}})
	list := func(after string) ([]any, map[string]any) {
		params := url.Values{"fields": {"id,message"}, "limit": {"5"}, "since": {"1700000000"}}
		if after != "" {
			params.Set("after", after)
		}
		_, v := call(t, h, "GET", "/v25.0/"+Page+"/posts", Page, params)
		return v["data"].([]any), v["paging"].(map[string]any)
	}
	first, paging := list("")
	if len(first) != 5 || paging["next"] == nil || first[0].(map[string]any)["message"] != "post 6" {
		t.Errorf("first page %v, %v", first, paging)
	}
	second, paging := list(paging["cursors"].(map[string]any)["after"].(string))
	if len(second) != 2 || paging["next"] != nil {
		t.Errorf("second page %v, %v", second, paging)
	}
	if status, _ := call(t, h, "GET", "/v25.0/"+Page+"/posts", Page, url.Values{"limit": {"500"}}); status != 400 {
		t.Errorf("too many at once: %d", status)
	}
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Mode: sandbox.RateLimited})
	if status, v := call(t, h, "GET", "/v25.0/"+Page, Page, nil); status != 400 || code(v) != 80001.0 {
		t.Errorf("too fast: %d %v", status, v)
	}
	d.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	if status, v := call(t, h, "GET", "/v25.0/"+Page, Page, nil); status != 503 || code(v) != 2.0 {
		t.Errorf("out of order: %d %v", status, v)
	}
}
