package facebook

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

// said is what Facebook answers to one request of a recall.
type said struct {
	status int
	body   string
}

var (
	unseenPost = said{400, `{"error":{"message":"Unsupported delete request. Object with ID '1012_7' does not exist, cannot be loaded due to missing permissions, or does not support this operation.","type":"GraphMethodException","code":100,"error_subcode":33}}`}
	aPost      = said{200, `{"data":[{"id":"1012_8"}],"paging":{"cursors":{"after":"x"}}}`}
	noRight    = said{403, `{"error":{"message":"(#200) The permission(s) pages_manage_posts are not available","code":200}}`}
	proxied    = said{404, `<html>Not Found</html>`}
	badProof   = said{400, `{"error":{"message":"Invalid appsecret_proof provided in the API argument","code":100}}`}
)

const gone channels.Class = 99

// recalls are what Facebook may answer to a deletion, then to reading the post, then to listing the Page's
// posts. What isn't answered isn't asked.
var recalls = map[string]struct {
	says  []said
	class channels.Class
	code  string
}{
	"deleted":               {[]said{{200, `{"success":true}`}}, gone, ""},
	"gone":                  {[]said{unseenPost, unseenPost, aPost}, gone, ""},
	"gone by another code":  {[]said{{404, `{"error":{"code":803}}`}, unseenPost, aPost}, gone, ""},
	"no posts are shown":    {[]said{unseenPost, unseenPost, {200, `{"data":[]}`}}, channels.Rejected, "100/33 unseen"},
	"there, undeletable":    {[]said{unseenPost, {200, `{"id":"1012_7"}`}}, channels.Rejected, "100/33"},
	"not deleted":           {[]said{{200, `{"success":false}`}}, channels.Rejected, "not_deleted"},
	"no right to delete":    {[]said{noRight}, channels.Rejected, "200"},
	"no right to read":      {[]said{unseenPost, noRight}, channels.Rejected, "200"},
	"no right to list":      {[]said{unseenPost, unseenPost, {400, `{"error":{"code":10}}`}}, channels.Rejected, "10"},
	"nothing can be seen":   {[]said{unseenPost, unseenPost, unseenPost}, channels.Rejected, "100/33"},
	"wrong proof":           {[]said{badProof, badProof, badProof}, channels.Rejected, "100"},
	"dead token":            {[]said{{401, `{"error":{"code":190}}`}}, channels.Auth, "190"},
	"token dies":            {[]said{unseenPost, {401, `{"error":{"code":190}}`}}, channels.Auth, "190"},
	"too fast":              {[]said{{400, `{"error":{"code":32}}`}}, channels.RateLimited, "32"},
	"too fast to read":      {[]said{unseenPost, {400, `{"error":{"code":4}}`}}, channels.RateLimited, "4"},
	"out of order":          {[]said{{503, `{"error":{"code":2}}`}}, channels.Unavailable, "2"},
	"out of order to list":  {[]said{unseenPost, unseenPost, {503, ``}}, channels.Unavailable, "503"},
	"broken":                {[]said{{500, `{"error":{"code":1}}`}}, channels.Unknown, "1"},
	"a proxy's 404":         {[]said{proxied}, channels.Rejected, "404"},
	"a proxy's 404 reading": {[]said{unseenPost, proxied}, channels.Rejected, "404"},
	"a proxy's 404 listing": {[]said{unseenPost, unseenPost, proxied}, channels.Rejected, "404"},
	"a proxy's 200":         {[]said{{200, `<html>`}}, channels.Unknown, "200 unreadable"},
	"a proxy's 200 listing": {[]said{unseenPost, unseenPost, {200, `{}`}}, channels.Unknown, "200 unreadable"},
	"nothing said":          {[]said{{200, `{}`}}, channels.Unknown, "200 unreadable"},
}

func TestRecall(t *testing.T) {
	const proof = "appsecret_proof=d8b448b9cc7d64c51098271805b3cc20b5b715e52bd587eb71b610259587c856"
	requests := []string{
		"DELETE/v25.0/1012_7?" + proof, "GET/v25.0/1012_7?" + proof + "&fields=id", "GET/v25.0/1012/posts?" + proof + "&fields=id&limit=1",
	}
	for name, c := range recalls {
		asked := 0
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			if asked >= len(c.says) {
				t.Errorf("%s: asked for %s too", name, r.URL)
				return
			}
			if got := r.Method + r.URL.String(); got != requests[asked] || r.Header.Get("Authorization") != "Bearer page-token" || r.ContentLength > 0 {
				t.Errorf("%s: request %s with %v, want %s", name, got, r.Header, requests[asked])
			}
			w.WriteHeader(c.says[asked].status)
			_, _ = io.WriteString(w, c.says[asked].body)
			asked++
		})
		err := s.(channels.Recaller).Recall(context.Background(), channels.Sent{Address: "1012", ProviderID: "1012_7"})
		if asked != len(c.says) || (err == nil) != (c.class == gone) {
			t.Errorf("%s: %v after %d requests, want %d", name, err, asked, len(c.says))
			continue
		}
		if e := channels.AsError(err); err != nil && (e.Class != c.class || e.Code != c.code) {
			t.Errorf("%s: %v, want %v (%s)", name, e, c.class, c.code)
		}
	}
}

// TestRecallOfAnotherPagesPost: that a token is shown its Page's posts says nothing of another's.
func TestRecallOfAnotherPagesPost(t *testing.T) {
	says := []said{unseenPost, unseenPost, aPost}
	s := newTestSender(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(says[0].status)
		_, _ = io.WriteString(w, says[0].body)
		says = says[1:]
	})
	err := s.(channels.Recaller).Recall(context.Background(), channels.Sent{Address: "1012", ProviderID: "10_7"})
	if e := channels.AsError(err); err == nil || e.Class != channels.Rejected {
		t.Errorf("%v, want it to stay", err)
	}
}

func TestRecallsThatMakeNoSense(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for m, want := range map[channels.Sent]channels.Class{
		{Address: "1012", ProviderID: "1012"}:          channels.Rejected, // the Page itself
		{Address: "1012", ProviderID: "1012_1/../1_2"}: channels.Rejected,
		{Address: "1012", ProviderID: ""}:              channels.Rejected,
		{Address: "99", ProviderID: "99_1"}:            channels.InvalidAddress,
	} {
		err := s.(channels.Recaller).Recall(context.Background(), m)
		if e := channels.AsError(err); err == nil || e.Class != want {
			t.Errorf("%+v: %v, want class %v", m, err, want)
		}
	}
}
