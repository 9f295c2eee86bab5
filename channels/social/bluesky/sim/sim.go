// Package sim is the far side of the Bluesky adapter: as much of a Personal Data Server of the AT Protocol
// as an account needs that only posts text. It follows the lexicons com.atproto.server.createSession,
// refreshSession and getSession, com.atproto.repo.putRecord, getRecord and deleteRecord, app.bsky.feed.post
// and app.bsky.richtext.facet (https://github.com/bluesky-social/atproto/tree/main/lexicons),
// https://atproto.com/specs/tid, https://atproto.com/specs/xrpc and
// https://docs.bsky.app/docs/advanced-guides/rate-limits.
//
// It is stricter than the original in one thing: fields that a lexicon doesn't have are refused. Its access
// tokens last for a number of requests, not for a time, and a refresh token is good for once.
package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const (
	// Account and the others are accounts of one organisation, in several languages. Any other handle is
	// somebody's too.
	Account   = "outages.bank.example"
	AccountEN = "outages-en.bank.example"
	AccountRU = "outages-ru.bank.example"
	// Password is every account's app password.
	Password = "abcd-efgh-ijkl-mnop"
)

// resetAfter is when a rate limit is over.
const resetAfter = 2 * time.Second

// Simulator describes the simulated server.
func Simulator() sandbox.Simulator {
	handles := []string{Account, AccountEN, AccountRU}
	accounts := map[string]string{}
	for _, h := range handles {
		accounts[h] = Password
	}
	return sandbox.Simulator{
		Provider: "bluesky", HTTP: newServer, Accounts: handles,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "accounts": accounts}
		},
	}
}

type server struct {
	desk     *sandbox.Desk
	sessions *sessions
	repo     *repo
}

func newServer(d *sandbox.Desk) http.Handler {
	return &server{desk: d, sessions: newSessions(), repo: newRepo()}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "PayloadTooLarge", "request entity too large")
		return
	}
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		refuse(w, http.StatusServiceUnavailable, "NotEnoughResources", "Not Enough Resources")
	case sandbox.RateLimited: // no Retry-After
		w.Header().Set("RateLimit-Limit", "3000")
		w.Header().Set("RateLimit-Remaining", "0")
		w.Header().Set("RateLimit-Reset", strconv.FormatInt(time.Now().Add(resetAfter).Unix(), 10))
		w.Header().Set("RateLimit-Policy", "3000;w=300")
		refuse(w, http.StatusTooManyRequests, "RateLimitExceeded", "Rate Limit Exceeded")
	default:
		s.route(w, r, body)
	}
}

func (s *server) route(w http.ResponseWriter, r *http.Request, body []byte) {
	switch r.Method + " " + r.URL.Path {
	case "POST /xrpc/com.atproto.server.createSession":
		s.create(w, body)
	case "POST /xrpc/com.atproto.server.refreshSession":
		s.refresh(w, r)
	case "GET /xrpc/com.atproto.server.getSession":
		s.asUser(w, r, func(u user) {
			write(w, http.StatusOK, map[string]any{"did": u.did, "handle": u.handle, "active": true})
		})
	case "POST /xrpc/com.atproto.repo.putRecord":
		s.asUser(w, r, func(u user) { s.put(w, u, body) })
	case "POST /xrpc/com.atproto.repo.deleteRecord":
		s.asUser(w, r, func(u user) { s.remove(w, u, body) })
	case "GET /xrpc/com.atproto.repo.getRecord":
		s.get(w, r)
	default:
		refuse(w, http.StatusNotImplemented, "MethodNotImplemented", "Method Not Implemented")
	}
}

func refuse(w http.ResponseWriter, status int, name, message string) {
	write(w, status, map[string]string{"error": name, "message": message})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
