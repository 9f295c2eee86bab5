package twilio

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

var errNoMessage = errors.New("no MessageSid")

// stateOf says what a message's status means; "Messages resource", message status values.
func stateOf(status string) (channels.ReceiptState, bool) {
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

// ParseCallback reads a status callback, or a message from a recipient. The signature covers the URL and
// with it the Ref. Twilio's time of the delivery (RawDlrDoneDate) has no zone and no seconds, so it is
// not given.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	form, err := s.account.Verify(c)
	if err != nil {
		return channels.Heard{}, err
	}
	if form.Get("MessageStatus") == "" {
		return channels.Heard{Inbound: inbound(form)}, nil
	}
	r, err := receipt(c.Ref, form)
	if err != nil {
		return channels.Heard{}, err
	}
	return channels.Heard{Receipts: []channels.Receipt{r}, Inbound: optedOut(r, form.Get("To"))}, nil
}

func receipt(ref string, form url.Values) (channels.Receipt, error) {
	status := form.Get("MessageStatus")
	state, known := stateOf(status)
	if !known {
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "status", Err: fmt.Errorf("unknown MessageStatus %.32q", status)}
	}
	sid := form.Get("MessageSid")
	if sid == "" {
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "body", Err: errNoMessage}
	}
	r := channels.Receipt{Ref: ref, ProviderID: sid, State: state, Code: status}
	if code := form.Get("ErrorCode"); code != "" && code != "0" {
		r.Code = code
	}
	return r, nil
}

// codeOptedOut is that the recipient has told Twilio to stop
// (https://www.twilio.com/docs/api/errors/21610).
const codeOptedOut = "21610"

// optedOut is what a failure says of the recipient: where a messaging service sends, Twilio takes the message
// and says only later that its recipient has opted out.
func optedOut(r channels.Receipt, number string) []channels.Inbound {
	if r.State != channels.ReceiptFailed || r.Code != codeOptedOut || !isNumber(number) {
		return nil
	}
	return []channels.Inbound{{Address: number, Wish: channels.OptOut}}
}

// inbound reads a message from a recipient ("Messaging webhooks",
// https://www.twilio.com/docs/messaging/guides/webhook-request). OptOutType is what Advanced Opt-Out
// understood, and has already answered; without it only the text is known. Messages of other channels
// ("whatsapp:+373…", "rcs:+373…") and from short codes are nobody's here.
func inbound(form url.Values) []channels.Inbound {
	from := form.Get("From")
	if form.Get("SmsStatus") != "received" || !isNumber(from) {
		return nil
	}
	return []channels.Inbound{{Address: from, Wish: wishOf(form.Get("OptOutType")), Text: form.Get("Body")}}
}

func wishOf(optOutType string) channels.Wish {
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

// isNumber reports whether an address is one of this channel: E.164.
func isNumber(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	return plus && len(digits) >= 7 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}
