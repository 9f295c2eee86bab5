package httpapi

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// access says who may call a route.
type access uint8

const (
	public   access = iota
	reader          // any token, or a session
	holder          // any token, but no session: it changes something
	approver        // a token that approves, or an admin's, but no session
	admin
)

// handle serves a request. The caller is nil on public routes. What it returns as an error is
// answered; it must not have written anything then.
type handle func(w http.ResponseWriter, r *http.Request, caller *Token) error

type route struct {
	pattern string
	access  access
	handle  handle
}

func (s *Server) table() []route {
	return []route{
		{"POST /v1/updates", holder, s.publish},
		{"GET /v1/updates/{id}", reader, s.update},
		{"GET /v1/updates/{id}/forecast", reader, s.keptForecast},
		{"POST /v1/updates/{id}/approve", approver, s.approve},
		{"POST /v1/updates/{id}/refuse", approver, s.refuseUpdate},
		{"GET /v1/approvals", reader, s.heldUpdates},
		{"POST /v1/forecasts", holder, s.draftForecast},
		{"POST /v1/orders", admin, s.order},
		{"GET /v1/orders/{id}", reader, s.orderReport},
		{"GET /v1/incidents", reader, s.incidents},
		{"GET /v1/incidents/{team}/{incident}", reader, s.incident},
		{"GET /v1/incidents/{team}/{incident}/report", reader, s.report},
		{"GET /v1/incidents/{team}/{incident}/compensation", admin, s.compensation},
		{"GET /v1/rejections", reader, s.rejections},
		{"GET /v1/events", reader, s.events},
		{"GET /v1/watch/receipts/{channel}/{provider}", admin, s.watchReceipts},
		{"POST /v1/customers/import", admin, s.importCustomers},
		{"GET /v1/customers/export", admin, s.exportCustomers},
		{"GET /v1/customers/count", admin, s.countCustomers},
		{"GET /v1/customers/{id}", admin, s.customer},
		{"DELETE /v1/customers/{id}", admin, s.deleteCustomer},
		{"POST /v1/customers/{id}/consents/{channel}", admin, s.setConsent},
		{"GET /v1/unsubscribe/{token}", public, s.unsubscribePage},
		{"POST /v1/unsubscribe/{token}", public, s.unsubscribe},
		{"GET /v1/schemas/incident-update.json", public, schema(incident.Schema)},
		{"GET /v1/schemas/promise.json", public, schema(promise.Schema)},
		{"POST /v1/receipts/{channel}/{provider}", public, s.receipts},
		{"GET /v1/receipts/{channel}/{provider}", public, s.receipts},
		{"POST /v1/receipts/{channel}/{provider}/{ref...}", public, s.receipts},
		{"GET /v1/receipts/{channel}/{provider}/{ref...}", public, s.receipts},
		{"GET /healthz", public, healthy},
		{"GET /readyz", public, readiness(s.Ready, s.Version)},
		{"GET /login", public, s.login},
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.table() {
		mux.Handle(r.pattern, s.serve(r))
	}
	mux.Handle("/v1/", s.serve(route{"/v1/", public, noRoute(mux)}))
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Gatherer, promhttp.HandlerOpts{}))
	if s.Dashboard != nil {
		mux.Handle("/static/", s.Dashboard)
		mux.Handle("/", s.page(s.Dashboard))
	}
	return s.measured(mux)
}

// serve lets in who may, and answers errors.
func (s *Server) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var caller *Token
		var err error
		if rt.access != public {
			caller, err = s.admit(r, rt.access)
		}
		if err == nil {
			err = rt.handle(w, r, caller)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// noRoute answers what no route fits: 405 where another method would.
func noRoute(mux *http.ServeMux) handle {
	return func(w http.ResponseWriter, r *http.Request, _ *Token) error {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			if _, pattern := mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host}); pattern != "/v1/" {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			return &problem{status: http.StatusNotFound, message: "there is nothing at this path", hint: "the API's paths are in its documentation"}
		}
		allow := strings.Join(allowed, ", ")
		w.Header().Set("Allow", allow)
		return &problem{status: http.StatusMethodNotAllowed, message: "method " + r.Method + " is not allowed here", hint: "use " + allow}
	}
}

// measured counts requests by route and status, and times those that end by themselves.
func (s *Server) measured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		rec := recorder{ResponseWriter: w}
		defer func() {
			s.Metrics.request(r.Pattern, rec.code(), time.Since(begun))
		}()
		next.ServeHTTP(&rec, r)
	})
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// onceClose returns what closes c, however often it is called.
func onceClose(c chan struct{}) func() { return sync.OnceFunc(func() { close(c) }) }

// schema serves a JSON Schema.
func schema(of func() []byte) handle {
	return func(w http.ResponseWriter, _ *http.Request, _ *Token) error {
		w.Header().Set("Content-Type", "application/schema+json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		return write(w, of())
	}
}
