package facebook

import (
	"encoding/json"
	"net/http"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/meta"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// request is the body of a request to send.
type request struct {
	Recipient recipient `json:"recipient"`
	Type      string    `json:"messaging_type"`
	Message   message   `json:"message"`
}

type recipient struct {
	ID string `json:"id"`
}

// message is a template or a text.
type message struct {
	Template *template `json:"template,omitempty"`
	Text     string    `json:"text,omitempty"`
}

type template struct {
	Name       string                `json:"name"`
	Language   language              `json:"language"`
	Components []messenger.Component `json:"components"`
}

type language struct {
	Code string `json:"code"`
}

func (s *sender) request(m channels.Message) (request, error) {
	req := request{Recipient: recipient{m.Address}}
	if len(s.templates) == 0 {
		req.Type, req.Message.Text = "UPDATE", m.Text
		return req, messenger.CheckLength(m.Text, maxText)
	}
	t, components, err := s.templates.Fill(m)
	if err != nil {
		return request{}, err
	}
	req.Type = "UTILITY"
	req.Message.Template = &template{t.Name, language{t.Language}, components}
	return req, nil
}

// readAck reads the answer to a request to send. One without an id can't be matched with its receipts.
func readAck(a channels.Answer) (channels.Ack, error) {
	var r struct {
		MessageID string `json:"message_id"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &r) != nil || r.MessageID == "" {
		return channels.Ack{}, meta.Failure(a, classOf)
	}
	return channels.Ack{ID: r.MessageID, Proof: channels.Accepted}, nil
}

// classOf says what Messenger's error codes mean for an attempt: those of "Common Error Codes" that all
// of the Graph API doesn't have or means otherwise. Code 10 alone is a permission of ours that lacks, and
// so is 200; only their subcodes speak of the recipient or the message.
func classOf(code, subcode int) (channels.Class, bool) {
	switch subcode {
	case 2018001, // no matching user
		1545041, // the person isn't available, or doesn't receive messages from us
		2018108: // the person doesn't receive messages from us
		return channels.InvalidAddress, true
	case 2018065, 2018278, // outside of the window
		1893061: // a message tag that is taken no more
		return channels.Rejected, true
	}
	switch code {
	case 551: // the person isn't available
		return channels.InvalidAddress, true
	case 1200: // the message could not be sent for the time being
		return channels.Unavailable, true
	}
	return channels.Unknown, false
}
