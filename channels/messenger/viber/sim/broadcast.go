package sim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// maxReceivers is how long a broadcast_list may be.
const maxReceivers = 300

// broadcast is every field that broadcast_message has for a text
// (https://developers.viber.com/docs/api/rest-bot-api/#broadcast-message).
type broadcast struct {
	Receivers []string `json:"broadcast_list"`
	Type      string   `json:"type"`
	Sender    struct {
		Name   string `json:"name"`
		Avatar string `json:"avatar"`
	} `json:"sender"`
	TrackingData  string          `json:"tracking_data"`
	MinAPIVersion json.RawMessage `json:"min_api_version"`
	Text          string          `json:"text"`
}

// broadcasted answers broadcast_message.
type broadcasted struct {
	reply
	MessageToken uint64   `json:"message_token"`
	Failed       []failed `json:"failed_list"`
}

type failed struct {
	Receiver string `json:"receiver"`
	Status   status `json:"status"`
	Message  string `json:"status_message"`
}

// broadcastMessage sends to all receivers under one token. Those who are no subscribers are listed in the
// answer, whose own status says nothing of them.
func (s *server) broadcastMessage(w http.ResponseWriter, _ *http.Request, body []byte) {
	var b broadcast
	if !decode(body, &b) {
		fail(w, badData)
		return
	}
	m := message{Receiver: "all", Type: b.Type, Sender: b.Sender, TrackingData: b.TrackingData, Text: b.Text}
	switch status := m.check(); {
	case status != ok:
		fail(w, status)
	case len(b.Receivers) == 0:
		fail(w, missingData)
	case len(b.Receivers) > maxReceivers, twice(b.Receivers):
		fail(w, badData)
	default:
		s.sendToAll(w, b)
	}
}

// twice reports whether somebody is on the list more than once: the original is not said to notice, but nobody
// means to do that.
func twice(receivers []string) bool {
	seen := map[string]bool{}
	for _, r := range receivers {
		if r == "" || seen[r] {
			return true
		}
		seen[r] = true
	}
	return false
}

func (s *server) sendToAll(w http.ResponseWriter, b broadcast) {
	answer := broadcasted{reply: reply{ok, ok.String()}, MessageToken: s.tokens.Add(1), Failed: []failed{}}
	var follow []func()
	for _, receiver := range b.Receivers {
		fate := s.desk.Take(receiver, personal(b.Text, receiver))
		if fate.Refused {
			answer.Failed = append(answer.Failed, failed{receiver, receiverNotSubscribed, "Not subscribed"})
			continue
		}
		follow = append(follow, func() { s.desk.Follow(receiver, fate, s.reporter(answer.MessageToken, receiver)) })
	}
	write(w, answer)
	// On its way before the first receipt may be.
	_ = http.NewResponseController(w).Flush()
	for _, f := range follow {
		f()
	}
}

// personal is the text as one receiver gets it.
func personal(text, receiver string) string {
	return strings.ReplaceAll(text, "replace_me_with_receiver_id", receiver)
}
