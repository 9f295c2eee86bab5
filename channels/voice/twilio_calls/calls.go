// Package twiliocalls calls people through Twilio and reads the text to them, in their language.
//
// It follows Twilio's pages "Call resource" (https://www.twilio.com/docs/voice/api/call-resource), "TwiML
// Voice: <Say>" (https://www.twilio.com/docs/voice/twiml/say), "Text-to-Speech"
// (https://www.twilio.com/docs/voice/twiml/say/text-speech), "Answering Machine Detection"
// (https://www.twilio.com/docs/voice/answering-machine-detection) and the error dictionary
// (https://www.twilio.com/docs/api/errors).
//
// A call that was answered counts as delivered. An answering machine answers, too; with detect_machines
// the call counts only once it is over and Twilio has said that a human was there, and a machine or a
// fax is a failure. Twilio has no idempotency key for calls: one whose answer was lost may be made.
package twiliocalls

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
)

// Spec describes the adapter.
//
// The rate is an account's own, one call begun a second, until Twilio raises it ("Understanding Calls Per
// Second", https://help.twilio.com/articles/223180028). What is created faster waits at Twilio.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "twilio_voice",
		Title:    "Twilio Voice",
		Kind:     channels.Voice,
		Channel:  "voice",
		Proofs:   []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:  channels.SilenceIsFailure,
		Limits:   channels.Limits{PerSecond: 1, Concurrency: 8, Timeout: 15 * time.Second},
		Docs:     "https://www.twilio.com/docs/voice/api/call-resource",
		Example: `account_sid: AC00000000000000000000000000000000
auth_token: ${TWILIO_AUTH_TOKEN}
from: "+15005550006"
ring_timeout: 30s
detect_machines: true
# Languages beside en, ro and ru, or other voices for these; see Twilio's page "Text-to-Speech".
voices:
  uk: {language: uk-UA, voice: Google.uk-UA-Standard-A}
`,
		New: newSender,
	}
}

// config is the adapter's part of the configuration file.
type config struct {
	twilio.Config `yaml:",inline"`
	// From is the number that is shown: a Twilio number, or a verified caller id.
	From string `yaml:"from"`
	// RingTimeout is how long it rings before nobody has answered.
	RingTimeout time.Duration `yaml:"ring_timeout"`
	// DetectMachines has Twilio listen whether a human has answered.
	DetectMachines bool `yaml:"detect_machines"`
	// Voices say how a language is read, by its tag ("uk", "pt-BR").
	Voices map[string]voice `yaml:"voices"`
}

// The bounds of Timeout, and what it is unless configured: short enough to end before most mailboxes
// answer. Twilio's own is 60 s ("Call resource", request body parameters).
const minRing, maxRing, defaultRing = 5 * time.Second, 600 * time.Second, 30 * time.Second

func (c *config) check() error {
	digits, plus := strings.CutPrefix(c.From, "+")
	if !plus || len(digits) < 7 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return errors.New("from: want a number that calls may come from, as in \"+15005550006\"")
	}
	if c.RingTimeout < minRing || c.RingTimeout > maxRing {
		return fmt.Errorf("ring_timeout: want %v to %v", minRing, maxRing)
	}
	for tag, v := range c.Voices {
		if v.Language == "" || v.Voice == "" {
			return fmt.Errorf("voices.%s: want language and voice", tag)
		}
	}
	return nil
}

// sender calls from one account. It is immutable, so that all of it is safe for concurrent use.
type sender struct {
	config
	account *twilio.Account
}

var (
	_ channels.Sender         = (*sender)(nil)
	_ channels.CallbackParser = (*sender)(nil)
	_ channels.Prober         = (*sender)(nil)
)

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := config{RingTimeout: defaultRing}
	if err := decode(&c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	account, err := twilio.NewAccount(c.Config, env)
	if err != nil {
		return nil, err
	}
	return &sender{config: c, account: account}, nil
}

var errNoSID = errors.New("the answer names no call")

// Send creates a Call resource. Twilio rings at once, or as soon as the account's rate lets it; it knows
// no time after which it should not.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	p, err := s.params(m)
	if err != nil {
		return channels.Ack{}, err
	}
	created, err := s.account.Service(ctx).CreateCall(p)
	if err != nil {
		return channels.Ack{}, twilio.AsError(err)
	}
	if created.Sid == nil || *created.Sid == "" {
		return channels.Ack{}, twilio.Unreadable(errNoSID)
	}
	return channels.Ack{ID: *created.Sid, Proof: channels.Accepted}, nil
}

func (s *sender) params(m channels.Message) (*api.CreateCallParams, error) {
	v, known := s.voiceFor(m.Locale)
	if !known {
		return nil, &channels.Error{Class: channels.Rejected, Code: "language", Err: fmt.Errorf("no voice for %q: voices can name one", m.Locale)}
	}
	document, err := twiml(v, m.Text)
	if err != nil {
		return nil, err
	}
	seconds := int(s.RingTimeout / time.Second)
	p := &api.CreateCallParams{To: &m.Address, From: &s.From, Twiml: &document, Timeout: &seconds}
	if m.Callback != "" {
		p.StatusCallback = &m.Callback
		p.StatusCallbackEvent = &[]string{"answered", "completed"}
	}
	if s.DetectMachines {
		enable := "Enable"
		p.MachineDetection = &enable
	}
	return p, nil
}

// Probe fetches the account, which needs the same credentials as calling.
func (s *sender) Probe(ctx context.Context) error { return s.account.Probe(ctx) }

// Close does nothing: the connections belong to the HTTP client.
func (s *sender) Close() error { return nil }
