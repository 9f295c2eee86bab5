// Package sim is the far side of the Slack adapter: incoming webhooks, as
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/ describes them.
//
// It differs from the original in this: fields of a message that have no use for plain text are refused as
// invalid_payload, and a channel is whatever stands at the end of a webhook's path.
package sim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const (
	// Origin is that of every webhook.
	Origin = "https://hooks.slack.com"
	prefix = "/services/T00000000/B00000000/"
	// Token ends the token of every webhook, after the channel. It is as long as Slack's are.
	Token = "SimulatedSlackHasNoTeams"
)

// URL is the webhook of a channel.
func URL(channel string) string { return Origin + prefix + channel + "." + Token }

// Simulator describes the simulated Slack.
func Simulator() sandbox.Simulator {
	const channel = "operations"
	return sandbox.Simulator{
		Provider: "slack", HTTP: func(d *sandbox.Desk) http.Handler { return &server{d} }, Accounts: []string{channel},
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "webhooks": map[string]string{channel: URL(channel)}}
		},
	}
}

type server struct{ desk *sandbox.Desk }

// ServeHTTP takes POSTs to webhooks. All answers are plain text.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	channel, known := channelOf(r.URL.Path)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	switch mode := s.desk.Gate(r.Context()); {
	case mode == sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case mode == sandbox.Unavailable:
		answer(w, http.StatusServiceUnavailable, "service_unavailable")
	case mode == sandbox.RateLimited:
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusTooManyRequests, "rate_limited")
	case !known:
		answer(w, http.StatusNotFound, "no_service")
	case r.Method != http.MethodPost || err != nil:
		answer(w, http.StatusBadRequest, "invalid_payload")
	default:
		s.post(w, r, channel, body)
	}
}

func channelOf(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	channel, found := strings.CutSuffix(rest, "."+Token)
	return channel, ok && found && channel != ""
}

// message is every field that is of use for plain text.
type message struct {
	Text        string `json:"text"`
	Markdown    *bool  `json:"mrkdwn"`
	UnfurlLinks *bool  `json:"unfurl_links"`
	UnfurlMedia *bool  `json:"unfurl_media"`
	ThreadTS    string `json:"thread_ts"`
}

func (s *server) post(w http.ResponseWriter, r *http.Request, channel string, body []byte) {
	var m message
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	isJSON := strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
	if err := dec.Decode(&m); err != nil || dec.More() || !isJSON || !escaped(m.Text) {
		answer(w, http.StatusBadRequest, "invalid_payload")
		return
	}
	if strings.TrimSpace(m.Text) == "" {
		answer(w, http.StatusBadRequest, "no_text")
		return
	}
	shown := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(m.Text)
	fate := s.desk.Take(channel, shown)
	if fate.Refused {
		answer(w, http.StatusGone, "channel_is_archived")
		return
	}
	answer(w, http.StatusOK, "ok")
	s.desk.Follow(channel, fate, nil)
}

// escaped reports whether the three control characters of Slack's texts stand only where they are meant
// as such: here, nowhere.
func escaped(text string) bool {
	rest := strings.NewReplacer("&lt;", "", "&gt;", "", "&amp;", "").Replace(text)
	return !strings.ContainsAny(rest, "&<>")
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
