// Package viber sends messages as a Viber bot, through the REST Bot API, and reads the receipts that
// Viber posts to the bot's one webhook.
//
// A receipt names the message by the token that the answer to send_message gave, and its receiver, and nothing
// of ours, so receipts are found by the provider's id: the token, an integer of up to 64 bits, as exact
// decimal text, with what tells the receivers of a broadcast apart.
//
// Wire format follows https://developers.viber.com/docs/api/rest-bot-api/ (send message, webhooks,
// callbacks, error codes). Viber calls webhooks over https only.
package viber

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

const (
	// maxText is how long a text may be. Viber says "characters"; UTF-16 units are the strict reading.
	maxText = 7000
	// maxName is how long a sender's name may be, likewise.
	maxName = 28
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "viber",
		Title:        "Viber REST Bot API",
		Kind:         channels.Messenger,
		Channel:      "viber",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered, channels.Read},
		Silence:      channels.SilenceIsFailure,
		ReceiptsByID: true,
		// Viber publishes a rate for broadcast_message only, 500 requests in 10 seconds; single
		// messages keep to the same.
		Limits:  channels.Limits{PerSecond: 50, Concurrency: 16, Timeout: 15 * time.Second},
		Docs:    "https://developers.viber.com/docs/api/rest-bot-api/",
		Example: "token: 445da6az1s345z78-dazcczb2542zv51a-e0vc5fva17480im9\nsender_name: Example Bank\n",
		New:     newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	// Token is the bot's authentication token. Viber signs its callbacks with it, too.
	Token channels.Secret `yaml:"token"`
	// SenderName is shown above each message, at most 28 characters.
	SenderName string `yaml:"sender_name"`
	// Avatar is the URL of a picture shown beside it; optional.
	Avatar string `yaml:"avatar"`
	// BaseURL is where the API is, for the sandbox.
	BaseURL string `yaml:"base_url"`
}

func (c Config) check() error {
	if c.Token == "" {
		return errors.New("token: missing")
	}
	if n := messenger.Length(c.SenderName); n == 0 || n > maxName {
		return fmt.Errorf("sender_name: %d characters, want 1 to %d", n, maxName)
	}
	return nil
}

type sender struct {
	api   *channels.API
	token channels.Secret
	from  from
}

// from is who a message is from.
type from struct {
	Name   string `json:"name"`
	Avatar string `json:"avatar,omitempty"`
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{BaseURL: "https://chatapi.viber.com"}
	if err := decode(&c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	return &sender{api: api, token: c.Token, from: from{Name: c.SenderName, Avatar: c.Avatar}}, nil
}

// message is the body of send_message. TrackingData comes back with what the user replies.
type message struct {
	Receiver      string `json:"receiver"`
	MinAPIVersion int    `json:"min_api_version"`
	Sender        from   `json:"sender"`
	TrackingData  string `json:"tracking_data"`
	Type          string `json:"type"`
	Text          string `json:"text"`
}

// Send implements [channels.Sender]. The address is the id by which Viber knows the subscriber.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	if err := messenger.CheckLength(m.Text, maxText); err != nil {
		return channels.Ack{}, err
	}
	a, err := s.call(ctx, "send_message", message{
		Receiver:      m.Address,
		MinAPIVersion: 1,
		Sender:        s.from,
		TrackingData:  m.Ref,
		Type:          "text",
		Text:          m.Text,
	})
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(a, m.Address)
}

// Probe implements [channels.Prober] with get_account_info.
func (s *sender) Probe(ctx context.Context) error {
	return s.do(ctx, "get_account_info", struct{}{})
}

// webhook is the body of set_webhook. Names and photos of users are not wanted.
type webhook struct {
	URL        string   `json:"url"`
	EventTypes []string `json:"event_types"`
	SendName   bool     `json:"send_name"`
	SendPhoto  bool     `json:"send_photo"`
}

// RegisterWebhook implements [channels.WebhookRegistrar] with set_webhook. Before it answers, Viber
// calls u with the event "webhook", and wants a 2xx. What users do (message, subscribed, unsubscribed)
// comes without being asked for.
func (s *sender) RegisterWebhook(ctx context.Context, u string) error {
	return s.do(ctx, "set_webhook", webhook{URL: u, EventTypes: []string{delivered, seen, failed}})
}

// RegisteredWebhook implements [channels.WebhookInspector] with get_account_info.
func (s *sender) RegisteredWebhook(ctx context.Context) (string, error) {
	a, err := s.call(ctx, "get_account_info", struct{}{})
	if err != nil {
		return "", err
	}
	r, err := read(a)
	return r.Webhook, err
}

// do calls a method of whose answer only the status matters.
func (s *sender) do(ctx context.Context, method string, body any) error {
	a, err := s.call(ctx, method, body)
	if err != nil {
		return err
	}
	_, err = read(a)
	return err
}

func (s *sender) call(ctx context.Context, method string, body any) (channels.Answer, error) {
	header := http.Header{"X-Viber-Auth-Token": {s.token.Reveal()}}
	return messenger.PostJSON(ctx, s.api, "/pa/"+method, header, body)
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
