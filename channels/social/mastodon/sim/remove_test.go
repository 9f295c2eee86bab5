package sim

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func ask(h http.Handler, method, token, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestDelete is https://docs.joinmastodon.org/methods/statuses/#delete: what was deleted is nowhere any more.
func TestDelete(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	first := read(t, post(h, Token, "1", "status=test"))
	second := read(t, post(h, Token, "2", "status=b"))
	path := "/api/v1/statuses/" + first.ID
	w := ask(h, http.MethodDelete, Token, path+"?delete_media=true", "")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, `"id":"`+first.ID+`"`) || !strings.Contains(body, `"text":"test"`) || strings.Contains(body, "content") {
		t.Errorf("deleted: %d %s", w.Code, body)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if w := ask(h, method, Token, path, ""); w.Code != 404 || !strings.Contains(w.Body.String(), notFound) {
			t.Errorf("%s again: %d %s", method, w.Code, w.Body)
		}
	}
	if list := ask(h, http.MethodGet, Token, "/api/v1/accounts/14715/statuses?limit=40", "").Body.String(); strings.Contains(list, first.ID) || !strings.Contains(list, second.ID) {
		t.Errorf("the account's posts: %s", list)
	}
	if w := post(h, Token, "3", "status=c&in_reply_to_id="+first.ID); w.Code != 404 {
		t.Errorf("a reply to it: %d %s", w.Code, w.Body)
	}
	if w := post(h, Token, "1", "status=test"); w.Code != 404 {
		t.Errorf("its key again: %d %s", w.Code, w.Body)
	}
	if n := d.Total(); n.Recalled != 1 || n.Accepted != 2 {
		t.Errorf("counted %+v, want one of two taken back", n)
	}
}

func TestDeleteRefusals(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	path := "/api/v1/statuses/" + read(t, post(h, Token, "1", "status=test")).ID
	for name, tt := range map[string]struct {
		token, path, body string
		status            int
	}{
		"another's":      {TokenOf("bank"), path, "", 404},
		"nobody's token": {"x", path, "", 401},
		"no such post":   {Token, "/api/v1/statuses/1", "", 404},
		"no post":        {Token, "/api/v1/statuses/", "", 404},
		"parameter":      {Token, path + "?force=true", "", 422},
		"not a boolean":  {Token, path + "?delete_media=maybe", "", 422},
		"a body":         {Token, path, "id=1", 422},
	} {
		if w := ask(h, http.MethodDelete, tt.token, tt.path, tt.body); w.Code != tt.status {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, tt.status)
		}
	}
	if n := d.Total().Recalled; n != 0 {
		t.Errorf("%d taken back", n)
	}
}

// TestDeletionsAreLimited: 30 of an account in half an hour, found or not.
func TestDeletionsAreLimited(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	path := "/api/v1/statuses/" + read(t, post(h, Token, "1", "status=test")).ID
	for i := range maxDeletions {
		if w := ask(h, http.MethodDelete, Token, "/api/v1/statuses/1", ""); w.Code != 404 {
			t.Fatalf("deletion %d: %d %s", i+1, w.Code, w.Body)
		}
	}
	w := ask(h, http.MethodDelete, Token, path, "")
	reset, err := time.Parse(time.RFC3339, w.Header().Get("X-RateLimit-Reset"))
	if left := time.Until(reset); w.Code != 429 || err != nil || left < 25*time.Minute || left > 30*time.Minute ||
		w.Header().Get("X-RateLimit-Limit") != "30" || w.Header().Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("one too many: %d %v", w.Code, w.Header())
	}
	if w := ask(h, http.MethodDelete, TokenOf("bank"), path, ""); w.Code != 404 || w.Header().Get("X-RateLimit-Remaining") != "29" {
		t.Errorf("another account: %d %v", w.Code, w.Header())
	}
	d.SetConduct(sandbox.Conduct{Clock: sandbox.Duration(31 * time.Minute)})
	if w := ask(h, http.MethodDelete, Token, path, ""); w.Code != 200 {
		t.Errorf("half an hour later: %d %s", w.Code, w.Body)
	}
}
