// Package whatsapp sends WhatsApp messages through Twilio, for those who have their WhatsApp
// sender there and not at Meta.
//
// Whoever has not written in the last 24 hours can be sent approved templates only (error 63016), and we
// don't know who has; so a content template with one variable is the rule, into which the message
// goes whole, on one line. How it speaks to Twilio is in package twilio, which names the pages.
package whatsapp

import (
	"errors"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
	"github.com/tocsin-dev/tocsin/channels/messenger/twilio"
)

// Spec describes the adapter. The rate is that of one WhatsApp sender at Twilio, 80 messages a second
// ("WhatsApp rate limits, throughput and policies",
// https://www.twilio.com/docs/whatsapp/api#rate-limiting-and-queuing).
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "twilio_whatsapp",
		Title:        "WhatsApp through Twilio",
		Kind:         channels.Messenger,
		Channel:      "whatsapp",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered, channels.Read},
		Silence:      channels.SilenceIsFailure,
		Limits:       channels.Limits{PerSecond: 80, Concurrency: 32, Timeout: 15 * time.Second},
		CheckAddress: messenger.CheckNumber,
		Docs:         "https://www.twilio.com/docs/whatsapp/api",
		Example: `account_sid: AC00000000000000000000000000000000
auth_token: ${TWILIO_AUTH_TOKEN}
from: "+14155238886"
# Approved content templates with one variable, by the locale of our texts. max_text is 1024 less what
# the template itself says; variable is the variable's name, if it isn't 1.
templates:
  en: {content_sid: HX00000000000000000000000000000001, max_text: 960}
  ro: {content_sid: HX00000000000000000000000000000002, max_text: 960}
  ru: {content_sid: HX00000000000000000000000000000003, max_text: 960}
`,
		New: newSender,
	}
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	return twilio.New(twilio.Messenger{Name: "whatsapp", CheckSender: checkSender}, decode, env)
}

func checkSender(from string) error {
	if number, err := messenger.CheckNumber(from); err != nil || number != from {
		return errors.New(`want the WhatsApp sender's number, as in "+14155238886"`)
	}
	return nil
}
