package viber

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// The events that are receipts.
const (
	delivered = "delivered"
	seen      = "seen"
	failed    = "failed"
)

// The events that say what users do. They come whether they were asked for or not.
const (
	subscribed   = "subscribed"
	unsubscribed = "unsubscribed"
	written      = "message"
)

// event is what is read of a callback. Timestamp is in milliseconds since 1970. Who it is about is in
// a place of its own in each kind of event.
type event struct {
	Event        string `json:"event"`
	Timestamp    int64  `json:"timestamp"`
	MessageToken uint64 `json:"message_token"`
	Desc         string `json:"desc"`
	UserID       string `json:"user_id"`
	User         person `json:"user"`
	Sender       person `json:"sender"`
	Message      struct {
		Text string `json:"text"`
	} `json:"message"`
}

type person struct {
	ID string `json:"id"`
}

// ParseCallback implements [channels.CallbackParser]. A callback holds one event. Nothing is to be
// read in the call that tests the webhook, in client_status, and in conversation_started: whoever only
// opens the chat has not subscribed.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	if !s.signed(c) {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "signature", Err: errors.New("callback isn't signed by Viber")}
	}
	return parseEvent(c.Body)
}

// signed verifies X-Viber-Content-Signature: the HMAC-SHA256 of the raw body under the token, in hex.
func (s *sender) signed(c channels.Callback) bool {
	given, err := hex.DecodeString(c.Header.Get("X-Viber-Content-Signature"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(s.token.Reveal()))
	mac.Write(c.Body)
	return hmac.Equal(mac.Sum(nil), given)
}

func parseEvent(body []byte) (channels.Heard, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.Event == "" {
		return channels.Heard{}, unreadable("no event")
	}
	switch e.Event {
	case delivered, seen, failed:
		return e.receipt()
	case unsubscribed:
		return inbound(channels.Inbound{Address: e.UserID, Wish: channels.OptOut})
	case subscribed:
		return inbound(channels.Inbound{Address: e.User.ID, Wish: channels.OptIn})
	case written:
		return inbound(channels.Inbound{Address: e.Sender.ID, Text: e.Message.Text})
	}
	return channels.Heard{}, nil
}

// inbound is what a user did. What is neither a wish nor a text (a picture, a place) is nothing.
func inbound(in channels.Inbound) (channels.Heard, error) {
	switch {
	case in.Address == "":
		return channels.Heard{}, unreadable("an event without its user")
	case in.Wish == channels.NoWish && in.Text == "":
		return channels.Heard{}, nil
	}
	return channels.Heard{Inbound: []channels.Inbound{in}}, nil
}

func (e event) receipt() (channels.Heard, error) {
	r := channels.Receipt{Code: e.Event, At: e.time()}
	switch e.Event {
	case delivered:
		r.State = channels.ReceiptDelivered
	case seen:
		r.State = channels.ReceiptRead
	default:
		r.State, r.Code = channels.ReceiptFailed, failureCode(e.Desc)
	}
	if e.MessageToken == 0 || e.UserID == "" {
		return channels.Heard{}, unreadable("a receipt without message_token or user_id")
	}
	r.ProviderID = messageID(e.MessageToken, e.UserID)
	return channels.Heard{Receipts: []channels.Receipt{r}}, nil
}

func unreadable(what string) *channels.Error {
	return &channels.Error{Class: channels.Rejected, Code: "unreadable", Err: errors.New(what)}
}

// lastTime is the first millisecond of 2100; what is beyond it was no time.
const lastTime = 4102444800000

func (e event) time() time.Time {
	if e.Timestamp <= 0 || e.Timestamp >= lastTime {
		return time.Time{}
	}
	return time.UnixMilli(e.Timestamp).UTC()
}

// maxCode bounds the code that is made of a description.
const maxCode = 48

// failureCode makes a code of a description in prose ("failure description"), since Viber gives no
// other. Only words of plain ASCII letters get into it, so no number or id that may be quoted there.
func failureCode(desc string) string {
	code := failed
	for w := range strings.FieldsSeq(strings.ToLower(desc)) {
		if strings.ContainsFunc(w, func(r rune) bool { return r < 'a' || r > 'z' }) {
			continue
		}
		if len(code)+1+len(w) > maxCode {
			break
		}
		code += "_" + w
	}
	return code
}
