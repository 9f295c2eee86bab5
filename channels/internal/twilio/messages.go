package twilio

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/tocsin-dev/tocsin/channels"
)

// StateOf says what a message's status means ("Messages resource", message status values,
// https://www.twilio.com/docs/messaging/api/message-resource); false for one that it doesn't know.
func StateOf(status string) (channels.ReceiptState, bool) {
	switch status {
	case "accepted", "scheduled", "queued", "sending", "sent":
		return channels.ReceiptAccepted, true
	case "delivered":
		return channels.ReceiptDelivered, true
	case "read":
		return channels.ReceiptRead, true
	case "undelivered", "failed", "canceled":
		return channels.ReceiptFailed, true
	}
	return "", false
}

// MessageReceipt reads the form of a status callback about a message ("Outbound message status in status
// callbacks", https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks).
// Twilio's time of the delivery (RawDlrDoneDate) has no zone and no seconds, so it is not given. Its
// error is an *Error of class Rejected.
func MessageReceipt(ref string, form url.Values) (channels.Receipt, error) {
	status, sid := form.Get("MessageStatus"), form.Get("MessageSid")
	state, known := StateOf(status)
	switch {
	case !known:
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "status", Err: fmt.Errorf("unknown MessageStatus %.32q", status)}
	case sid == "":
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "body", Err: errors.New("no MessageSid")}
	}
	r := channels.Receipt{Ref: ref, ProviderID: sid, State: state, Code: status}
	if code := form.Get("ErrorCode"); code != "" && code != "0" {
		r.Code, r.Dead = code, state == channels.ReceiptFailed && isDead(code)
	}
	return r, nil
}

// isDead reports whether an error code says that a number can't be reached, now or later.
func isDead(code string) bool {
	n, err := strconv.Atoi(code)
	class, _ := ClassOf(n)
	return err == nil && class == channels.InvalidAddress
}

// WishOf reads OptOutType: what Twilio understood a recipient to want, and has answered, where its
// handling of opt-outs is on ("Messaging webhooks", https://www.twilio.com/docs/messaging/guides/webhook-request).
func WishOf(optOutType string) channels.Wish {
	switch optOutType {
	case "STOP":
		return channels.OptOut
	case "START":
		return channels.OptIn
	case "HELP":
		return channels.WantHelp
	}
	return channels.NoWish
}
