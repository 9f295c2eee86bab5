// Package inbox is a server that keeps notices for customers, and gives them to the organisation's own app and
// website while those are open. It stands where its customers reach it, apart from what may fail;
// `tocsin inbox` runs it. An organisation whose app has an inbox already can serve the first part of this
// protocol itself instead.
//
// # Tocsin's side
//
// Requests carry "Authorization: Bearer <key>". Bodies are JSON; an unknown field is an error.
//
//	POST /v1/notices   {"ref", "customer", "locale", "title", "text", "topic"?, "news"?, "callback"?, "valid_for"?}
//
// takes a notice for a customer, by the customer's id in the app. valid_for is in seconds. The answer is 201
// with {"id": "…"}, or 200 with the same id where the ref was known. 404 with {"error": "unknown_customer"} means
// that there is no such customer (this server knows none and takes all), 401 a wrong key, 422 a notice that can't be
// taken, 429 and 503 that it may come again (Retry-After); none of them took it.
//
//	DELETE /v1/notices/{id}?ref={ref}
//
// withdraws a notice, by its id and its ref: it leaves the customer's inbox, and the pages that show it, at once, and its
// text is not kept. The answer is 204, or 404 with {"error": "unknown_notice"} where there is no such notice, any more or
// ever. What became of it before is reported all the same. Its ref stays known: the same notice doesn't come again.
//
//	GET /v1/ready      204: works, and the key is right
//
// What becomes of a notice is posted to its callback as {"ref", "id", "state", "at"}, state "delivered" (handed to
// a running app) or "read" (the app showed it), again and again until the answer is a 2xx. The header
//
//	Tocsin-Inbox-Signature: t=<seconds since 1970>,v1=<hex>
//
// has the HMAC-SHA256 under the key of "<t>.<body>". A report whose t is more than five minutes off is not taken.
//
// # The app's side
//
// Requests carry "Authorization: Bearer <token>". The organisation's backend makes the token for a customer who is
// logged in, with a secret that it shares with this server:
//
//	token = c "." e "." base64url(HMAC-SHA256(secret, "tocsin-inbox-v1." c "." e))
//	c     = base64url(the customer's id)
//	e     = when the token ends, in seconds since 1970; at most 30 days ahead
//
// base64url is that of RFC 4648, section 5, without padding.
//
//	GET  /v1/inbox     {"notices": […]}: what is valid for the customer, oldest first
//	GET  /v1/stream    the same and what comes later, as server-sent events named "notice"; Last-Event-ID goes on.
//	                   "withdrawn", {"id"}: a notice that was there is to be shown no longer
//	POST /v1/shown     {"ids": ["…"]}: these were shown: 204
//	GET  /v1/embed.js  a script that shows notices on a page; no token:
//
//	<script src="https://inbox.example/v1/embed.js" data-token="…" data-close="Close" defer></script>
//
// A notice is {"id", "locale", "title", "text", "topic"?, "news"?, "at", "expires_at", "shown"}. Browsers may read
// answers from pages of the allowed origins only.
//
// # What is kept
//
// Notices are kept in one SQLite file until they end or are withdrawn, the newest of each customer only; their texts are
// overwritten then, within about a minute. That a notice was withdrawn is kept for a week at least, and told to pages
// that come back within it. With the loss of power the last moments' notices may be gone: then nobody saw them, no
// report comes, and the cascade goes on. What was withdrawn stays so.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tocsin-dev/tocsin/channels"
)

// Options are what a server needs. Path, Key and Secret are required.
type Options struct {
	// Path is the SQLite file, made if it isn't there.
	Path string
	// Key is what Tocsin shows, and what reports are signed with. Secret makes customers' tokens. Each is
	// of 32 or more characters.
	Key, Secret channels.Secret
	// Origins are the origins of pages that may read answers: "https://app.meridian.example".
	Origins []string
	// PerCustomer is how many notices are kept for one customer, 50 by default.
	PerCustomer int
	// MaxStreams is how many streams are open at once, 20,000 by default; one customer has at most 8.
	MaxStreams int
	// Client makes the reports; by default one that follows no redirects.
	Client *http.Client
	// Now is the clock; time.Now by default.
	Now func() time.Time
	Log *slog.Logger
}

const shortestSecret = 32

func (o *Options) check() error {
	switch {
	case o.Path == "":
		return errors.New("inbox: no path")
	case len(o.Key) < shortestSecret:
		return fmt.Errorf("inbox: the key is shorter than %d characters", shortestSecret)
	case len(o.Secret) < shortestSecret:
		return fmt.Errorf("inbox: the secret of tokens is shorter than %d characters", shortestSecret)
	case o.Key == o.Secret:
		return errors.New("inbox: the key and the secret of tokens are the same: whoever makes tokens could send notices")
	}
	for _, origin := range o.Origins {
		if u, err := url.Parse(origin); err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			return fmt.Errorf("inbox: origin %q: want scheme and host only, as in https://app.example.com", origin)
		}
	}
	return nil
}

func (o *Options) defaults() {
	if o.PerCustomer == 0 {
		o.PerCustomer = 50
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = 20_000
	}
	if o.Client == nil {
		o.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Server is an inbox. It is an [http.Handler]; Run does what isn't an answer to a request.
type Server struct {
	Options
	store   *store
	hub     *hub
	limits  *limits
	handler http.Handler
	reports chan struct{} // one is due
	over    chan struct{} // closed when streams are to end
	end     func()        // closes it, once
}

// New opens the server's file.
func New(ctx context.Context, o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.defaults()
	st, err := openStore(ctx, o.Path)
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	s := &Server{Options: o, store: st, hub: newHub(o.MaxStreams), limits: newLimits(), reports: make(chan struct{}, 1)}
	s.over = make(chan struct{})
	s.end = sync.OnceFunc(func() { close(s.over) })
	s.handler = s.routes()
	return s, nil
}

// Close closes the file. No request is served then, and Run has returned.
func (s *Server) Close() error {
	s.end()
	return s.store.close()
}

// Run posts reports, and forgets what is over, until ctx ends. Streams end with it.
func (s *Server) Run(ctx context.Context) error {
	defer s.end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.post(ctx) })
	g.Go(func() error { return s.sweep(ctx) })
	return g.Wait()
}

const sweepEvery = time.Minute

func (s *Server) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.store.forget(ctx, s.Now()); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "what is over can't be forgotten", "error", err)
		}
		s.limits.forget(s.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	s.handler.ServeHTTP(w, r)
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/notices", s.ofTocsin(s.take))
	mux.HandleFunc("DELETE /v1/notices/{id}", s.ofTocsin(s.withdraw))
	mux.HandleFunc("GET /v1/ready", s.ofTocsin(s.ready))
	mux.HandleFunc("GET /v1/inbox", s.ofCustomer(s.list))
	mux.HandleFunc("GET /v1/stream", s.ofCustomer(s.stream))
	mux.HandleFunc("POST /v1/shown", s.ofCustomer(s.shown))
	mux.HandleFunc("GET /v1/embed.js", embed)
	for _, path := range []string{"/v1/inbox", "/v1/stream", "/v1/shown"} {
		mux.HandleFunc("OPTIONS "+path, s.preflight)
	}
	return mux
}

// allow lets a page of an allowed origin read the answer (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).
func (s *Server) allow(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	w.Header().Add("Vary", "Origin")
	if !slices.Contains(s.Origins, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	return true
}

func (s *Server) preflight(w http.ResponseWriter, r *http.Request) {
	if s.allow(w, r) {
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID")
		w.Header().Set("Access-Control-Max-Age", "86400")
	}
	w.WriteHeader(http.StatusNoContent)
}
