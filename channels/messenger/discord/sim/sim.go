// Package sim is the far side of the Discord adapter: webhooks, as
// https://discord.com/developers/docs/resources/webhook#execute-webhook and #delete-webhook-message describe them, with the errors of
// https://discord.com/developers/docs/topics/opcodes-and-status-codes and the answers for the rate of
// https://discord.com/developers/docs/topics/rate-limits.
//
// It differs from the original in this: fields that have no use for plain text are refused as an invalid form
// body (50035), as are texts in which somebody could be mentioned, or with markup in them.
package sim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const (
	// Origin is that of every webhook.
	Origin = "https://discord.com"
	prefix = "/api/webhooks/"
	// Token is the token of every webhook.
	Token = "3d89bb7572e0fb30d8128367b3b1b44fecd1726de135cbe28a41f8b2f777c372ba2939e72279b94526ff5d1bd4358d65cf11"
)

// URL is the webhook of an id.
func URL(id string) string { return Origin + prefix + id + "/" + Token }

// Simulator describes the simulated Discord.
func Simulator() sandbox.Simulator {
	const id = "223704706495545344"
	return sandbox.Simulator{
		Provider: "discord", HTTP: func(d *sandbox.Desk) http.Handler { return &server{desk: d} }, Accounts: []string{"community"},
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "webhooks": map[string]string{"community": URL(id)}}
		},
	}
}

type server struct {
	desk     *sandbox.Desk
	messages memory
}

// problem is an error as Discord writes it.
type problem struct {
	Message    string  `json:"message"`
	Code       int     `json:"code"`
	RetryAfter float64 `json:"retry_after,omitempty"`
}

// ServeHTTP takes POSTs to webhooks, and DELETEs of their messages.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, token, found := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
	token, message, below := strings.Cut(token, "/messages/")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	switch mode := s.desk.Gate(r.Context()); {
	case mode == sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case mode == sandbox.Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case mode == sandbox.RateLimited:
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusTooManyRequests, problem{Message: "You are being rate limited.", RetryAfter: 0.25})
	case !found || id == "" || r.Method != method(below) || err != nil:
		answer(w, http.StatusNotFound, problem{Message: "404: Not Found"})
	case token != Token:
		answer(w, http.StatusUnauthorized, problem{Message: "Invalid Webhook Token", Code: 50027})
	case below:
		s.deleteMessage(w, r, id, message)
	default:
		s.execute(w, r, id, body)
	}
}

// message is every field that is of use for plain text.
type message struct {
	Content  string `json:"content"`
	Flags    int    `json:"flags"`
	Mentions *struct {
		Parse []string `json:"parse"`
	} `json:"allowed_mentions"`
}

func (s *server) execute(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	var m message
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	isJSON := strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
	err := dec.Decode(&m)
	switch shown, plain := read(m.Content); {
	case err != nil, dec.More(), !isJSON, !plain, m.Flags&^4 != 0, m.Mentions == nil || len(m.Mentions.Parse) > 0, utf8.RuneCountInString(m.Content) > 2000:
		answer(w, http.StatusBadRequest, problem{Message: "Invalid Form Body", Code: 50035})
	case strings.TrimSpace(m.Content) == "":
		answer(w, http.StatusBadRequest, problem{Message: "Cannot send an empty message", Code: 50006})
	default:
		s.post(w, r, id, shown)
	}
}

func (s *server) post(w http.ResponseWriter, r *http.Request, id, text string) {
	fate := s.desk.Take(id, text)
	switch {
	case fate.Refused:
		answer(w, http.StatusNotFound, problem{Message: "Unknown Webhook", Code: 10015})
		return
	case r.URL.Query().Get("wait") == "true":
		answer(w, http.StatusOK, map[string]any{"id": s.messages.add(placeOf(id, r)), "type": 0, "content": text})
	default:
		s.messages.add(placeOf(id, r))
		w.WriteHeader(http.StatusNoContent)
	}
	s.desk.Follow(id, fate, nil)
}

var (
	links   = regexp.MustCompile(`https?://\S+`)
	escaped = regexp.MustCompile("\\\\([\\\\*_~`|<>\\[\\]#])")
)

// read is a content as it is shown, and whether nothing in it is markup.
func read(content string) (shown string, plain bool) {
	rest := escaped.ReplaceAllString(links.ReplaceAllString(content, ""), "")
	return escaped.ReplaceAllString(content, "$1"), !strings.ContainsAny(rest, "\\*_~`|<>[]#")
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
