package httpapi

import (
	"context"
	"net/http"
	"time"
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
func (s *Server) readiness(w http.ResponseWriter, r *http.Request, _ *Token) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	var err error
	if s.Ready != nil {
		err = s.Ready(ctx)
	}
	body := readyBody{Ready: err == nil, Version: s.Version, Failing: parts(err)}
	if err != nil {
		return answer(w, http.StatusServiceUnavailable, body)
	}
	return answer(w, http.StatusOK, body)
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
