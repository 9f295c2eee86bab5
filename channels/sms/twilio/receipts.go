package twilio

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/tocsin-dev/tocsin/channels"
)

var (
	errSignature = errors.New("X-Twilio-Signature doesn't fit the URL and the body")
	errNoMessage = errors.New("no MessageSid")
)

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

// ParseReceipts reads a status callback. The signature covers the URL and with it the Ref. Callbacks
// that aren't about an outgoing message give no receipts. Twilio's time of the delivery
// (RawDlrDoneDate) has no zone and no seconds, so it is not given.
func (s *sender) ParseReceipts(c channels.Callback) ([]channels.Receipt, error) {
	if !s.validator.ValidateBody(c.URL.String(), c.Body, c.Header.Get("X-Twilio-Signature")) {
		return nil, &channels.Error{Class: channels.Auth, Code: "signature", Err: errSignature}
	}
	form, err := url.ParseQuery(string(c.Body))
	if err != nil {
		return nil, &channels.Error{Class: channels.Rejected, Code: "body", Err: errors.New("the body is no form")}
	}
	status := form.Get("MessageStatus")
	if status == "" {
		return nil, nil
	}
	state, known := stateOf(status)
	if !known {
		return nil, &channels.Error{Class: channels.Rejected, Code: "status", Err: fmt.Errorf("unknown MessageStatus %q", status)}
	}
	sid := form.Get("MessageSid")
	if sid == "" {
		return nil, &channels.Error{Class: channels.Rejected, Code: "body", Err: errNoMessage}
	}
	r := channels.Receipt{Ref: c.Ref, ProviderID: sid, State: state, Code: status}
	if code := form.Get("ErrorCode"); code != "" && code != "0" {
		r.Code = code
	}
	return []channels.Receipt{r}, nil
}
