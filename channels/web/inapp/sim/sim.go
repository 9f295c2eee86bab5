// Package sim is a simulated inbox server for the sandbox. It is written from the protocol in the
// documentation of package inbox, strict on unknown fields, and shares no code with the adapter or the server.
//
// Its app is always open: what is delivered is reported some time after it was taken, and read by the share
// of customers that the conduct says.
package sim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// Key is the key that the simulator takes, and signs with.
const Key = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"

// Simulator describes the simulated inbox.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "inbox",
		HTTP: func(d *sandbox.Desk) http.Handler {
			return &server{desk: d, taken: map[string]string{}}
		},
		Address: func(i int, _ uint64) string { return fmt.Sprintf("app-%07d", i+1) },
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "key": Key}
		},
	}
}

type server struct {
	desk *sandbox.Desk

	mu    sync.Mutex
	taken map[string]string // id by ref
	order []known           // by id, which counts from 1
}

// known is a notice that was taken.
type known struct {
	ref      string
	customer string // "" once it was withdrawn
}

// maxTaken bounds how many references are remembered.
const maxTaken = 1 << 16

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "too_large")
		return
	}
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "unavailable")
		return
	case sandbox.RateLimited:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "too_fast")
		return
	}
	switch {
	case r.Header.Get("Authorization") != "Bearer "+Key:
		refuse(w, http.StatusUnauthorized, "key")
	case r.Method == http.MethodGet && r.URL.Path == "/v1/ready":
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && r.URL.Path == "/v1/notices":
		s.take(w, r, body)
	case r.Method == http.MethodDelete && isNotice(r.URL):
		s.withdraw(w, r, body)
	default:
		refuse(w, http.StatusNotFound, "no_such_path")
	}
}

// posted is a notice as the protocol has it.
type posted struct {
	Ref      string `json:"ref"`
	Customer string `json:"customer"`
	Locale   string `json:"locale"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	Topic    string `json:"topic"`
	News     *news  `json:"news"`
	Callback string `json:"callback"`
	ValidFor int64  `json:"valid_for"`
}

type news struct {
	Kind         string    `json:"kind"`
	Status       string    `json:"status"`
	Impact       string    `json:"impact"`
	At           time.Time `json:"at"`
	StartedAt    time.Time `json:"started_at"`
	EndsAt       time.Time `json:"ends_at"`
	EstimatedAt  time.Time `json:"estimated_at"`
	NextUpdateAt time.Time `json:"next_update_at"`
	ResolvedAt   time.Time `json:"resolved_at"`
	Services     []string  `json:"services"`
	Regions      []string  `json:"regions"`
	Advice       string    `json:"advice"`
	Link         string    `json:"link"`
}

func (s *server) take(w http.ResponseWriter, r *http.Request, body []byte) {
	var n posted
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&n); err != nil || r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusUnprocessableEntity, "unreadable")
		return
	}
	if n.Ref == "" || n.Customer == "" || n.Title == "" || n.Text == "" || n.Locale == "" || n.ValidFor < 0 {
		refuse(w, http.StatusUnprocessableEntity, "incomplete")
		return
	}
	if s.desk.Fate(n.Customer).Dropped {
		panic(http.ErrAbortHandler)
	}
	id, again, fate := s.once(n)
	switch {
	case fate.Refused:
		refuse(w, http.StatusNotFound, "unknown_customer")
	case again:
		answer(w, http.StatusOK, id)
	default:
		if fate.Unanswered {
			panic(http.ErrAbortHandler)
		}
		answer(w, http.StatusCreated, id)
		s.follow(n, id, fate)
	}
}

// once counts a notice whose reference it doesn't know yet.
func (s *server) once(n posted) (id string, again bool, fate sandbox.Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, again = s.taken[n.Ref]; again {
		return id, true, sandbox.Fate{}
	}
	if fate = s.desk.Take(n.Customer, n.Text); fate.Refused {
		return "", false, fate
	}
	id = strconv.Itoa(len(s.order) + 1)
	s.taken[n.Ref] = id
	if s.order = append(s.order, known{n.Ref, n.Customer}); len(s.taken) > maxTaken {
		delete(s.taken, s.order[len(s.order)-1-maxTaken].ref)
	}
	return id, false, fate
}

// isNotice says whether a URL is that of one notice, of whatever id: a slash within it would have to be escaped.
func isNotice(u *url.URL) bool {
	id, ok := strings.CutPrefix(u.EscapedPath(), "/v1/notices/")
	return ok && id != "" && !strings.Contains(id, "/")
}

func (s *server) withdraw(w http.ResponseWriter, r *http.Request, body []byte) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query) != 1 || len(query["ref"]) != 1 || len(body) > 0 {
		refuse(w, http.StatusUnprocessableEntity, "ref")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/v1/notices/"))
	if err != nil || id < 1 || id > len(s.order) || s.order[id-1].customer == "" || s.order[id-1].ref != query.Get("ref") {
		refuse(w, http.StatusNotFound, "unknown_notice")
		return
	}
	s.desk.Recall(s.order[id-1].customer)
	s.order[id-1].customer = ""
	w.WriteHeader(http.StatusNoContent)
}

// withdrawn says whether a notice is gone, so that the app gets no more of it.
func (s *server) withdrawn(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := strconv.Atoi(id)
	return err == nil && s.order[n-1].customer == ""
}

func (s *server) follow(n posted, id string, fate sandbox.Fate) {
	var report func(context.Context, string)
	if n.Callback != "" {
		report = func(ctx context.Context, state string) {
			if (state == "delivered" || state == "read") && !s.withdrawn(id) { // none of a notice that was only taken
				s.report(ctx, n, id, state)
			}
		}
	}
	s.desk.Follow(n.Customer, fate, report)
}

func (s *server) report(ctx context.Context, n posted, id, state string) {
	body, err := json.Marshal(map[string]string{"ref": n.Ref, "id": id, "state": state, "at": time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return
	}
	s.desk.Call(ctx, 3, func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.Callback, bytes.NewReader(body))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Tocsin-Inbox-Signature", sign(strconv.FormatInt(time.Now().Unix(), 10), body))
		}
		return req, err
	})
}

func sign(at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(Key))
	_, _ = io.Copy(mac, io.MultiReader(strings.NewReader(at+"."), bytes.NewReader(body)))
	return "t=" + at + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func refuse(w http.ResponseWriter, status int, why string) {
	write(w, status, map[string]string{"error": why})
}

func answer(w http.ResponseWriter, status int, id string) {
	write(w, status, map[string]string{"id": id})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
