package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// healthy says that the process lives.
func healthy(w http.ResponseWriter, _ *http.Request, _ *Token) error {
	return answer(w, http.StatusOK, struct {
		Alive bool `json:"alive"`
	}{true})
}

// readyTimeout bounds how long the parts have to answer, in machine time.
const readyTimeout = 5 * time.Second

// readyBody is what /readyz says.
type readyBody struct {
	Ready   bool   `json:"ready"`
	Version string `json:"version,omitempty"`
	// Failing names each part that doesn't answer, with what it says.
	Failing []string `json:"failing,omitempty"`
}

// readiness says whether everything that this process needs answers; 503 if not.
func readiness(ready func(context.Context) error, version string) handle {
	return func(w http.ResponseWriter, r *http.Request, _ *Token) error {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		var err error
		if ready != nil {
			err = ready(ctx)
		}
		body := readyBody{Ready: err == nil, Version: version, Failing: parts(err)}
		if err != nil {
			return answer(w, http.StatusServiceUnavailable, body)
		}
		return answer(w, http.StatusOK, body)
	}
}

// NewVitals serves how a process is, and nothing else: /metrics, /healthz and /readyz as a Server does,
// for one without the http role. ready is that of Options.
func NewVitals(g prometheus.Gatherer, ready func(context.Context) error, version string) http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handle{"GET /healthz": healthy, "GET /readyz": readiness(ready, version)} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			_ = h(w, r, nil) // fails where nobody reads the answer any more
		})
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{}))
	return mux
}

// parts takes apart an error that joins several.
func parts(err error) []string {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	var all []string
	for _, e := range joined.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}
