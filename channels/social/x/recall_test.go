package x

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func recall(s channels.Sender, m channels.Sent) error {
	return s.(channels.Recaller).Recall(context.Background(), m)
}

func TestRecallRequest(t *testing.T) {
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		auth := r.Header.Get("Authorization")
		if got := r.Method + " " + r.RequestURI + " " + string(body); got != "DELETE /2/tweets/1445880548472328192 " {
			t.Errorf("request %q", got)
		}
		if !strings.HasPrefix(auth, `OAuth oauth_consumer_key="ck"`) || !strings.Contains(auth, `oauth_token="tok"`) || r.Header.Get("Content-Type") != "" {
			t.Errorf("header %v", r.Header)
		}
		_, _ = io.WriteString(w, `{"data":{"deleted":true}}`)
	})
	if err := recall(s, channels.Sent{Ref: "a-1", Address: "@bank", ProviderID: "1445880548472328192"}); err != nil {
		t.Error(err)
	}
}

// answer is a status and a body.
type answer struct {
	status int
	body   string
}

// TestRecallAnswers has what https://docs.x.com/x-api/posts/delete-post and
// https://docs.x.com/x-api/fundamentals/response-codes-and-errors show, what X may answer besides, and what
// proxies put in front. Unless it was deleted the post is looked up, by a second request.
func TestRecallAnswers(t *testing.T) {
	const notFound = `"title":"Not Found Error","type":"https://api.twitter.com/2/problems/resource-not-found","resource_type":"tweet","value":"1"`
	absent, there := answer{200, `{"errors":[{` + notFound + `}]}`}, answer{200, `{"data":{"id":"1","text":"a"}}`}
	notDeleted := answer{200, `{"data":{"deleted":false}}`}
	unasked := answer{}
	for name, tt := range map[string]struct {
		deleted, found answer
		class          channels.Class
		code           string // "" where the post is gone
	}{
		"deleted":               {answer{200, `{"data":{"deleted":true}}`}, unasked, 0, ""},
		"gone":                  {notDeleted, absent, 0, ""},
		"gone, it says":         {answer{404, `{` + notFound + `,"status":404}`}, absent, 0, ""},
		"gone, says another":    {absent, absent, 0, ""},
		"gone with a 404":       {notDeleted, answer{404, `{` + notFound + `,"status":404}`}, 0, ""},
		"nothing said":          {answer{204, ``}, absent, 0, ""},
		"nothing done":          {answer{204, ``}, there, channels.Unknown, "204 unreadable"},
		"declined":              {notDeleted, there, channels.Rejected, "not_deleted"},
		"another's":             {answer{403, `{"detail":"You are not permitted to delete this Tweet.","type":"about:blank"}`}, there, channels.Rejected, "403 not_ours"},
		"was another's":         {answer{403, `{"detail":"You are not permitted to delete this Tweet.","type":"about:blank"}`}, absent, 0, ""},
		"not to be seen":        {notDeleted, answer{200, `{"errors":[{"type":"https://api.twitter.com/2/problems/not-authorized-for-resource"}]}`}, channels.Rejected, "not_found"},
		"no access to reading":  {notDeleted, answer{403, `{"type":"https://api.twitter.com/2/problems/client-forbidden"}`}, channels.Rejected, "not_deleted unseen"},
		"nobody may pass":       {answer{200, `<html>`}, answer{403, `<html>`}, channels.Auth, "403"},
		"it lacks something":    {notDeleted, answer{200, `{"data":{"id":"1","text":"a"},"errors":[{` + notFound + `}]}`}, channels.Rejected, "not_deleted"},
		"too fast later":        {notDeleted, answer{429, ``}, channels.RateLimited, "429"},
		"a proxy's 404":         {answer{404, `<html>`}, answer{404, `<html>`}, channels.Rejected, "404"},
		"a proxy's JSON":        {answer{404, `{"type":"resource-not-found"}`}, answer{404, `{"type":"resource-not-found"}`}, channels.Rejected, "404"},
		"a 404, and it's there": {answer{404, `{"title":"Not Found","type":"about:blank","status":404}`}, there, channels.Rejected, "404"},
		"a proxy's page":        {answer{200, `<html>`}, answer{200, `<html>`}, channels.Unknown, "200 unreadable"},
		"bad token":             {answer{401, `{"title":"Unauthorized","type":"about:blank"}`}, unasked, channels.Auth, "401"},
		"read only":             {answer{403, `{"type":"https://api.twitter.com/2/problems/oauth1-permissions"}`}, unasked, channels.Auth, "403 oauth1-permissions"},
		"too fast":              {answer{429, `{"title":"Too Many Requests","type":"about:blank"}`}, unasked, channels.RateLimited, "429"},
		"broken":                {answer{500, ``}, unasked, channels.Unknown, "500"},
		"out of order":          {answer{503, ``}, unasked, channels.Unavailable, "503"},
	} {
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			a := tt.deleted
			if r.Method == http.MethodGet {
				a = tt.found
			}
			if r.RequestURI != "/2/tweets/1" || a == unasked {
				t.Errorf("%s: %s %s", name, r.Method, r.RequestURI)
				a.status = 404
			}
			w.WriteHeader(a.status)
			_, _ = io.WriteString(w, a.body)
		})
		err := recall(s, channels.Sent{Ref: "a-1", Address: "bank", ProviderID: "1"})
		if tt.code == "" {
			if err != nil {
				t.Errorf("%s: %v, want it gone", name, err)
			}
			continue
		}
		if e := channels.AsError(err); err == nil || e.Class != tt.class || e.Code != tt.code {
			t.Errorf("%s: %v, want %v (%s)", name, err, tt.class, tt.code)
		}
	}
}

func TestRecallsThatMakeNoSense(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for m, want := range map[channels.Sent]string{
		{Address: "bank", ProviderID: "1/hidden"}:               "no_post",
		{Address: "bank", ProviderID: "12345678901234567890"}:   "no_post",
		{Address: "another", ProviderID: "1445880548472328192"}: "no_such_account",
	} {
		err := recall(s, m)
		if e := channels.AsError(err); err == nil || e.Code != want || e.Class != channels.Rejected && e.Class != channels.InvalidAddress {
			t.Errorf("%+v: %v, want %s", m, err, want)
		}
	}
}
