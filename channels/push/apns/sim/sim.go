// Package sim is the far side of the APNs adapter: POST /3/device/<token>, for alerts. It follows
// https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns,
// https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns
// and https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns.
//
// It differs from the original in this: it speaks whatever HTTP the sandbox speaks, where the original
// speaks HTTP/2 only; headers that begin with "apns-" and aren't documented are refused; the keys of aps
// are those of a visible alert, of which unknown ones are refused as PayloadEmpty; and every token is an
// app's, but the one of zeros.
package sim

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const (
	// KeyID, TeamID and Topic are the one sender's.
	KeyID  = "ABC123DEFG"
	TeamID = "DEF123GHIJ"
	Topic  = "md.example.bank"
)

// Simulator describes the simulated APNs.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "apns", HTTP: func(d *sandbox.Desk) http.Handler { return &server{desk: d} }, Address: sandbox.FakeToken,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "key_id": KeyID, "team_id": TeamID, "topic": Topic, "private_key": PrivateKey}
		},
	}
}

type server struct{ desk *sandbox.Desk }

// device is the path of a request.
var device = regexp.MustCompile(`^/3/device/([^/]*)$`)

// ServeHTTP takes POSTs to devices.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	path := device.FindStringSubmatch(r.URL.Path)
	mode := s.desk.Gate(r.Context())
	answerID(w, r)
	switch {
	case mode == sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case mode == sandbox.Unavailable:
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailable")
	case mode == sandbox.RateLimited:
		fail(w, http.StatusTooManyRequests, "TooManyRequests")
	case r.Method != http.MethodPost:
		fail(w, http.StatusMethodNotAllowed, "MethodNotAllowed")
	case path == nil:
		fail(w, http.StatusNotFound, "BadPath")
	case err != nil || len(body) > 4096:
		fail(w, http.StatusRequestEntityTooLarge, "PayloadTooLarge")
	default:
		s.push(w, r, path[1], body)
	}
}

// answerID gives back the apns-id, or one that it makes.
func answerID(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("apns-id")
	if id == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		id = fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	w.Header().Set("apns-id", id)
}

func (s *server) push(w http.ResponseWriter, r *http.Request, token string, body []byte) {
	if reason := authorize(r.Header.Get("Authorization"), time.Now()); reason != "" {
		fail(w, http.StatusForbidden, reason)
		return
	}
	if reason := checkHeader(r.Header); reason != "" {
		fail(w, http.StatusBadRequest, reason)
		return
	}
	if reason := checkToken(token); reason != "" {
		fail(w, http.StatusBadRequest, reason)
		return
	}
	text, ok := read(body)
	if !ok {
		fail(w, http.StatusBadRequest, "PayloadEmpty")
		return
	}
	fate := s.desk.Take(token, text)
	if fate.Refused {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusGone)
		_ = json.NewEncoder(w).Encode(map[string]any{"reason": "Unregistered", "timestamp": time.Now().UnixMilli()})
		return
	}
	w.WriteHeader(http.StatusOK)
	s.desk.Follow(token, fate, nil)
}

func checkToken(token string) (reason string) {
	raw, err := hex.DecodeString(token)
	switch {
	case token == "":
		return "MissingDeviceToken"
	case err != nil || len(raw) < 32 || strings.Trim(token, "0") == "":
		return "BadDeviceToken"
	}
	return ""
}

// payload is a visible alert
// (https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification). Beside
// aps an app may have what it likes.
type payload struct {
	APS json.RawMessage `json:"aps"`
}

type aps struct {
	Alert struct {
		Title    string `json:"title"`
		Subtitle string `json:"subtitle"`
		Body     string `json:"body"`
	} `json:"alert"`
	Badge             *int    `json:"badge"`
	Sound             string  `json:"sound"`
	ThreadID          string  `json:"thread-id"`
	Category          string  `json:"category"`
	MutableContent    int     `json:"mutable-content"`
	InterruptionLevel string  `json:"interruption-level"`
	RelevanceScore    float64 `json:"relevance-score"`
}

func read(body []byte) (text string, ok bool) {
	var p payload
	var a aps
	if json.Unmarshal(body, &p) != nil {
		return "", false
	}
	dec := json.NewDecoder(strings.NewReader(string(p.APS)))
	dec.DisallowUnknownFields()
	if dec.Decode(&a) != nil {
		return "", false
	}
	return a.Alert.Body, a.Alert.Body != ""
}

func fail(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"reason": reason})
}
