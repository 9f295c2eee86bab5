package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// problem is an answer that says what is wrong. Its text goes to the caller: nothing secret or
// personal may be in it.
type problem struct {
	status  int
	message string
	hint    string
	faults  []incident.Fault
	// retry asks to send the same again later.
	retry bool
	// cause is logged, not answered; quiet says that it has been logged already.
	cause error
	quiet bool
}

func (p *problem) Error() string {
	if p.cause == nil {
		return p.message
	}
	return p.message + ": " + p.cause.Error()
}

func (p *problem) Unwrap() error { return p.cause }

// problemBody is the JSON form of a problem.
type problemBody struct {
	Error  string           `json:"error"`
	Hint   string           `json:"hint,omitempty"`
	Faults []incident.Fault `json:"faults,omitempty"`
}

// retryAfter is how many seconds a caller should wait before it sends the same again.
const retryAfter = 5

func invalid(message, hint string) error {
	return &problem{status: http.StatusBadRequest, message: message, hint: hint}
}

// unavailable says that nothing was stored because something that we need failed.
func unavailable(message string, cause error) *problem {
	return &problem{
		status: http.StatusServiceUnavailable, message: message, retry: true, cause: cause,
		hint: "nothing was stored; send the same again later, and see /readyz",
	}
}

// fromLedger makes a problem of a ledger's error; what names the thing that was asked for.
func fromLedger(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ledger.ErrNotFound):
		return &problem{status: http.StatusNotFound, message: "there is no such " + what}
	case errors.Is(err, ledger.ErrFull):
		return &problem{
			status: http.StatusInsufficientStorage, message: "the ledger is full", hint: "raise ledger.max_bytes, or make room", cause: err,
		}
	}
	return unavailable("the ledger could not be asked", err)
}

// fail answers an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && !isProblem(err) {
		return // nobody is listening any more
	}
	p, ok := errors.AsType[*problem](err)
	if !ok {
		p = &problem{status: http.StatusInternalServerError, message: "this failed, and it is not your doing", hint: "see the server's log", cause: err}
	}
	if p.status >= http.StatusInternalServerError && !p.quiet {
		s.Log.WarnContext(r.Context(), "request failed", "route", routeOf(r.Pattern), "status", p.status, "error", p.Error())
	}
	if p.retry {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	_ = answer(w, p.status, problemBody{Error: p.message, Hint: p.hint, Faults: p.faults})
}

func isProblem(err error) bool {
	_, ok := errors.AsType[*problem](err)
	return ok
}

// answer writes v as JSON. The caller's going away is no error.
func answer(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	return write(w, append(body, '\n'))
}

// write writes the body of an answer. An error means that the caller has gone, which is theirs to
// know.
func write(w http.ResponseWriter, body []byte) error {
	_, _ = w.Write(body)
	return nil
}
