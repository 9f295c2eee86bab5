// Package sim is the far side of Web Push: a push service and the browsers behind it. It follows RFC 8030
// (the service), RFC 8292 (who may push) and RFC 8291 (what browsers can decrypt), and has this in common
// with the services there are: 4,096 bytes a message, tokens of at most 24 hours, and subscriptions that
// are bound to the key they were made with.
//
// It differs from them in this: any path below /p/ is a subscription, whose keys follow from its id (see
// Subscription); it takes itself for Origin, wherever it listens; a service worker that can't read a
// message, or finds fields in it that it doesn't know, answers 400 at once, where a browser would drop it
// without a word.
package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const (
	// Origin is that of every subscription's endpoint.
	Origin = "https://push.example.net"
	// VAPIDPrivateKey is the key that every subscription was made with: that of RFC 8291's example.
	VAPIDPrivateKey = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
	vapidPublicKey  = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
	// maxBody is the largest message that is taken.
	maxBody = 4096
	// prefix begins the path of every subscription.
	prefix = "/p/"
)

// Simulator describes the simulated push service.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "webpush", HTTP: func(d *sandbox.Desk) http.Handler { return &server{desk: d} },
		Address: address,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{
				"base_url": endpoint, "vapid_private_key": VAPIDPrivateKey, "contact": "mailto:outages@bank.example",
			}
		},
	}
}

// address is the subscription of the i-th browser, without what no push service needs.
func address(i int, seed uint64) string {
	return strings.Replace(Subscription(fmt.Sprintf("browser-%d-%d", seed, i)), `"expirationTime":null,`, "", 1)
}

type server struct {
	desk     *sandbox.Desk
	messages atomic.Uint64
}

// ServeHTTP takes POSTs to subscriptions.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, isSubscription := strings.CutPrefix(r.URL.Path, prefix)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch mode := s.desk.Gate(r.Context()); {
	case mode == sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case mode == sandbox.Unavailable:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the push service is out of order", http.StatusServiceUnavailable)
	case mode == sandbox.RateLimited:
		w.Header().Set("Retry-After", "2")
		http.Error(w, "too many messages", http.StatusTooManyRequests)
	case !isSubscription || id == "":
		http.Error(w, "there is no such subscription", http.StatusNotFound)
	case r.Method != http.MethodPost:
		http.Error(w, "a subscription takes POST only", http.StatusMethodNotAllowed)
	case err != nil:
		http.Error(w, "the message is too large", http.StatusRequestEntityTooLarge)
	default:
		s.push(w, r, id, body)
	}
}

func (s *server) push(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	if status, problem := authorize(r.Header.Get("Authorization")); problem != "" {
		http.Error(w, problem, status)
		return
	}
	ttl, problem := checkHeader(r.Header)
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	text, problem := open(id, body)
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	fate := s.desk.Take(id, text)
	if fate.Refused {
		http.Error(w, "the subscription has expired", http.StatusGone)
		return
	}
	w.Header().Set("Location", Origin+"/m/"+strconv.FormatUint(s.messages.Add(1), 36))
	w.Header().Set("TTL", strconv.Itoa(ttl))
	w.WriteHeader(http.StatusCreated)
	s.desk.Follow(id, fate, nil)
}

// notification is what the service worker shows.
type notification struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	Tag   string `json:"tag"`
	Lang  string `json:"lang"`
	URL   string `json:"url"`
}

// open decrypts a message as the browser of a subscription does, and returns what is shown, or what is
// wrong.
func open(id string, body []byte) (text, problem string) {
	plain, err := decrypt(keysOf(id), body)
	if err != nil {
		return "", "the browser can't decrypt it: " + err.Error()
	}
	return shown(plain)
}

// shown reads a message as the service worker does.
func shown(plain []byte) (text, problem string) {
	dec := json.NewDecoder(bytes.NewReader(plain))
	dec.DisallowUnknownFields()
	var n notification
	if err := dec.Decode(&n); err != nil || dec.More() {
		return "", "the service worker can't read it"
	}
	if n.Body == "" {
		return "", "the notification is empty"
	}
	return n.Body, ""
}
