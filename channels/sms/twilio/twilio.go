// Package twilio sends SMS through Twilio's Programmable Messaging.
//
// It follows Twilio's pages "Messages resource" (https://www.twilio.com/docs/messaging/api/message-resource),
// "Outbound message status in status callbacks"
// (https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks),
// "Secure webhooks" (https://www.twilio.com/docs/usage/webhooks/webhooks-security) and the error
// dictionary (https://www.twilio.com/docs/api/errors).
//
// Twilio takes a message by queueing it, and has no idempotency key: an attempt whose answer was lost
// may have gone out; it is found again among the messages to its number. Receipts come to the URL given with each message, so that one that overtakes
// the answer still finds its attempt.
package twilio

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

const defaultBaseURL = "https://api.twilio.com"

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
# One of the two: a number, short code or name to send from, or a messaging service that chooses.
from: "+15005550006"
# messaging_service_sid: MG00000000000000000000000000000000
`,
		New: newSender,
	}
}

// config is the adapter's part of the configuration file.
type config struct {
	AccountSID          string          `yaml:"account_sid"`
	AuthToken           channels.Secret `yaml:"auth_token"`
	From                string          `yaml:"from"`
	MessagingServiceSID string          `yaml:"messaging_service_sid"`
	BaseURL             string          `yaml:"base_url"`
}

func (c *config) check() error {
	switch {
	case !isSID("AC", c.AccountSID):
		return fmt.Errorf("account_sid: want AC and 32 hexadecimal digits, as the Twilio console shows it")
	case c.AuthToken == "":
		return fmt.Errorf("auth_token: required")
	case (c.From == "") == (c.MessagingServiceSID == ""):
		return fmt.Errorf("from, messaging_service_sid: exactly one of them is required")
	case c.MessagingServiceSID != "" && !isSID("MG", c.MessagingServiceSID):
		return fmt.Errorf("messaging_service_sid: want MG and 32 hexadecimal digits")
	}
	if c.BaseURL == "" {
		c.BaseURL = defaultBaseURL
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" {
		return fmt.Errorf("base_url: want an URL like %s", defaultBaseURL)
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	return nil
}

// isSID reports whether s is a Twilio identifier with the prefix given.
func isSID(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && len(rest) == 32 && strings.Trim(rest, "0123456789abcdefABCDEF") == ""
}

// sender sends from one account. It is immutable, so that all of it is safe for concurrent use.
type sender struct {
	config
	http      *http.Client
	userAgent string
	validator client.RequestValidator
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
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("twilio: %w", err)
	}
	return &sender{
		config:    c,
		http:      env.HTTP,
		userAgent: env.UserAgent,
		validator: client.NewRequestValidator(c.AuthToken.Reveal()),
	}, nil
}

// Send creates a Message resource.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	created, err := s.service(ctx).CreateMessage(s.params(m))
	if err != nil {
		return channels.Ack{}, asError(err)
	}
	if created.Sid == nil || *created.Sid == "" {
		return channels.Ack{}, unreadable(errNoSID)
	}
	return channels.Ack{ID: *created.Sid, Proof: channels.Accepted}, nil
}

func (s *sender) params(m channels.Message) *api.CreateMessageParams {
	p := &api.CreateMessageParams{To: &m.Address, Body: &m.Text}
	if s.From != "" {
		p.From = &s.From
	} else {
		p.MessagingServiceSid = &s.MessagingServiceSID
	}
	if m.Callback != "" {
		p.StatusCallback = &m.Callback
	}
	if m.UsefulFor > 0 {
		seconds := int(min(max(m.UsefulFor, minValidity), maxValidity) / time.Second)
		p.ValidityPeriod = &seconds
	}
	return p
}

// Probe fetches the account, which needs the same credentials as sending.
func (s *sender) Probe(ctx context.Context) error {
	account, err := s.service(ctx).FetchAccount(s.AccountSID)
	if err != nil {
		return asError(err)
	}
	if account.Status != nil && *account.Status != "active" {
		return &channels.Error{Class: channels.Auth, Code: "account_" + *account.Status}
	}
	return nil
}

// Units returns how many segments Twilio bills for a text.
func (s *sender) Units(text string) int {
	n, _ := sms.Segments(text)
	return n
}

// Close does nothing: the connections belong to the HTTP client.
func (s *sender) Close() error { return nil }
