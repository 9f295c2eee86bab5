// Package sim is the far side of the Mastodon adapter: as much of an instance's API as an account
// needs that only posts text. It follows https://docs.joinmastodon.org/methods/statuses/#create, #get,
// #source and #delete, https://docs.joinmastodon.org/methods/accounts/#verify_credentials and #statuses, and
// for deletions https://docs.joinmastodon.org/api/rate-limits/; it takes form data as documented there, and
// refuses parameters that a request doesn't have, where the original ignores them.
package sim

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const (
	// Account is the account of Token. The others are the same organisation's in other languages.
	Account   = "outages"
	AccountEN = "outages_en"
	AccountRU = "outages_ru"
	// Token is the access token that the simulator takes, which is the documentation's example.
	Token = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"
)

// TokenOf is the access token of any other account: on this instance every handle is somebody's.
func TokenOf(account string) string { return Token + "." + account }

const (
	maxCharacters = 500
	// resetAfter is when a rate limit is over.
	resetAfter = 2 * time.Second
	// firstID makes ids as large as an instance's.
	firstID = 103254962155278888
)

// Simulator describes the simulated instance.
func Simulator() sandbox.Simulator {
	accounts := map[string]string{Account: Token, AccountEN: TokenOf(AccountEN), AccountRU: TokenOf(AccountRU)}
	return sandbox.Simulator{
		Provider: "mastodon", HTTP: newServer, Accounts: []string{Account, AccountEN, AccountRU},
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "accounts": accounts}
		},
	}
}

type server struct {
	desk *sandbox.Desk
	keys *keys
	ids  atomic.Int64
	mu   sync.Mutex
	// posts are all posts, oldest first; nothing is forgotten, since accounts don't post much.
	posts []kept
	// deletions are the accounts' that were asked for of late.
	deletions map[string]*deletions
}

func newServer(d *sandbox.Desk) http.Handler {
	s := &server{desk: d, keys: newKeys(), deletions: map[string]*deletions{}}
	s.ids.Store(firstID)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "Request is too large")
		return
	}
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		refuse(w, http.StatusServiceUnavailable, "There was a temporary problem serving your request, please try again")
	case sandbox.RateLimited:
		setLimit(w, 300, 0, time.Now().Add(resetAfter))
		refuse(w, http.StatusTooManyRequests, tooFast)
	default:
		s.route(w, r, body)
	}
}

func (s *server) route(w http.ResponseWriter, r *http.Request, body []byte) {
	account, known := accountOf(r)
	switch {
	case !known:
		refuse(w, http.StatusUnauthorized, "The access token is invalid")
	case r.Method == http.MethodPost && r.URL.Path == "/api/v1/statuses":
		s.post(w, r, account, body)
	case r.Method == http.MethodDelete && strings.HasPrefix(r.URL.Path, "/api/v1/statuses/"):
		s.remove(w, r, account, body)
	case r.Method == http.MethodGet && r.URL.Path == "/api/v1/accounts/verify_credentials":
		write(w, http.StatusOK, newProfile(account))
	case r.Method == http.MethodGet && r.URL.Path == "/api/v1/accounts/"+newProfile(account).ID+"/statuses":
		s.list(w, r, account)
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/v1/statuses/"):
		s.show(w, account, strings.TrimPrefix(r.URL.Path, "/api/v1/statuses/"))
	default:
		refuse(w, http.StatusNotFound, notFound)
	}
}

// accountOf is whose token a request has.
func accountOf(r *http.Request) (account string, known bool) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || !strings.HasPrefix(token, Token) {
		return "", false
	}
	if token == Token {
		return Account, true
	}
	account, found := strings.CutPrefix(token, Token+".")
	return account, found && account != ""
}

func (s *server) post(w http.ResponseWriter, r *http.Request, account string, body []byte) {
	form, problem := readForm(r, body)
	if problem != "" {
		refuse(w, http.StatusUnprocessableEntity, "Validation failed: "+problem)
		return
	}
	// The same key again is answered as the first time, while another with it waits for that.
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		if post, ok := s.publish(w, account, form); ok {
			s.confirm(w, post)
		}
		return
	}
	s.keys.once(account+"/"+key, func() (status, bool) { return s.publish(w, account, form) }, func(first status) {
		s.confirm(w, first)
	})
}

// confirm answers with a post, or breaks off. A key whose post was deleted meanwhile finds nothing.
func (s *server) confirm(w http.ResponseWriter, post status) {
	if !s.has(post.ID) {
		refuse(w, http.StatusNotFound, notFound)
		return
	}
	if post.unanswered {
		panic(http.ErrAbortHandler)
	}
	write(w, http.StatusOK, post)
}

// publish takes a valid post, or answers that it is refused. An account has no address that could be
// wrong, so what is refused is the post.
func (s *server) publish(w http.ResponseWriter, account string, form url.Values) (status, bool) {
	text, thread := form.Get("status"), form.Get("in_reply_to_id")
	if thread != "" && !s.has(thread) {
		refuse(w, http.StatusNotFound, "The post you are trying to reply to does not appear to exist.")
		return status{}, false
	}
	if s.desk.Fate(account).Dropped {
		panic(http.ErrAbortHandler)
	}
	fate := s.desk.TakeReply(account, text, thread)
	if fate.Refused {
		refuse(w, http.StatusUnprocessableEntity, "Validation failed: Text is not allowed on this server")
		return status{}, false
	}
	s.desk.Follow(account, fate, nil)
	post := newStatus(strconv.FormatInt(s.ids.Add(1), 10), account, form)
	post.unanswered = fate.Unanswered
	s.keep(kept{post, account, text})
	return post, true
}
