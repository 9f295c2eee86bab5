package sim

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// replyParameters are those of https://core.telegram.org/bots/api#replyparameters.
type replyParameters struct {
	MessageID       int64           `json:"message_id"`
	ChatID          json.RawMessage `json:"chat_id"`
	WithoutIt       bool            `json:"allow_sending_without_reply"`
	Quote           string          `json:"quote"`
	QuoteParseMode  string          `json:"quote_parse_mode"`
	QuoteEntities   json.RawMessage `json:"quote_entities"`
	QuotePosition   int             `json:"quote_position"`
	ChecklistTaskID int             `json:"checklist_task_id"`
}

// replyTo is the message of the chat to which one replies, "" if it stands by itself, and what is wrong with
// it.
func (s *server) replyTo(m message, chat string) (to, problem string) {
	if len(m.ReplyParameters) == 0 {
		return "", ""
	}
	var p replyParameters
	dec := json.NewDecoder(bytes.NewReader(m.ReplyParameters))
	dec.DisallowUnknownFields()
	switch err := dec.Decode(&p); {
	case err != nil:
		return "", "can't parse reply parameters JSON object"
	case s.taken.has(chat, p.MessageID):
		return strconv.FormatInt(p.MessageID, 10), ""
	case p.WithoutIt:
		return "", ""
	}
	return "", "message to be replied not found"
}
