package viber

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/tocsin-dev/tocsin/channels"
)

// response is what is read of an answer. Status is the real outcome: a failure, too, comes with
// HTTP 200.
type response struct {
	Status       *int   `json:"status"`
	MessageToken uint64 `json:"message_token"`
	Webhook      string `json:"webhook"`
}

// read returns the response to a call that succeeded.
func read(a channels.Answer) (response, error) {
	var r response
	if a.Status != http.StatusOK {
		return r, a.Refusal()
	}
	if err := json.Unmarshal(a.Body, &r); err != nil || r.Status == nil {
		return r, a.Refusal()
	}
	if *r.Status != 0 {
		return r, failure(*r.Status)
	}
	return r, nil
}

// readAck reads the answer to send_message. One without a token can't be matched with its receipts.
func readAck(a channels.Answer, receiver string) (channels.Ack, error) {
	r, err := read(a)
	if err != nil {
		return channels.Ack{}, err
	}
	if r.MessageToken == 0 {
		return channels.Ack{}, a.Refusal()
	}
	return channels.Ack{ID: messageID(r.MessageToken, receiver), Proof: channels.Accepted}, nil
}

// messageID is what a message to one receiver is known by. A broadcast's receivers share its token, and a
// receipt doesn't say whether it is of one; so the token is always followed by what tells receivers apart
// without naming them.
func messageID(token uint64, receiver string) string {
	sum := sha256.Sum256([]byte(receiver))
	return strconv.FormatUint(token, 10) + "." + hex.EncodeToString(sum[:8])
}

// statuses are the API's error codes, by number.
//
// What is wrong with our account (blocked, suspended, without a webhook, without money) is Auth:
// nothing goes out until somebody acts. What is wrong with the receiver is InvalidAddress.
var statuses = [...]struct {
	name  string
	class channels.Class
}{
	1:  {"invalidUrl", channels.Rejected},
	2:  {"invalidAuthToken", channels.Auth},
	3:  {"badData", channels.Rejected},
	4:  {"missingData", channels.Rejected},
	5:  {"receiverNotRegistered", channels.InvalidAddress},
	6:  {"receiverNotSubscribed", channels.InvalidAddress},
	7:  {"publicAccountBlocked", channels.Auth},
	8:  {"publicAccountNotFound", channels.Auth},
	9:  {"publicAccountSuspended", channels.Auth},
	10: {"webhookNotSet", channels.Auth},
	11: {"receiverNoSuitableDevice", channels.InvalidAddress},
	12: {"tooManyRequests", channels.RateLimited},
	13: {"apiVersionNotSupported", channels.Rejected},
	14: {"incompatibleWithVersion", channels.Rejected},
	15: {"publicAccountNotAuthorized", channels.Auth},
	16: {"inchatReplyMessageNotAllowed", channels.Rejected},
	17: {"publicAccountIsNotInline", channels.Rejected},
	18: {"noPublicChat", channels.Rejected},
	19: {"cannotSendBroadcast", channels.Rejected},
	20: {"broadcastNotAllowed", channels.Rejected},
	21: {"unsupportedCountry", channels.InvalidAddress},
	22: {"paymentUnsupported", channels.Rejected},
	23: {"freeMessagesExceeded", channels.Auth},
	24: {"noBalance", channels.Auth},
}

// failure classifies a status. Viber calls any that it doesn't list a general error, which doesn't
// say whether the message went out.
func failure(status int) *channels.Error {
	e := &channels.Error{Class: channels.Unknown, Code: strconv.Itoa(status)}
	if status > 0 && status < len(statuses) {
		e.Class, e.Code = statuses[status].class, e.Code+" "+statuses[status].name
	}
	return e
}
