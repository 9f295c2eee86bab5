package sim

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// TestRemove deletes the second of three posts.
func TestRemove(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	feed, posts := "/v25.0/"+Page+"/feed", "/v25.0/"+Page+"/posts"
	var ids []string
	for _, text := range []string{"first", "second", "third"} {
		_, v := call(t, h, "POST", feed, Page, url.Values{"message": {text}})
		ids = append(ids, v["id"].(string))
	}
	remove := func() (int, map[string]any) { return call(t, h, http.MethodDelete, "/v25.0/"+ids[1], Page, nil) }
	if status, v := remove(); status != 200 || v["success"] != true {
		t.Errorf("deletion: %d %v", status, v)
	}
	if status, v := remove(); status != 400 || code(v) != 100.0 {
		t.Errorf("deletion of what is gone: %d %v", status, v)
	}
	if status, v := call(t, h, "GET", "/v25.0/"+ids[1], Page, nil); status != 400 || code(v) != 100.0 {
		t.Errorf("reading what is gone: %d %v", status, v)
	}
	_, v := call(t, h, "GET", posts, Page, url.Values{"fields": {"id"}, "limit": {"5"}, "after": {"c-" + ids[2]}})
	if data := v["data"].([]any); len(data) != 1 || len(data[0].(map[string]any)) != 1 || data[0].(map[string]any)["id"] != ids[0] {
		t.Errorf("posts before the last: %v", data)
	}
	if _, v = call(t, h, "GET", posts, Page, url.Values{"fields": {"id"}, "limit": {"5"}, "after": {"c-" + ids[1]}}); len(v["data"].([]any)) != 1 {
		t.Errorf("posts before the one that is gone: %v", v)
	}
	if status, v := call(t, h, "POST", feed, Page, url.Values{"message": {"second"}}); status != 200 || v["id"] == ids[1] || v["id"] == ids[2] {
		t.Errorf("the text of what is gone: %d %v", status, v)
	}
	if n := d.Total(); n.Accepted != 4 || n.Recalled != 1 {
		t.Errorf("counted %+v", n)
	}
}

func TestRemoveRefused(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	_, v := call(t, h, "POST", "/v25.0/"+Page+"/feed", Page, url.Values{"message": {"a"}})
	id, _ := v["id"].(string)
	for name, c := range map[string]struct {
		path, page string
		params     url.Values
		status     int
		code       float64
	}{
		"another's post":    {"/v25.0/" + id, PageEN, nil, 403, 200},
		"no token":          {"/v25.0/" + id, "", nil, 401, 190},
		"no proof":          {"/v25.0/" + id, Page, url.Values{"appsecret_proof": {"x"}}, 401, 190},
		"unknown parameter": {"/v25.0/" + id, Page, url.Values{"force": {"true"}}, 400, 100},
		"the Page itself":   {"/v25.0/" + Page, Page, nil, 400, 2500},
		"an edge":           {"/v25.0/" + Page + "/feed", Page, nil, 400, 2500},
	} {
		if status, v := call(t, h, http.MethodDelete, c.path, c.page, c.params); status != c.status || code(v) != c.code {
			t.Errorf("%s: %d %v", name, status, v)
		}
	}
	if n := d.Total(); n.Recalled != 0 {
		t.Errorf("counted %+v", n)
	}
}
