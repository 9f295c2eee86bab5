// Package rcs sends RCS messages through Twilio.
//
// Twilio itself goes on to SMS where a messaging service has an RCS sender and a number can't be
// reached by RCS. That would be a second way beside the cascade, and nobody would know by which of them a
// customer was told; so messages go from the RCS sender, to the number as an RCS address, and a number
// without RCS is refused.
//
// RCS has no window of time: texts go as they are, or in content templates where those are configured.
// How it speaks to Twilio is in package twilio, which names the pages.
package rcs

import (
	"errors"
	"regexp"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
	"github.com/tocsin-dev/tocsin/channels/messenger/twilio"
)

// Spec describes the adapter. Twilio publishes no rate for RCS senders; this is that of its other
// senders of numbers outside of North America.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "twilio_rcs",
		Title:        "RCS through Twilio",
		Kind:         channels.Messenger,
		Channel:      "rcs",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered, channels.Read},
		Silence:      channels.SilenceIsFailure,
		Limits:       channels.Limits{PerSecond: 10, Concurrency: 32, Timeout: 15 * time.Second},
		CheckAddress: messenger.CheckNumber,
		Docs:         "https://www.twilio.com/docs/rcs/send-an-rcs-message",
		Example: `account_sid: AC00000000000000000000000000000000
auth_token: ${TWILIO_AUTH_TOKEN}
from: example_bank_agent
plain_text: true
`,
		New: newSender,
	}
}

// senderForm is an RCS sender's id, as Twilio's console shows it after "rcs:".
var senderForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	return twilio.New(twilio.Messenger{Name: "rcs", CheckSender: checkSender}, decode, env)
}

func checkSender(from string) error {
	if !senderForm.MatchString(from) {
		return errors.New(`want the RCS sender's id, as Twilio's console shows it after "rcs:"`)
	}
	return nil
}
