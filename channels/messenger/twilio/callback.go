package twilio

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
)

// ParseCallback implements [channels.CallbackParser]: it reads a status callback, or a message from a
// recipient. The signature covers the URL and with it the Ref.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	form, err := s.account.Verify(c)
	if err != nil {
		return channels.Heard{}, err
	}
	if form.Get("MessageStatus") == "" {
		return channels.Heard{Inbound: s.inbound(form)}, nil
	}
	r, err := twilio.MessageReceipt(c.Ref, form)
	if err != nil {
		return channels.Heard{}, err
	}
	return channels.Heard{Receipts: []channels.Receipt{r}}, nil
}

// inbound reads a message from a recipient on this messenger. ButtonText is on the button that was
// pressed.
func (s *sender) inbound(form url.Values) []channels.Inbound {
	number, ours := strings.CutPrefix(form.Get("From"), s.prefix)
	in := channels.Inbound{
		Address: number, Wish: twilio.WishOf(form.Get("OptOutType")), Text: cmp.Or(form.Get("Body"), form.Get("ButtonText")),
	}
	if !ours || number == "" || form.Get("SmsStatus") != "received" || (in.Text == "" && in.Wish == channels.NoWish) {
		return nil
	}
	return []channels.Inbound{in}
}
