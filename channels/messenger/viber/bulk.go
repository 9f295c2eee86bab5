package viber

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// maxReceivers is how many a broadcast can have
// (https://developers.viber.com/docs/api/rest-bot-api/#broadcast-message).
const maxReceivers = 300

// BulkLimit implements [channels.BulkSender].
func (s *sender) BulkLimit() int { return maxReceivers }

// broadcast is the body of broadcast_message: that of send_message without a receiver.
type broadcast struct {
	Receivers     []string `json:"broadcast_list"`
	MinAPIVersion int      `json:"min_api_version"`
	Sender        from     `json:"sender"`
	Type          string   `json:"type"`
	Text          string   `json:"text"`
}

// substitutes begins what Viber itself puts a receiver's name or id in place of, in broadcasts only.
const substitutes = "replace_me_with_"

// SendBulk implements [channels.BulkSender] with broadcast_message. All receivers share one message token;
// the answer lists those to whom nothing went out.
//
// A bot that may not broadcast (19, 20) may still send to each, as with everything else that is Rejected.
func (s *sender) SendBulk(ctx context.Context, m channels.Message, addresses []string) ([]channels.BulkResult, error) {
	if err := messenger.CheckLength(m.Text, maxText); err != nil {
		return nil, err
	}
	if strings.Contains(m.Text, substitutes) {
		return nil, &channels.Error{Class: channels.Rejected, Code: "substitutes", Err: errors.New("the text has words that Viber would replace in a broadcast")}
	}
	a, err := s.call(ctx, "broadcast_message", broadcast{addresses, 1, s.from, "text", m.Text})
	if err != nil {
		return nil, err
	}
	return readBulk(a, addresses)
}

// notSent is one of those in failed_list.
type notSent struct {
	Receiver string `json:"receiver"`
	Status   int    `json:"status"`
}

// readBulk reads the answer to broadcast_message. Who is not in failed_list was sent the message; a list
// with somebody in it who was not among the receivers makes everybody doubtful.
func readBulk(a channels.Answer, addresses []string) ([]channels.BulkResult, error) {
	r, err := read(a)
	if err != nil {
		return nil, err
	}
	var said struct {
		Failed []notSent `json:"failed_list"`
	}
	if json.Unmarshal(a.Body, &said) != nil {
		return nil, a.Refusal()
	}
	failed := map[string]int{}
	for _, f := range said.Failed {
		failed[f.Receiver] = f.Status
	}
	results, found := make([]channels.BulkResult, len(addresses)), 0
	for i, address := range addresses {
		if status, left := failed[address]; left {
			results[i].Err = failure(status)
			found++
			continue
		}
		results[i].Ack = channels.Ack{ID: messageID(r.MessageToken, address), Proof: channels.Accepted}
	}
	if found != len(failed) || r.MessageToken == 0 && found < len(addresses) {
		return nil, a.Refusal()
	}
	return results, nil
}
