package inbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

const (
	largestBody = 64 << 10
	// validFor is how long a notice is kept that doesn't say, and longestValid how long at most.
	validFor     = 7 * 24 * time.Hour
	longestValid = 30 * 24 * time.Hour
	longestID    = 128
	// mostShown is how many notices one request may say were shown.
	mostShown = 200
)

// posted is a notice as Tocsin posts it.
type posted struct {
	Ref      string         `json:"ref"`
	Customer string         `json:"customer"`
	Locale   string         `json:"locale"`
	Title    string         `json:"title"`
	Text     string         `json:"text"`
	Topic    string         `json:"topic"`
	News     *channels.News `json:"news"`
	Callback string         `json:"callback"`
	ValidFor int64          `json:"valid_for"`
}

// fault says what is wrong with a notice, "" if nothing.
func (p posted) fault() string {
	switch {
	case p.Ref == "" || len(p.Ref) > longestID:
		return "ref"
	case p.Customer == "" || len(p.Customer) > longestID:
		return "customer"
	case p.Locale == "" || p.Title == "" || p.Text == "":
		return "incomplete"
	case p.ValidFor < 0:
		return "valid_for"
	}
	if u, err := url.Parse(p.Callback); p.Callback != "" && (err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http")) {
		return "callback"
	}
	return ""
}

func (p posted) end(now time.Time) time.Time {
	if p.ValidFor == 0 {
		return now.Add(validFor)
	}
	return now.Add(time.Duration(min(p.ValidFor, int64(longestValid/time.Second))) * time.Second)
}

func (s *Server) take(w http.ResponseWriter, r *http.Request) {
	var p posted
	if !readJSON(w, r, &p) {
		return
	}
	if fault := p.fault(); fault != "" {
		refuse(w, http.StatusUnprocessableEntity, fault)
		return
	}
	now := s.Now()
	id, known, err := s.store.add(r.Context(), p, now, p.end(now), s.PerCustomer)
	if err != nil {
		s.fail(w, r, "a notice can't be kept", err)
		return
	}
	if known {
		answer(w, http.StatusOK, map[string]string{"id": id})
		return
	}
	s.hub.wake(p.Customer)
	answer(w, http.StatusCreated, map[string]string{"id": id})
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.store.db.PingContext(r.Context()); err != nil {
		s.fail(w, r, "the file can't be used", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, customer string) {
	all, err := s.store.of(r.Context(), customer, 0, s.Now())
	if err != nil {
		s.fail(w, r, "an inbox can't be read", err)
		return
	}
	if all == nil {
		all = []notice{}
	}
	if answer(w, http.StatusOK, map[string]any{"notices": all}) == nil {
		s.delivered(r, customer, all)
	}
}

// delivered notes that the app has got notices.
func (s *Server) delivered(r *http.Request, customer string, all []notice) {
	var ids []int64
	for _, n := range all {
		ids = append(ids, n.seq)
	}
	if err := s.mark(r, customer, ids, channels.ReceiptDelivered); err != nil {
		s.Log.WarnContext(r.Context(), "a delivery can't be noted", "error", err)
	}
}

func (s *Server) mark(r *http.Request, customer string, ids []int64, state channels.ReceiptState) error {
	if len(ids) == 0 {
		return nil
	}
	n, err := s.store.mark(r.Context(), customer, ids, state, s.Now())
	if n > 0 {
		select {
		case s.reports <- struct{}{}:
		default: // it is known that some are due
		}
	}
	return err
}

func (s *Server) shown(w http.ResponseWriter, r *http.Request, customer string) {
	var body struct {
		IDs []string `json:"ids"`
	}
	if !readJSON(w, r, &body) {
		return
	}
	var ids []int64
	for _, id := range body.IDs {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || len(body.IDs) > mostShown {
			refuse(w, http.StatusUnprocessableEntity, "ids")
			return
		}
		ids = append(ids, n)
	}
	if err := s.mark(r, customer, ids, channels.ReceiptRead); err != nil {
		s.fail(w, r, "what was shown can't be noted", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// readJSON reads a request's body, or refuses it.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil || dec.More() {
		refuse(w, http.StatusUnprocessableEntity, "unreadable")
		return false
	}
	return true
}

// fail answers that nothing was done, and that it may be tried again.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, what string, err error) {
	s.Log.WarnContext(r.Context(), what, "error", err)
	w.Header().Set("Retry-After", "5")
	refuse(w, http.StatusServiceUnavailable, "unavailable")
}

func refuse(w http.ResponseWriter, status int, why string) {
	_ = answer(w, status, map[string]string{"error": why})
}

func answer(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}
