package telegram

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// RecallWithin is how old a message may be to be deleted (https://core.telegram.org/bots/api#deletemessage).
const RecallWithin = 48 * time.Hour

// deletion is the body of deleteMessage.
type deletion struct {
	ChatID    any   `json:"chat_id"`
	MessageID int64 `json:"message_id"`
}

// Recall implements [channels.Recaller] with deleteMessage
// (https://core.telegram.org/bots/api#deletemessage).
//
// What was sent to a group before it became a supergroup stays: the group is closed, and in the supergroup
// messages are counted anew (https://core.telegram.org/api/channel#basic-groups), so that the same id is
// another message there. Of a message that isn't in the chat the API says that there is none, and so it does of
// another bot's: in people's chats each counts its own. So an id without the mark of this bot and this chat
// isn't asked for.
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	id, own := strings.CutPrefix(m.ProviderID, markOf(s.bot, m.Address))
	if !own {
		return &channels.Error{Class: channels.Rejected, Code: "other_chat", Err: errors.New("not the id of a message that this bot sent there")}
	}
	d, ok := toDelete(m.Address, id)
	if !ok {
		return &channels.Error{Class: channels.Rejected, Code: "no_message_id", Err: errors.New("not the id of a message of Telegram")}
	}
	answer, err := messenger.PostJSON(ctx, s.api, s.path+"/deleteMessage", nil, d)
	if err != nil {
		return err
	}
	return readDeletion(answer)
}

// markOf marks the ids of a bot's messages to an address: by two bytes of a hash, since ids are kept and
// handed out where addresses are not, and many addresses have the same.
func markOf(bot, address string) string {
	sum := sha256.Sum256([]byte(bot + " " + strings.ToLower(address))) // names are the same in any case
	return bot + "." + hex.EncodeToString(sum[:2]) + ":"
}

// idForm is the id of a message, after the chat's where that isn't the address.
var idForm = regexp.MustCompile(`^(?:(-[1-9][0-9]{0,18})/)?([1-9][0-9]{0,18})$`)

// toDelete reads the id of a message to an address.
func toDelete(address, id string) (deletion, bool) {
	parts := idForm.FindStringSubmatch(id)
	if parts == nil {
		return deletion{}, false
	}
	d := deletion{ChatID: chatID(address)}
	if parts[1] != "" {
		d.ChatID = chatID(parts[1])
	}
	var err error
	d.MessageID, err = strconv.ParseInt(parts[2], 10, 64)
	return d, err == nil
}

// readDeletion reads the answer to deleteMessage. Only the API's own words say that a message is gone. A
// right that the bot lacks for this says nothing of the chat.
func readDeletion(a channels.Answer) error {
	var r struct {
		OK     bool `json:"ok"`
		Result bool `json:"result"`
	}
	if json.Unmarshal(a.Body, &r) == nil && r.OK && r.Result {
		return nil
	}
	refused := refusal(a)
	switch {
	case refused.Code == "400 gone":
		return nil
	case strings.HasSuffix(refused.Code, " no_rights"):
		refused.Class = channels.Rejected
	}
	return refused
}
