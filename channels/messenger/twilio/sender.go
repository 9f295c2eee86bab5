// Package twilio is what the adapters of the messengers behind Twilio share: all of it but the form of
// a sender. Twilio's Messages resource takes messages for them as it does SMS, with the messenger's
// name before both numbers ("whatsapp:+37369123456").
//
// It follows Twilio's pages "Messages resource" (https://www.twilio.com/docs/messaging/api/message-resource),
// "Send templates created with the Content Template Builder"
// (https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder),
// "Outbound message status in status callbacks"
// (https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks) and
// "Messaging webhooks" (https://www.twilio.com/docs/messaging/guides/webhook-request).
//
// Twilio has no idempotency key. Receipts come to the URL given with each message, so that one that
// overtakes the answer still finds its attempt. What recipients answer comes to the webhook that the
// sender has in Twilio's console: set it to the public URL of this provider's receipts, without
// anything after it.
package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// maxText is how long a text outside of templates may be ("Messages resource", Body).
const maxText = 1600

// The bounds of ValidityPeriod, the time that a message may wait in Twilio's queue.
const minValidity, maxValidity = time.Second, 36000 * time.Second

// Messenger is one messenger behind Twilio.
type Messenger struct {
	// Name stands before numbers, and before the sender: "whatsapp".
	Name string
	// CheckSender says what is wrong with a sender, which comes without the messenger's name.
	CheckSender func(sender string) error
}

// Config is the adapters' configuration.
type Config struct {
	twilio.Config `yaml:",inline"`
	// From is the sender, without the messenger's name.
	From string `yaml:"from"`
	// Templates are the content templates by the locale of our texts.
	Templates Templates `yaml:"templates"`
	// PlainText sends texts as they are, without a template.
	PlainText bool `yaml:"plain_text"`
}

// sender sends from one account. It is immutable, so that all of it is safe for concurrent use.
type sender struct {
	account   *twilio.Account
	prefix    string
	from      string
	templates Templates // none: plain text
}

// New makes the Sender of a messenger.
func New(m Messenger, decode func(any) error, env channels.Env) (channels.Sender, error) {
	var c Config
	if err := decode(&c); err != nil {
		return nil, err
	}
	account, err := twilio.NewAccount(c.Config, env)
	if err != nil {
		return nil, err
	}
	if err := m.CheckSender(c.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if c.PlainText == (len(c.Templates) > 0) {
		return nil, errors.New("templates, plain_text: exactly one of them is required")
	}
	if err := c.Templates.check(); err != nil {
		return nil, err
	}
	prefix := m.Name + ":"
	return &sender{account: account, prefix: prefix, from: prefix + c.From, templates: c.Templates}, nil
}

var errNoSID = errors.New("the answer names no message")

// Send implements [channels.Sender]: it creates a Message resource. The address is a number with + and
// the country's code.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	p, err := s.params(m)
	if err != nil {
		return channels.Ack{}, err
	}
	created, err := s.account.Service(ctx).CreateMessage(p)
	if err != nil {
		return channels.Ack{}, twilio.AsError(err)
	}
	if created.Sid == nil || *created.Sid == "" {
		return channels.Ack{}, twilio.Unreadable(errNoSID)
	}
	return channels.Ack{ID: *created.Sid, Proof: channels.Accepted}, nil
}

func (s *sender) params(m channels.Message) (*api.CreateMessageParams, error) {
	to := s.prefix + m.Address
	p := &api.CreateMessageParams{To: &to, From: &s.from}
	if m.Callback != "" {
		p.StatusCallback = &m.Callback
	}
	if m.UsefulFor > 0 {
		seconds := int(min(max(m.UsefulFor, minValidity), maxValidity) / time.Second)
		p.ValidityPeriod = &seconds
	}
	if len(s.templates) == 0 {
		p.Body = &m.Text
		return p, messenger.CheckLength(m.Text, maxText)
	}
	return p, s.templates.fill(p, m)
}

// fill chooses the template for a message and puts the message's text into it, on one line.
func (ts Templates) fill(p *api.CreateMessageParams, m channels.Message) error {
	t, found := messenger.ForLocale(ts, m.Locale)
	if !found {
		return &channels.Error{Class: channels.Rejected, Code: "no_template", Err: errors.New("no template for the locale " + m.Locale)}
	}
	text := messenger.OneLine(m.Text)
	if err := messenger.CheckLength(text, t.MaxText); err != nil {
		return err
	}
	variables, err := json.Marshal(map[string]string{t.Variable: text})
	if err != nil {
		return &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	filled := string(variables)
	p.ContentSid, p.ContentVariables = &t.ContentSID, &filled
	return nil
}

// Probe implements [channels.Prober]: it fetches the account.
func (s *sender) Probe(ctx context.Context) error { return s.account.Probe(ctx) }

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
