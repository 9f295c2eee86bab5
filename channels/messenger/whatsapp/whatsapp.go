// Package whatsapp sends messages through the WhatsApp Cloud API, and reads the statuses and answers
// that Meta posts to the number's webhook.
//
// Whoever has not written to us in the last 24 hours can be sent approved templates only, and we don't
// know who has; so a template is the rule. It has one parameter, into which the message goes whole, on
// one line, since parameters take no line ends. Which template speaks which language is configured;
// a language without one is refused, so that the cascade goes on at once.
//
// Each message carries our reference as biz_opaque_callback_data, and every status brings it back:
// statuses find their attempt even where they overtake the answer. A message that was shown at once is
// reported as read only, without ever being reported as delivered.
//
// How long a template message may wait for its recipient is set when the template is made
// (message_send_ttl_seconds), not with the message; and a user's "stop" for marketing messages is not
// one for these, which are utility messages.
//
// It follows Meta's pages "Messages API"
// (https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api),
// "Webhook overrides" (…/whatsapp/webhooks/override), "messages webhook reference"
// (…/whatsapp/webhooks/reference/messages) and "Error codes" (…/whatsapp/support/error-codes).
package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/meta"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// maxText is how long a text outside of templates may be ("Text messages", body).
const maxText = 4096

// Spec describes the adapter.
//
// The rate is the throughput that a business phone number begins with, 80 messages a second; numbers
// in much use get up to 1,000 ("Throughput").
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "whatsapp",
		Title:        "WhatsApp Cloud API",
		Kind:         channels.Messenger,
		Channel:      "whatsapp",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered, channels.Read},
		Silence:      channels.SilenceIsFailure,
		Limits:       channels.Limits{PerSecond: 80, Concurrency: 32, Timeout: 15 * time.Second},
		CheckAddress: messenger.CheckNumber,
		Docs:         "https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api",
		Example: `phone_number_id: "106540352242922"
access_token: ${WHATSAPP_ACCESS_TOKEN}
app_secret: ${WHATSAPP_APP_SECRET}
# Approved utility templates with one parameter, by the locale of our texts. max_text is 1024 less what
# the template itself says; parameter is the parameter's name, if it has one.
templates:
  en: {name: outage_notice, language: en, max_text: 960}
  ro: {name: outage_notice, language: ro, max_text: 960}
  ru: {name: outage_notice, language: ru, max_text: 960}
`,
		New: newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	meta.Account `yaml:",inline"`
	// PhoneNumberID is Meta's id of the number that messages are sent from.
	PhoneNumberID string `yaml:"phone_number_id"`
	// Templates are the approved templates by the locale of our texts.
	Templates messenger.Templates `yaml:"templates"`
	// PlainText sends texts as they are, without a template: they reach only whoever wrote to us in the
	// last 24 hours.
	PlainText bool `yaml:"plain_text"`
}

func (c *Config) check() error {
	if c.PhoneNumberID == "" || strings.Trim(c.PhoneNumberID, "0123456789") != "" {
		return errors.New("phone_number_id: want the id, in digits, that the App Dashboard shows for the number")
	}
	if c.PlainText == (len(c.Templates) > 0) {
		return errors.New("templates, plain_text: exactly one of them is required")
	}
	return errors.Join(c.Account.Check(), c.Templates.Check())
}

type sender struct {
	graph     *meta.Graph
	webhook   meta.Webhook
	number    string
	templates messenger.Templates // none: plain text
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{Account: meta.DefaultAccount()}
	if err := decode(&c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	graph, err := meta.NewGraph(&c.Account, env)
	if err != nil {
		return nil, err
	}
	return &sender{graph: graph, webhook: c.Webhook(), number: c.PhoneNumberID, templates: c.Templates}, nil
}

// Send implements [channels.Sender]. The address is a number with + and the country's code.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	msg, err := s.message(m)
	if err != nil {
		return channels.Ack{}, err
	}
	answer, err := s.graph.Post(ctx, "/"+s.number+"/messages", msg)
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(answer)
}

// Probe implements [channels.Prober]: it looks at the number that messages are sent from.
func (s *sender) Probe(ctx context.Context) error {
	answer, err := s.graph.Get(ctx, "/"+s.number, "id")
	if err != nil {
		return err
	}
	var number struct {
		ID string `json:"id"`
	}
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &number) != nil || number.ID == "" {
		return meta.Failure(answer, classOf)
	}
	return nil
}

// override is the body with which a number gets a webhook of its own ("Webhook overrides").
type override struct {
	Webhook struct {
		URL   string `json:"override_callback_uri"`
		Token string `json:"verify_token"`
	} `json:"webhook_configuration"`
}

// RegisterWebhook implements [channels.WebhookRegistrar]: the number gets a webhook of its own, beside
// that of the app. Before Meta answers it calls u with a challenge. The app has to be subscribed to
// the business account's field "messages".
func (s *sender) RegisterWebhook(ctx context.Context, u string) error {
	var body override
	body.Webhook.URL, body.Webhook.Token = u, s.webhook.Token().Reveal()
	answer, err := s.graph.Post(ctx, "/"+s.number, body)
	if err != nil {
		return err
	}
	var done struct {
		Success bool `json:"success"`
	}
	if json.Unmarshal(answer.Body, &done) != nil || !done.Success {
		return meta.Failure(answer, classOf)
	}
	return nil
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
