// Package sim is the far side of the X adapter: as much of X's API v2 as an account needs that only posts
// text. It follows https://docs.x.com/x-api/posts/create-post, …/delete-post, …/get-post-by-id,
// …/users/get-posts, …/users/get-my-user, https://docs.x.com/fundamentals/counting-characters,
// https://docs.x.com/x-api/fundamentals/response-codes-and-errors and, for signatures, RFC 5849.
//
// It is stricter than the original in one thing: fields and parameters that a request doesn't have are
// refused. Like the original it refuses a text that the account has posted, shortens links, escapes what
// is markup in HTML, and answers 200 to a request for a post that there isn't. How the original answers a
// deletion of what isn't there, or isn't the account's, is not documented: here it says little, with 200 and
// with 403.
package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The keys of the app, and of the accounts of one organisation. Any other handle is somebody's too.
const (
	Account        = "bank_outages"
	AccountEN      = "bank_outages_en"
	AccountRU      = "bank_outages_ru"
	ConsumerKey    = "xvz1evFS4wEEPTGEFPHBog"
	ConsumerSecret = "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"
	tokenPrefix    = "370773112-"
	TokenSecret    = "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"
)

// Token is an account's access token. TokenSecret is everybody's.
func Token(account string) string { return tokenPrefix + account }

// resetAfter is when a rate limit is over.
const resetAfter = 2 * time.Second

// Simulator describes the simulated X.
func Simulator() sandbox.Simulator {
	handles := []string{Account, AccountEN, AccountRU}
	accounts := map[string]any{}
	for _, h := range handles {
		accounts[h] = map[string]string{"token": Token(h), "token_secret": TokenSecret}
	}
	return sandbox.Simulator{
		Provider: "x", HTTP: newServer, Accounts: handles,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{
				"base_url": endpoint, "consumer_key": ConsumerKey, "consumer_secret": ConsumerSecret, "accounts": accounts,
			}
		},
	}
}

type server struct {
	desk  *sandbox.Desk
	posts *posts
}

func newServer(d *sandbox.Desk) http.Handler { return &server{d, newPosts()} }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "", "Request Entity Too Large")
		return
	}
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		refuse(w, http.StatusServiceUnavailable, "", "Service Unavailable")
	case sandbox.RateLimited: // no Retry-After
		w.Header().Set("x-rate-limit-limit", "100")
		w.Header().Set("x-rate-limit-remaining", "0")
		w.Header().Set("x-rate-limit-reset", strconv.FormatInt(time.Now().Add(resetAfter).Unix(), 10))
		refuse(w, http.StatusTooManyRequests, "", "Too Many Requests")
	default:
		s.route(w, r, body)
	}
}

func (s *server) route(w http.ResponseWriter, r *http.Request, body []byte) {
	account, ok := signedBy(r)
	id, isPost := strings.CutPrefix(r.URL.Path, "/2/tweets/")
	user, isTimeline := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/2/users/"), "/tweets")
	switch {
	case !ok:
		refuse(w, http.StatusUnauthorized, "", "Unauthorized")
	case r.Method == http.MethodPost && r.URL.Path == "/2/tweets":
		s.post(w, account, body)
	case r.Method == http.MethodDelete && isPost && id != "":
		s.remove(w, r, account, id, body)
	case r.Method == http.MethodGet && isPost && id != "":
		s.lookup(w, id)
	case r.Method == http.MethodGet && r.URL.Path == "/2/users/me":
		write(w, http.StatusOK, map[string]any{"data": map[string]string{"id": userID(account), "name": account, "username": account}})
	case r.Method == http.MethodGet && isTimeline:
		s.timeline(w, r, user)
	default:
		refuse(w, http.StatusNotFound, "", "Not Found")
	}
}

// refuse answers with a problem; without a type where X gives none.
func refuse(w http.ResponseWriter, status int, kind, detail string) {
	if kind != "" {
		kind = "https://api.twitter.com/2/problems/" + kind
	} else {
		kind = "about:blank"
	}
	w.Header().Set("Content-Type", "application/problem+json")
	write(w, status, map[string]any{"title": http.StatusText(status), "detail": detail, "type": kind, "status": status})
}

func write(w http.ResponseWriter, status int, v any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
