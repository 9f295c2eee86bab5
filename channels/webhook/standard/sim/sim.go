// Package sim is the far side of the webhook adapter: partners' servers that take webhooks as
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md says (version
// 1.0.0): they verify the signature over the raw body, refuse what is older or newer than five minutes,
// and take a webhook-id once, however often it comes.
//
// Any path below /hooks/ is a partner's, whose secret follows from its name (see Secret); each of them
// also trusts the public half of SigningKey. They are stricter than partners will be: a body with a field
// that isn't known is refused.
package sim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const (
	// Origin is that of every partner's URL.
	Origin = "https://partner.example"
	// SigningKey is the sender's asymmetric key, from the standard's own tests.
	SigningKey = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
	// prefix begins the path of every partner.
	prefix = "/hooks/"
	// tolerance is how old or new a webhook may be.
	tolerance = 5 * time.Minute
	// maxIDs bounds how many ids a server remembers.
	maxIDs = 1 << 16
)

// URL is where a partner takes webhooks.
func URL(partner string) string { return Origin + prefix + partner }

// Secret is a partner's.
func Secret(partner string) string {
	sum := sha256.Sum256([]byte("secret of " + partner))
	return "whsec_" + base64.StdEncoding.EncodeToString(sum[:])
}

// Simulator describes the simulated partners.
func Simulator() sandbox.Simulator {
	const partner = "acquirer"
	return sandbox.Simulator{
		Provider: "webhook", HTTP: func(d *sandbox.Desk) http.Handler { return &server{desk: d, taken: map[string]bool{}} },
		Accounts: []string{partner},
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "signing_keys": []string{SigningKey}, "partners": map[string]any{
				partner: map[string]any{"url": URL(partner), "secrets": []string{Secret(partner)}},
			}}
		},
	}
}

type server struct {
	desk *sandbox.Desk

	mu    sync.Mutex
	taken map[string]bool // by partner and id
}

// ServeHTTP takes POSTs to partners.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	partner, isPartner := strings.CutPrefix(r.URL.Path, prefix)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	switch mode := s.desk.Gate(r.Context()); {
	case mode == sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case mode == sandbox.Unavailable:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "down", http.StatusServiceUnavailable)
	case mode == sandbox.RateLimited:
		w.Header().Set("Retry-After", "2")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	case !isPartner || partner == "" || err != nil:
		http.Error(w, "nobody here", http.StatusNotFound)
	case r.Method != http.MethodPost:
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
	case !verify(partner, r.Header, body, time.Now()):
		http.Error(w, "the signature is wrong, or too old", http.StatusUnauthorized)
	default:
		s.take(w, partner, r.Header.Get("webhook-id"), body)
	}
}

// event is the payload, whose structure the standard recommends.
type event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Ref     string         `json:"ref"`
		Topic   string         `json:"topic"`
		Locale  string         `json:"locale"`
		Subject string         `json:"subject"`
		Text    string         `json:"text"`
		News    map[string]any `json:"news"`
	} `json:"data"`
}

func (s *server) take(w http.ResponseWriter, partner, id string, body []byte) {
	var e event
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil || e.Type != "incident.update" || e.Timestamp.IsZero() || e.Data.Text == "" {
		http.Error(w, "not an event that is known here", http.StatusBadRequest)
		return
	}
	if s.had(partner + " " + id) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	fate := s.desk.Take(partner, e.Data.Text)
	if fate.Refused {
		http.Error(w, "no more webhooks, thank you", http.StatusGone)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	s.desk.Follow(partner, fate, nil)
}

// had reports whether a webhook was taken before, and remembers it.
func (s *server) had(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.taken) >= maxIDs {
		clear(s.taken)
	}
	before := s.taken[id]
	s.taken[id] = true
	return before
}

// verify checks a webhook's signatures: one of them must be right.
func verify(partner string, h http.Header, body []byte, now time.Time) bool {
	id, at := h.Get("webhook-id"), h.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if age := now.Sub(time.Unix(seconds, 0)); err != nil || id == "" || strings.Contains(id, ".") || age > tolerance || age < -tolerance {
		return false
	}
	content := append([]byte(id+"."+at+"."), body...)
	for given := range strings.FieldsSeq(h.Get("webhook-signature")) {
		scheme, encoded, _ := strings.Cut(given, ",")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if err == nil && signedBy(scheme, partner, content, signature) {
			return true
		}
	}
	return false
}

func signedBy(scheme, partner string, content, signature []byte) bool {
	switch scheme {
	case "v1":
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(Secret(partner), "whsec_"))
		mac := hmac.New(sha256.New, secret)
		mac.Write(content)
		return err == nil && hmac.Equal(mac.Sum(nil), signature)
	case "v1a":
		seed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(SigningKey, "whsk_"))
		return err == nil && ed25519.Verify(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey), content, signature)
	}
	return false
}
