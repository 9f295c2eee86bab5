package sim

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const deletion = "v=5.199&owner_id=-" + Community + "&post_id="

// TestRemove has the parameters and the answer of https://dev.vk.com/ru/method/wall.delete.
func TestRemove(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	call(t, h, "wall.post", Token(Community), wall+"a&guid=a")
	call(t, h, "wall.post", UserToken(Community), wall+"b&guid=b")
	r := httptest.NewRequest(http.MethodPost, "/method/wall.delete", strings.NewReader(deletion+"1"))
	r.Header.Set("Authorization", "Bearer "+UserToken(Community))
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"response":1}` {
		t.Errorf("deletion: %d %s", w.Code, w.Body)
	}
	if a := call(t, h, "wall.delete", UserToken(Community), deletion+"1"); a.Error.Code != 104 {
		t.Errorf("deletion of what is gone: %+v", a)
	}
	if a := call(t, h, "wall.post", Token(Community), wall+"a&guid=a"); a.Response["post_id"] != 1.0 {
		t.Errorf("the guid of what is gone: %+v", a)
	}
	if n := d.Total(); n.Accepted != 2 || n.Recalled != 1 {
		t.Errorf("counted %+v", n)
	}
}

func TestRemoveRefused(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	call(t, h, "wall.post", Token(Community), wall+"a")
	for name, c := range map[string]struct {
		key, form string
		code      int
	}{
		"a community's key": {Token(Community), deletion + "1", 27},
		"nobody's key":      {UserToken(""), deletion + "1", 5},
		"another's wall":    {UserToken(CommunityEN), deletion + "1", 210},
		"another's post":    {UserToken(CommunityEN), strings.Replace(deletion, Community, CommunityEN, 1) + "1", 104},
		"no post":           {UserToken(Community), deletion + "2", 104},
		"no number":         {UserToken(Community), deletion + "x", 100},
		"unknown parameter": {UserToken(Community), deletion + "1&guid=a", 100},
		"no version":        {UserToken(Community), "owner_id=-" + Community + "&post_id=1", 8},
	} {
		if a := call(t, h, "wall.delete", c.key, c.form); a.Error.Code != c.code {
			t.Errorf("%s: %+v, want %d", name, a, c.code)
		}
	}
	if n := d.Total(); n.Recalled != 0 {
		t.Errorf("counted %+v", n)
	}
}
