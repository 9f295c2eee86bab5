// Package sim is two example gateways of the two families that local SMS gateways fall into. They are no
// provider's: what each of them takes and answers is laid down here, so that the adapter's description
// of them can be held against something that knows nothing of the adapter.
//
// Simulator is of the newer family. It takes a POST of JSON to /v1/messages with a bearer token,
//
//	{"messages": [{"to": "37369123456", "sender": "Bank", "text": "…", "reference": "…", "ttl": 3600}]}
//
// with exactly one message, ttl in seconds up to a day, and answers 201 with
//
//	{"messages": [{"id": "m-…", "status": "queued"}]}
//
// or with the status "unknown_number", or 401, 429 with Retry-After, 503. It posts its reports, signed, to the
// URL in "notify",
//
//	{"reports": [{"id": "m-…", "reference": "…", "state": "delivered", "error": "0"}]}
//
// with X-Timestamp (seconds since 1970) and X-Signature, the HMAC-SHA256 in hex of the timestamp, a full
// stop and the body.
//
// Plain is of the older family: GET /send with user, pass, dst, msg, type (0 text, 8 unicode), valid (minutes,
// up to 2880) and dlr, answered by 200 and a line of text, "OK 12345" or "ERR 114 reason". It calls
// dlr with &status=…&msgid=… added to its query, by GET, unsigned.
//
// Both are strict: fields and parameters that they don't have are refused.
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
	"strings"
	"sync/atomic"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The account of the JSON gateway, and the key that it signs with.
const (
	Token      = "tok_4f1b7c9e"
	SigningKey = "sig_8a6d2e0f"
)

// Simulator describes the JSON gateway, and how the adapter is told of it.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "gateway",
		HTTP:     func(d *sandbox.Desk) http.Handler { return &modern{desk: d} },
		Address:  sandbox.FakePhone,
		Settings: settings,
	}
}

func settings(endpoint string) map[string]any {
	message := map[string]any{
		"to": "{digits}", "sender": "{from}", "text": "{text}", "reference": "{ref}", "ttl": "{validity:number}", "notify": "{callback}",
	}
	return map[string]any{
		"from":    "Bank",
		"secrets": map[string]any{"token": Token},
		"request": map[string]any{
			"url": endpoint + "/v1/messages", "headers": map[string]any{"Authorization": "Bearer {token}"},
			"json": map[string]any{"messages": []any{message}},
		},
		"validity": map[string]any{"unit": "seconds", "most": "24h"},
		"answer": map[string]any{
			"id": map[string]any{"pointer": "/messages/0/id"}, "code": map[string]any{"pointer": "/messages/0/status"},
			"accepted": []any{"queued"}, "errors": map[string]any{"invalid_address": []any{"unknown_number"}},
		},
		"receipts": map[string]any{
			"from": "json", "list": "/reports", "ref": "/reference", "id": "/id", "state": "/state", "code": "/error",
			"states": map[string]any{"accepted": []any{"sent"}, "delivered": []any{"delivered"}, "failed": []any{"failed"}},
			"proof":  map[string]any{"hmac": map[string]any{"header": "X-Signature", "timestamp": "X-Timestamp", "secret": SigningKey}},
		},
	}
}

// modern is the JSON gateway. Safe for concurrent use.
type modern struct {
	desk *sandbox.Desk
	ids  atomic.Uint64
}

// order is a message as it is posted.
type order struct {
	To        string `json:"to"`
	Sender    string `json:"sender"`
	Text      string `json:"text"`
	Reference string `json:"reference"`
	TTL       int    `json:"ttl"`
	Notify    string `json:"notify"`
}

func (o order) valid() bool {
	return o.To != "" && strings.Trim(o.To, "0123456789") == "" && o.Sender != "" && o.Text != "" && o.TTL >= 1 && o.TTL <= 86400
}

// taken is what becomes of a message, as it is answered.
type taken struct {
	ID     string `json:"id,omitempty"`
	Status string `json:"status"`
}

// ServeHTTP serves /v1/messages.
func (g *modern) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil || r.Method != http.MethodPost || r.URL.RequestURI() != "/v1/messages" {
		http.Error(w, `{"error":"not found"}`, http.StatusNotFound)
		return
	}
	switch g.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		http.Error(w, `{"error":"maintenance"}`, http.StatusServiceUnavailable)
	case sandbox.RateLimited:
		w.Header().Set("Retry-After", "1")
		http.Error(w, `{"error":"slow down"}`, http.StatusTooManyRequests)
	default:
		if r.Header.Get("Authorization") != "Bearer "+Token {
			http.Error(w, `{"error":"unauthorized"}`, http.StatusUnauthorized)
			return
		}
		g.take(w, r.Header.Get("Content-Type"), body)
	}
}

func (g *modern) take(w http.ResponseWriter, contentType string, body []byte) {
	var posted struct {
		Messages []order `json:"messages"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&posted); err != nil || contentType != "application/json" || len(posted.Messages) != 1 || !posted.Messages[0].valid() {
		http.Error(w, `{"error":"bad request"}`, http.StatusBadRequest)
		return
	}
	o := posted.Messages[0]
	fate := g.desk.Take(o.To, o.Text)
	answer := taken{ID: fmt.Sprintf("m-%08d", g.ids.Add(1)), Status: "queued"}
	if fate.Refused {
		answer = taken{Status: "unknown_number"}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": []taken{answer}})
	// On its way before the first report may be.
	_ = http.NewResponseController(w).Flush()
	g.desk.Follow(o.To, fate, g.reporter(o, answer.ID))
}

// reporter returns what posts signed reports; nil if none are wanted.
func (g *modern) reporter(o order, id string) func(context.Context, string) {
	if o.Notify == "" {
		return nil
	}
	return func(ctx context.Context, state string) {
		if state == "read" {
			return
		}
		body := fmt.Appendf(nil, `{"reports":[{"id":%q,"reference":%q,"state":%q,"error":"0"}]}`, id, o.Reference, state)
		g.desk.Call(ctx, 3, func() (*http.Request, error) {
			req, err := http.NewRequest(http.MethodPost, o.Notify, bytes.NewReader(body))
			if err != nil {
				return nil, err
			}
			at := fmt.Sprint(time.Now().Unix())
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Timestamp", at)
			req.Header.Set("X-Signature", Sign(at, body))
			return req, nil
		})
	}
}

// Sign is X-Signature.
func Sign(timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(SigningKey))
	_, _ = io.WriteString(mac, timestamp+".")
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
