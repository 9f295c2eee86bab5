package sim

import (
	"net/http"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestDelete(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	ask := func(method, target, body, account string) (int, map[string]any) {
		return call(t, h, signed(method, target, body, account, nil))
	}
	made := func(text string) string {
		_, v := ask("POST", "/2/tweets", `{"text":"`+text+`"}`, Account)
		return v["data"].(map[string]any)["id"].(string)
	}
	deleted := func(v map[string]any) any { return v["data"].(map[string]any)["deleted"] }
	first := made("a")
	second := made("b")
	path := "/2/tweets/" + first
	if status, v := ask("DELETE", path, "", AccountEN); status != 403 || v["type"] != "about:blank" {
		t.Errorf("another's: %d %v", status, v)
	}
	for _, target := range []string{path + "?force=true", path + "?"} {
		if status, v := ask("DELETE", target, "{}", Account); status != 400 {
			t.Errorf("%s with a body: %d %v", target, status, v)
		}
	}
	if status, v := ask("DELETE", path, "", Account); status != 200 || deleted(v) != true {
		t.Errorf("deleted: %d %v", status, v)
	}
	if status, v := ask("DELETE", path, "", Account); status != 200 || deleted(v) != false {
		t.Errorf("deleted again: %d %v", status, v)
	}
	if status, v := ask("GET", path, "", Account); status != 200 || v["data"] != nil || v["errors"] == nil {
		t.Errorf("looked up: %d %v", status, v)
	}
	if status, v := ask("POST", "/2/tweets", `{"text":"c","reply":{"in_reply_to_tweet_id":"`+first+`"}}`, Account); status != 403 {
		t.Errorf("a reply to it: %d %v", status, v)
	}
	if third := made("a"); third == first || third == second {
		t.Errorf("the same text again has the id %s of another post", third)
	}
	_, v := ask("GET", "/2/users/"+userID(Account)+"/tweets?max_results=5&start_time=2026-01-01T00:00:00Z", "", Account)
	if listed := v["data"].([]any); len(listed) != 2 {
		t.Errorf("listed %v, want two", listed)
	}
	if n := d.Total(); n.Recalled != 1 || n.Accepted != 3 {
		t.Errorf("counted %+v, want one of three taken back", n)
	}
}

func TestDeleteNeedsSignature(t *testing.T) {
	_, h := newTestServer(t, sandbox.Conduct{})
	r := signed(http.MethodGet, "/2/tweets/1", "", Account, nil)
	r.Method = http.MethodDelete // which the signature covers
	if status, v := call(t, h, r); status != 401 {
		t.Errorf("signed for another method: %d %v", status, v)
	}
}
