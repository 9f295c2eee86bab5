package kannel

import (
	"crypto/hmac"
	"errors"
	"mime"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/channels"
)

// inbound reads what a customer wrote, as smsbox posts it to the post-url of an sms-service (the User Guide
// names the parameter; the rest is what version 1.4.5 was seen to do): the sender's number in X-Kannel-From, the text as the body, in
// UTF-8, or in UTF-16 where it was sent so.
//
// Kannel signs nothing and knows no attempt here, so the post-url itself carries the inbound_secret.
func (s *sender) inbound(c channels.Callback) (channels.Heard, error) {
	secret := s.config.InboundSecret.Reveal()
	if secret == "" || !hmac.Equal([]byte(secret), []byte(c.URL.Query().Get(paramKey))) {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "key", Err: errors.New("not at the URL that Kannel's sms-service was given")}
	}
	from := c.Header.Get("X-Kannel-From")
	if c.Method != http.MethodPost || from == "" {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "message",
			Err: errors.New("no message with its sender: the sms-service needs post-url and send-sender = true")}
	}
	text, ok := decoded(c.Header.Get("Content-Type"), c.Body)
	if !ok || !isNumber(from) {
		return channels.Heard{}, nil // a picture, or a sender with a name: nobody who could be answered
	}
	return channels.Heard{Inbound: []channels.Inbound{{Address: from, Text: text}}}, nil
}

// decoded is a body as text; false for one that is none.
func decoded(contentType string, body []byte) (text string, ok bool) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "text/plain" {
		return "", false
	}
	if strings.EqualFold(params["charset"], "UTF-16BE") {
		return fromUTF16(body)
	}
	return string(body), utf8.Valid(body)
}

// fromUTF16 decodes big-endian UTF-16.
func fromUTF16(body []byte) (text string, ok bool) {
	if len(body)%2 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(body)/2)
	for i := 0; i < len(body); i += 2 {
		units = append(units, uint16(body[i])<<8|uint16(body[i+1]))
	}
	return string(utf16.Decode(units)), true
}

// Reply implements [channels.Replier]: smsbox sends the answer's text as an SMS to whoever wrote, and nothing
// for an empty one if the sms-service has omit-empty = true.
func (*sender) Reply(_ channels.Inbound, text string) (contentType string, body []byte) {
	return "text/plain; charset=UTF-8", []byte(text)
}
