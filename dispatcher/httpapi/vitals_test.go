package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

func TestVitals(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_test_total", Help: "A test."}))
	var down error
	h := httpapi.NewVitals(r, func(context.Context) error { return down }, "v1")
	for _, tt := range []struct {
		path   string
		down   error
		status int
		says   string
	}{
		{"/metrics", nil, http.StatusOK, "tocsin_test_total 0"},
		{"/healthz", errors.New("nats: gone"), http.StatusOK, `"alive":true`},
		{"/readyz", nil, http.StatusOK, `"ready":true,"version":"v1"`},
		{"/readyz", errors.Join(errors.New("ledger: gone"), errors.New("nats: gone")), http.StatusServiceUnavailable, `"failing":["ledger: gone","nats: gone"]`},
		{"/v1/incidents", nil, http.StatusNotFound, "not found"},
	} {
		down = tt.down
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, tt.path, nil))
		if got := w.Body.String(); w.Code != tt.status || !strings.Contains(got, tt.says) {
			t.Errorf("%s with %v answers %d %s, want %d and %s", tt.path, tt.down, w.Code, got, tt.status, tt.says)
		}
	}
}
