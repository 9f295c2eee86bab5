// Package sim is the far side of the FCM adapter: Google's token endpoint and messages:send, as much as a
// sender of notifications needs. It follows
// https://developers.google.com/identity/protocols/oauth2/service-account#httprest,
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages and
// https://firebase.google.com/docs/cloud-messaging/error-codes.
//
// It differs from the originals in this: both are at one address, and only messages:send has the
// provider's troubles; every token of the right form is an app's; and options of a message that are of no
// use to a sender of notifications are refused as unknown fields.
package sim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const (
	// Project is the one that there is.
	Project = "example-bank"
	// ClientEmail is its one service account, with the key PrivateKey.
	ClientEmail = "tocsin@example-bank.iam.gserviceaccount.com"
	// TokenURI is where the account's key file says that tokens are had.
	TokenURI = "https://oauth2.googleapis.com/token"
)

// Simulator describes the simulated FCM.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "fcm", HTTP: func(d *sandbox.Desk) http.Handler { return newServer(d) }, Address: sandbox.FakeToken,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "token_url": endpoint + tokenPath, "service_account": ServiceAccount(PrivateKey)}
		},
	}
}

// ServiceAccount is the account's key file with a private key in it.
func ServiceAccount(key string) string {
	b, _ := json.Marshal(map[string]string{ // strings don't fail
		"type": "service_account", "project_id": Project, "private_key_id": "4f1e", "private_key": key,
		"client_email": ClientEmail, "client_id": "100", "token_uri": TokenURI, "universe_domain": "googleapis.com",
	})
	return string(b)
}

type server struct {
	desk     *sandbox.Desk
	tokens   *tokens
	messages atomic.Uint64
}

func newServer(d *sandbox.Desk) *server { return &server{desk: d, tokens: newTokens()} }

const (
	tokenPath = "/token"
	sendPath  = "/v1/projects/" + Project + "/messages:send"
)

// ServeHTTP takes POSTs to the token endpoint and to messages:send.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	switch {
	case err != nil || r.Method != http.MethodPost:
		http.Error(w, "Not Found", http.StatusNotFound)
	case r.URL.Path == tokenPath:
		s.tokens.grant(w, r, body)
	case r.URL.Path == sendPath:
		s.send(w, r, body)
	default:
		fail(w, http.StatusNotFound, "NOT_FOUND", "", "Requested entity was not found.")
	}
}

func (s *server) send(w http.ResponseWriter, r *http.Request, body []byte) {
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable.")
		return
	case sandbox.RateLimited:
		w.Header().Set("Retry-After", "2")
		fail(w, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Quota exceeded for quota metric 'Messages'.")
		return
	}
	if !s.tokens.valid(r.Header.Get("Authorization")) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
		fail(w, http.StatusUnauthorized, "UNAUTHENTICATED", "", "Request had invalid authentication credentials.")
		return
	}
	req, problem := read(body)
	if problem.message != "" {
		violation(w, problem)
		return
	}
	s.take(w, req)
}

// take counts a message, unless it was only to be checked.
func (s *server) take(w http.ResponseWriter, req request) {
	name := "projects/" + Project + "/messages/"
	if req.ValidateOnly {
		write(w, http.StatusOK, map[string]string{"name": name + "fake_message_id"})
		return
	}
	m := req.Message
	fate := s.desk.Take(m.Token, m.Notification.Body)
	if fate.Refused {
		fail(w, http.StatusNotFound, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found.")
		return
	}
	write(w, http.StatusOK, map[string]string{"name": name + "0:" + strconv.FormatUint(s.messages.Add(1), 10) + "%31bd1c96"})
	s.desk.Follow(m.Token, fate, nil)
}

// registration is how a registration token looks.
var registration = regexp.MustCompile(`^[A-Za-z0-9_:-]{32,}$`)

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// problem is what is wrong with a request, and where.
type problem struct{ field, message string }

// read reads a request to messages:send. A field that isn't known is a problem.
func read(body []byte) (request, problem) {
	var req request
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil || dec.More() {
		return req, problem{"", "Invalid JSON payload received. Unknown name or wrong type."}
	}
	return req, req.check()
}
