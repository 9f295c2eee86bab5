package twilio

import (
	"crypto/hmac"
	"crypto/sha1" // the provider's choice; HMAC keeps it sound
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

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

// ParseCallback reads a status callback. The signature covers the URL and with it the Ref. Callbacks
// that aren't about an outgoing message give no receipts. Twilio's time of the delivery
// (RawDlrDoneDate) has no zone and no seconds, so it is not given.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	form, err := url.ParseQuery(string(c.Body))
	called, signature := c.URL.String(), c.Header.Get("X-Twilio-Signature")
	// The library also tries the URL with and without its port, as Twilio does; it is asked only
	// where the URL as it stands does not fit, since it costs several times as much.
	if !s.signed(called, form, signature) && !s.validator.ValidateBody(called, c.Body, signature) {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "signature", Err: errSignature}
	}
	if err != nil {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "body", Err: errors.New("the body is no form")}
	}
	status := form.Get("MessageStatus")
	if status == "" {
		return channels.Heard{}, nil
	}
	state, known := stateOf(status)
	if !known {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "status", Err: fmt.Errorf("unknown MessageStatus %q", status)}
	}
	sid := form.Get("MessageSid")
	if sid == "" {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "body", Err: errNoMessage}
	}
	r := channels.Receipt{Ref: c.Ref, ProviderID: sid, State: state, Code: status}
	if code := form.Get("ErrorCode"); code != "" && code != "0" {
		r.Code = code
	}
	return channels.Heard{Receipts: []channels.Receipt{r}}, nil
}

// signed reports whether a signature is that of the URL and the form: HMAC-SHA1 over the URL followed
// by the fields' names and values in order of the names ("Webhooks security", validating signatures
// from Twilio). A URL with a bodySHA256 is signed without the form, and left to the library.
func (s *sender) signed(called string, form url.Values, signature string) bool {
	if strings.Contains(called, "bodySHA256") {
		return false
	}
	text := make([]byte, 0, 512)
	text = append(text, called...)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		text = append(append(text, name...), form.Get(name)...)
	}
	h := hmac.New(sha1.New, []byte(s.config.AuthToken.Reveal()))
	h.Write(text)
	var sum [sha1.Size]byte
	want := base64.StdEncoding.AppendEncode(text[:0], h.Sum(sum[:0]))
	return subtle.ConstantTimeCompare(want, []byte(signature)) == 1
}
