package sim

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func deletion(did, more string) string {
	return `{"repo":"` + did + `","collection":"app.bsky.feed.post","rkey":"3k4duaz5vfs2b"` + more + `}`
}

// TestDelete follows the lexicon of deleteRecord: "Delete a repository record, or ensure it doesn't exist."
func TestDelete(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	did, access, _ := login(t, h, Account)
	_, made := call(t, h, "com.atproto.repo.putRecord", access, put(did, "3k4duaz5vfs2b", plain))
	status, v := call(t, h, "com.atproto.repo.deleteRecord", access, deletion(did, `,"swapRecord":"`+made["cid"].(string)+`"`))
	if commit, _ := v["commit"].(map[string]any); status != 200 || commit["cid"] == nil || commit["rev"] == nil {
		t.Errorf("deleted: %d %v", status, v)
	}
	status, v = call(t, h, "com.atproto.repo.getRecord?repo="+did+"&collection=app.bsky.feed.post&rkey=3k4duaz5vfs2b", "", "")
	if status != 400 || v["error"] != "RecordNotFound" {
		t.Errorf("looked up: %d %v", status, v)
	}
	if status, v = call(t, h, "com.atproto.repo.deleteRecord", access, deletion(Account, "")); status != 200 || len(v) != 0 {
		t.Errorf("deleted again, by handle: %d %v", status, v)
	}
	if n := d.Total(); n.Accepted != 1 || n.Recalled != 1 {
		t.Errorf("counted %+v", n)
	}
}

func TestDeleteRefusals(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	did, access, _ := login(t, h, Account)
	_, others, _ := login(t, h, AccountRU)
	call(t, h, "com.atproto.repo.putRecord", access, put(did, "3k4duaz5vfs2b", plain))
	good := deletion(did, "")
	for name, tt := range map[string]struct{ token, body, says string }{
		"no token":       {"", good, "AuthMissing"},
		"another token":  {"x", good, "InvalidToken"},
		"another's":      {others, good, "AuthenticationRequired"},
		"no such repo":   {access, deletion("did:plc:other", ""), "AuthenticationRequired"},
		"swapped":        {access, deletion(did, `,"swapRecord":"bafyother"`), "InvalidSwap"},
		"unknown field":  {access, deletion(did, `,"record":{}`), "InvalidRequest"},
		"no key":         {access, strings.Replace(good, "3k4duaz5vfs2b", "", 1), "InvalidRequest"},
		"no repo":        {access, deletion("", ""), "InvalidRequest"},
		"no collection":  {access, strings.Replace(good, "app.bsky.feed.post", "", 1), "InvalidRequest"},
		"no JSON at all": {access, "a", "InvalidRequest"},
	} {
		if status, v := call(t, h, "com.atproto.repo.deleteRecord", tt.token, tt.body); status < 400 || v["error"] != tt.says {
			t.Errorf("%s: %d %v, want %s", name, status, v, tt.says)
		}
	}
	if n := d.Total().Recalled; n != 0 {
		t.Errorf("%d taken back", n)
	}
}
