package telegram

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// response is the envelope of every answer of the Bot API.
type response struct {
	OK     bool `json:"ok"`
	Result struct {
		MessageID int64 `json:"message_id"`
	} `json:"result"`
	ErrorCode   int    `json:"error_code"`
	Description string `json:"description"`
	Parameters  struct {
		MigrateToChatID int64 `json:"migrate_to_chat_id"`
		RetryAfter      int64 `json:"retry_after"`
	} `json:"parameters"`
}

// readAck reads the answer to sendMessage. Its id is unique within the chat only.
func readAck(a channels.Answer) (channels.Ack, error) {
	var r response
	if err := json.Unmarshal(a.Body, &r); err != nil || !r.OK || r.Result.MessageID == 0 {
		return channels.Ack{}, refusal(a)
	}
	return channels.Ack{ID: strconv.FormatInt(r.Result.MessageID, 10), Proof: channels.Accepted}, nil
}

// reasons are the descriptions by which the API tells its refusals apart: it has no finer codes.
// Descriptions themselves stay out of our errors, since anything may be quoted in them.
var reasons = [...]struct {
	says, reason string
	class        channels.Class
}{
	{"blocked by the user", "blocked", channels.InvalidAddress},
	{"user is deactivated", "deactivated", channels.InvalidAddress},
	{"can't initiate conversation", "not_started", channels.InvalidAddress},
	{"was kicked", "kicked", channels.InvalidAddress},
	{"not a member", "not_member", channels.InvalidAddress},
	{"chat was deleted", "chat_deleted", channels.InvalidAddress},
	{"to bots", "chat_is_bot", channels.InvalidAddress},
	{"chat not found", "chat_not_found", channels.InvalidAddress},
	{"chat_id is empty", "chat_not_found", channels.InvalidAddress},
	{"peer_id_invalid", "chat_not_found", channels.InvalidAddress},
	{"upgraded to a supergroup", "migrated", channels.InvalidAddress},
	{"not enough rights", "no_rights", channels.InvalidAddress},
	{"have no rights", "no_rights", channels.InvalidAddress},
	{"chat_write_forbidden", "no_rights", channels.InvalidAddress},
	{"message is too long", "too_long", channels.Rejected},
	{"text is empty", "empty", channels.Rejected},
	{"message to delete not found", "gone", channels.Rejected},
	{"message can't be deleted", "not_deletable", channels.Rejected},
}

// refusal classifies an answer that is no success.
//
// 5xx is as ambiguous here as anywhere: only 503 says that nothing was processed (see
// [channels.Answer.Refusal]). A 403 counts as "this recipient" only where the API itself says it, as
// JSON: a proxy's 403 must not mark everybody's address as invalid. A group that is said to have a new
// id once more, after we went to the one that we were told, is an invalid address.
func refusal(a channels.Answer) *channels.Error {
	var r response
	if err := json.Unmarshal(a.Body, &r); err != nil || r.OK || r.ErrorCode == 0 {
		return plainRefusal(a, a.Status)
	}
	e := plainRefusal(a, r.ErrorCode)
	switch {
	case r.ErrorCode == 429 && r.Parameters.RetryAfter > 0:
		e.RetryAfter = time.Duration(min(r.Parameters.RetryAfter, 86400)) * time.Second
	case r.Parameters.MigrateToChatID != 0:
		e.Class, e.Code = channels.InvalidAddress, e.Code+" migrated"
	case r.ErrorCode == 403:
		e.Class = channels.InvalidAddress
		addReason(e, r.Description)
	case r.ErrorCode == 400:
		addReason(e, r.Description)
	}
	return e
}

// migratedTo returns the new id of the group that a refusal names, 0 if it names none.
func migratedTo(a channels.Answer) int64 {
	var r response
	if err := json.Unmarshal(a.Body, &r); err != nil || r.OK || r.ErrorCode != http.StatusBadRequest {
		return 0
	}
	return r.Parameters.MigrateToChatID
}

// plainRefusal classifies by a code alone. 404 is the answer to a token of no bot.
func plainRefusal(a channels.Answer, code int) *channels.Error {
	a.Status = code
	e := a.Refusal()
	if code == 404 {
		e.Class = channels.Auth
	}
	return e
}

func addReason(e *channels.Error, description string) {
	description = strings.ToLower(description)
	for _, r := range reasons {
		if strings.Contains(description, r.says) {
			e.Class, e.Code = r.class, e.Code+" "+r.reason
			return
		}
	}
}
