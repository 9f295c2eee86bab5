package twilio

import (
	"net/url"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
)

// ParseCallback reads a status callback, or a message from a recipient. The signature covers the URL and
// with it the Ref.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	form, err := s.account.Verify(c)
	if err != nil {
		return channels.Heard{}, err
	}
	if form.Get("MessageStatus") == "" {
		return channels.Heard{Inbound: inbound(form)}, nil
	}
	r, err := twilio.MessageReceipt(c.Ref, form)
	if err != nil {
		return channels.Heard{}, err
	}
	return channels.Heard{Receipts: []channels.Receipt{r}, Inbound: optedOut(r, form.Get("To"))}, nil
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
	return []channels.Inbound{{Address: from, Wish: twilio.WishOf(form.Get("OptOutType")), Text: form.Get("Body")}}
}

// isNumber reports whether an address is one of this channel: E.164.
func isNumber(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	return plus && len(digits) >= 7 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}
