// Package sim is the far side of the Viber adapter: as much of the REST Bot API as a bot needs that
// sends text and takes receipts. It follows https://developers.viber.com/docs/api/rest-bot-api/.
//
// It differs from the original in this: fields that a method doesn't have are refused, not ignored;
// only texts are taken; messages are taken before a webhook was set, and then reported to nobody; and
// a webhook may be plain http on a host of one's own (loopback, a private address, a name without
// dots), where the original wants https and a certificate.
package sim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// Token is the one bot's token that the simulator takes, which is the documentation's example.
const Token = "445da6az1s345z78-dazcczb2542zv51a-e0vc5fva17480im9"

// firstToken makes message tokens as large as the original's, beyond what a float64 holds exactly.
const firstToken = 5741311803571721087

// Simulator describes the simulated Viber.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "viber", HTTP: newServer, Address: sandbox.FakeUserID,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "token": Token, "sender_name": "Outages"}
		},
	}
}

type server struct {
	desk    *sandbox.Desk
	tokens  atomic.Uint64
	webhook atomic.Pointer[webhook] // nil while none is set
}

func newServer(d *sandbox.Desk) http.Handler {
	s := &server{desk: d}
	s.tokens.Store(firstToken)
	return s
}

// method is one method of the API, by its path.
func (s *server) method(path string) func(http.ResponseWriter, *http.Request, []byte) {
	switch path {
	case "/pa/send_message":
		return s.sendMessage
	case "/pa/broadcast_message":
		return s.broadcastMessage
	case "/pa/set_webhook":
		return s.setWebhook
	case "/pa/get_account_info":
		return s.accountInfo
	}
	return nil
}

// ServeHTTP takes POSTs to /pa/<method>. Failures, too, are answered with HTTP 200.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	method := s.method(r.URL.Path)
	if err != nil || method == nil || r.Method != http.MethodPost {
		http.Error(w, "no such method", http.StatusNotFound)
		return
	}
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
	case sandbox.RateLimited:
		fail(w, tooManyRequests)
	default:
		if r.Header.Get("X-Viber-Auth-Token") != Token {
			fail(w, invalidAuthToken)
			return
		}
		method(w, r, body)
	}
}

// message is every field that send_message has for a text.
type message struct {
	Receiver string `json:"receiver"`
	Type     string `json:"type"`
	Sender   struct {
		Name   string `json:"name"`
		Avatar string `json:"avatar"`
	} `json:"sender"`
	TrackingData  string          `json:"tracking_data"`
	MinAPIVersion json.RawMessage `json:"min_api_version"` // the documentation shows 1 and "1"
	Text          string          `json:"text"`
	Keyboard      json.RawMessage `json:"keyboard"`
}

func (s *server) sendMessage(w http.ResponseWriter, _ *http.Request, body []byte) {
	var m message
	if !decode(body, &m) {
		fail(w, badData)
		return
	}
	if status := m.check(); status != ok {
		fail(w, status)
		return
	}
	fate := s.desk.Take(m.Receiver, m.Text)
	if fate.Refused {
		fail(w, receiverNotSubscribed)
		return
	}
	token := s.tokens.Add(1)
	write(w, sent{reply{ok, ok.String()}, token, "SN-CHAT-05_", 1})
	// On its way before the first receipt may be.
	_ = http.NewResponseController(w).Flush()
	s.desk.Follow(m.Receiver, fate, s.reporter(token, m.Receiver))
}

// check says what the API would find wrong with a message.
func (m message) check() status {
	switch {
	case m.Receiver == "" || m.Type == "" || m.Sender.Name == "" || m.Text == "":
		return missingData
	case m.Type != "text", len([]rune(m.Sender.Name)) > 28, len([]rune(m.Text)) > 7000, len(m.TrackingData) > 4096:
		return badData
	}
	return ok
}

func (s *server) accountInfo(w http.ResponseWriter, _ *http.Request, body []byte) {
	var nothing struct{}
	if !decode(body, &nothing) {
		fail(w, badData)
		return
	}
	info := account{
		reply: reply{ok, ok.String()},
		ID:    "pa:75346594275468546724", Name: "Sandbox", URI: "sandbox", Country: "MD",
	}
	if hook := s.webhook.Load(); hook != nil {
		info.Webhook, info.EventTypes = hook.URL, hook.EventTypes
	}
	write(w, info)
}

// decode reads one JSON object with no fields but v's.
func decode(body []byte, v any) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	return strings.HasPrefix(string(bytes.TrimSpace(body)), "{") && dec.Decode(v) == nil && !dec.More()
}
