// Package twilio sends SMS through Twilio's Programmable Messaging.
//
// It follows Twilio's pages "Messages resource" (https://www.twilio.com/docs/messaging/api/message-resource),
// "Outbound message status in status callbacks"
// (https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks),
// "Secure webhooks" (https://www.twilio.com/docs/usage/webhooks/webhooks-security) and the error
// dictionary (https://www.twilio.com/docs/api/errors).
//
// Twilio takes a message by queueing it, and has no idempotency key: an attempt whose answer was lost
// may have gone out; it is found again among the messages to its number. Receipts come to the URL
// given with each message, so that one that overtakes the answer still finds its attempt.
//
// What recipients answer comes to the webhook that the sender's number or messaging service names in
// Twilio's console: set it to the public URL of this provider's receipts, without anything after it. A
// name (an alphanumeric sender) can't be answered.
package twilio

import (
	"context"
	"errors"
	"fmt"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

// The bounds of ValidityPeriod, the time that a message may wait in Twilio's queue ("Messages
// resource", request body parameters).
const minValidity, maxValidity = time.Second, 36000 * time.Second

// Spec describes the adapter.
//
// The rate is that of an alphanumeric sender, or a long code outside of North America, ten segments
// a second ("Understanding Twilio Rate Limits and Message Queues",
// https://help.twilio.com/articles/115002943027). A US long code has one, a short code a hundred or
// more: configure the rate of the sender that is used. What is sent faster waits at Twilio, where
// newer and more urgent news can't overtake it. Twilio doesn't publish how many requests may be
// under way at once; it refuses too many with 20429, unprocessed.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "twilio",
		Title:        "Twilio",
		Kind:         channels.SMS,
		Channel:      "sms",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:      channels.SilenceIsFailure,
		InquireAfter: inquireAfter,
		Limits:       channels.Limits{PerSecond: 10, Concurrency: 32, Timeout: 15 * time.Second},
		Docs:         "https://www.twilio.com/docs/messaging/api/message-resource",
		Example: `account_sid: AC00000000000000000000000000000000
auth_token: ${TWILIO_AUTH_TOKEN}
# One of the two: a number, short code or name to send from (or several, of which each recipient always
# gets the same), or a messaging service that chooses.
from: "+15005550006"
# messaging_service_sid: MG00000000000000000000000000000000
# Countries with rules of their own, by how their numbers begin.
from_by_country: {"+373": Bank, "+40": [BankRO, "+40700000000"]}
`,
		New: newSender,
	}
}

// config is the adapter's part of the configuration file.
type config struct {
	twilio.Config `yaml:",inline"`
	// From are the senders: numbers, short codes or names, one of them or a pool.
	From senders `yaml:"from"`
	// FromByCountry are the senders for numbers that begin with a prefix ("+373"), for countries that have
	// rules of their own.
	FromByCountry map[string]senders `yaml:"from_by_country"`
	// MessagingServiceSID has Twilio choose the sender.
	MessagingServiceSID string `yaml:"messaging_service_sid"`
	// MaxValidity bounds the time that a message may wait at Twilio; 0 is Twilio's own bound.
	MaxValidity time.Duration `yaml:"max_validity"`
}

func (c *config) check() error {
	switch {
	case (len(c.From) == 0) == (c.MessagingServiceSID == ""):
		return fmt.Errorf("from, messaging_service_sid: exactly one of them is required")
	case c.MessagingServiceSID != "" && !twilio.IsSID("MG", c.MessagingServiceSID):
		return fmt.Errorf("messaging_service_sid: want MG and 32 hexadecimal digits")
	case c.MaxValidity != 0 && (c.MaxValidity < minValidity || c.MaxValidity > maxValidity):
		return fmt.Errorf("max_validity: want %v to %v", minValidity, maxValidity)
	}
	if c.MaxValidity == 0 {
		c.MaxValidity = maxValidity
	}
	return c.checkSenders()
}

// sender sends from one account. It is immutable, so that all of it is safe for concurrent use.
type sender struct {
	config
	account *twilio.Account
}

var (
	_ channels.Sender         = (*sender)(nil)
	_ channels.CallbackParser = (*sender)(nil)
	_ channels.Prober         = (*sender)(nil)
	_ channels.Measurer       = (*sender)(nil)
	_ channels.Inquirer       = (*sender)(nil)
)

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	var c config
	if err := decode(&c); err != nil {
		return nil, fmt.Errorf("twilio: %w", err)
	}
	account, err := twilio.NewAccount(c.Config, env)
	if err != nil {
		return nil, fmt.Errorf("twilio: %w", err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("twilio: %w", err)
	}
	return &sender{config: c, account: account}, nil
}

var errNoSID = errors.New("the answer names no message")

// Send creates a Message resource.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	created, err := s.account.Service(ctx).CreateMessage(s.params(m))
	if err != nil {
		return channels.Ack{}, twilio.AsError(err)
	}
	if created.Sid == nil || *created.Sid == "" {
		return channels.Ack{}, twilio.Unreadable(errNoSID)
	}
	return channels.Ack{ID: *created.Sid, Proof: channels.Accepted}, nil
}

func (s *sender) params(m channels.Message) *api.CreateMessageParams {
	p := &api.CreateMessageParams{To: &m.Address, Body: &m.Text}
	if from := s.senderFor(m.Address); from != "" {
		p.From = &from
	} else {
		p.MessagingServiceSid = &s.MessagingServiceSID
	}
	if m.Callback != "" {
		p.StatusCallback = &m.Callback
	}
	if m.UsefulFor > 0 {
		seconds := int(min(max(m.UsefulFor, minValidity), s.MaxValidity) / time.Second)
		p.ValidityPeriod = &seconds
	}
	return p
}

// Probe fetches the account, which needs the same credentials as sending.
func (s *sender) Probe(ctx context.Context) error { return s.account.Probe(ctx) }

// Units returns how many segments Twilio bills for a text.
func (s *sender) Units(text string) int {
	n, _ := sms.Segments(text)
	return n
}

// Close does nothing: the connections belong to the HTTP client.
func (s *sender) Close() error { return nil }
