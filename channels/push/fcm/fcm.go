// Package fcm notifies mobile apps (and web apps that registered with it) through Firebase Cloud
// Messaging, by its HTTP v1 API. A recipient's address is the registration token that the app got.
//
// FCM acknowledges that it took a message; it has no receipt for what became of it. That a token is over
// is said at once, as UNREGISTERED. A message that waits for a device takes the place of an earlier one
// about the same incident, by collapse key, and so does the notification on the device, by tag; FCM keeps
// four collapse keys for a device at a time.
//
// Wire format follows https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages, access
// tokens https://developers.google.com/identity/protocols/oauth2/service-account#httprest. The one signed
// token that they need is made with the standard library; golang.org/x/oauth2 would bring the same and a
// transport that sends again by itself.
package fcm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/push"
)

const (
	// maxPayload is what notification and data may take together
	// (https://firebase.google.com/docs/cloud-messaging/concept-options#notifications_and_data_messages).
	maxPayload = 4096
	// longestTTL is from https://firebase.google.com/docs/cloud-messaging/concept-options#ttl.
	longestTTL = 28 * 24 * time.Hour
	// maxToken bounds a registration token. They are opaque, and of 140 to 190 characters so far.
	maxToken = 1024
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "fcm",
		Title:    "Firebase Cloud Messaging",
		Kind:     channels.Push,
		Channel:  "fcm",
		Proofs:   []channels.Proof{channels.Accepted},
		Silence:  channels.SilenceIsPresumed,
		// 600,000 messages a minute and project, of which FCM advises to spread bursts:
		// https://firebase.google.com/docs/cloud-messaging/throttling-and-quotas
		Limits:       channels.Limits{PerSecond: 1000, Concurrency: 64, Timeout: 15 * time.Second},
		CheckAddress: CheckAddress,
		Docs:         "https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send",
		Example: "service_account: |\n" +
			"  {\"type\": \"service_account\", \"project_id\": \"example-bank\", \"client_email\": \"tocsin@example-bank.iam.gserviceaccount.com\",\n" +
			"   \"token_uri\": \"https://oauth2.googleapis.com/token\", \"private_key\": \"" + exampleKey + "\"}\n" +
			"link: https://status.bank.example/\n",
		New: newSender,
	}
}

// CheckAddress checks that s can be a registration token.
func CheckAddress(s string) (string, error) {
	bad := func(r rune) bool {
		letter := (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z')
		return !letter && (r < '0' || r > '9') && !strings.ContainsRune("-_:", r)
	}
	if len(s) < 32 || len(s) > maxToken || strings.ContainsFunc(s, bad) {
		return "", errors.New("is no registration token")
	}
	return s, nil
}

// Config is the adapter's configuration.
type Config struct {
	// ServiceAccount is the service account's key file, the JSON itself, as the Firebase console hands it
	// out. The account needs the permission cloudmessaging.messages.create.
	ServiceAccount channels.Secret `yaml:"service_account"`
	// Link is what a notification opens in a browser where the news has no link of its own; optional.
	Link string `yaml:"link"`
	// BaseURL is where the API is, and TokenURL where access tokens are had if not where the service
	// account says; for the sandbox.
	BaseURL  string `yaml:"base_url"`
	TokenURL string `yaml:"token_url"`
}

type sender struct {
	api    *channels.API
	path   string
	tokens *tokens
	link   string
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{BaseURL: "https://fcm.googleapis.com"}
	if err := decode(&c); err != nil {
		return nil, err
	}
	account, err := readAccount(c.ServiceAccount)
	if err != nil {
		return nil, err
	}
	if c.TokenURL != "" {
		account.TokenURI = c.TokenURL
	}
	if c.Link != "" {
		if _, err := channels.CheckURL(c.Link); err != nil {
			return nil, errors.New("link: want an https URL")
		}
	}
	tokens, err := newTokens(account, env)
	if err != nil {
		return nil, err
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	return &sender{api: api, path: "/v1/projects/" + account.ProjectID + "/messages:send", tokens: tokens, link: c.Link}, nil
}

// Send implements [channels.Sender]. The address is a registration token.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	message := s.message(m, time.Now())
	if n := message.size(); n > maxPayload {
		return channels.Ack{}, push.TooLong(n, maxPayload)
	}
	name, err := s.call(ctx, request{Message: message})
	if err != nil {
		return channels.Ack{}, err
	}
	return channels.Ack{ID: name, Proof: channels.Accepted}, nil
}

// Probe implements [channels.Prober]: a message to a topic, which is checked and not sent.
func (s *sender) Probe(ctx context.Context) error {
	_, err := s.call(ctx, request{
		ValidateOnly: true, Message: message{Topic: "tocsin-probe", Notification: notification{Body: "probe"}},
	})
	return err
}

// call makes one request and returns the message's name.
func (s *sender) call(ctx context.Context, r request) (name string, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return "", &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	token, err := s.tokens.get(ctx)
	if err != nil {
		return "", err
	}
	header := http.Header{"Authorization": {"Bearer " + token.Reveal()}, "Content-Type": {"application/json"}}
	answer, err := s.api.Call(ctx, http.MethodPost, s.path, header, body)
	if err != nil {
		return "", err
	}
	if answer.Status == http.StatusUnauthorized {
		s.tokens.drop(token)
	}
	return readName(answer)
}

// request is the body of messages:send.
type request struct {
	ValidateOnly bool    `json:"validate_only,omitempty"`
	Message      message `json:"message"`
}

// message is what is used of
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message.
type message struct {
	Token        string            `json:"token,omitempty"`
	Topic        string            `json:"topic,omitempty"`
	Notification notification      `json:"notification"`
	Data         map[string]string `json:"data,omitempty"`
	Android      *android          `json:"android,omitempty"`
	APNS         *apns             `json:"apns,omitempty"`
	WebPush      *webPush          `json:"webpush,omitempty"`
}

type notification struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
	Tag   string `json:"tag,omitempty"`
}

type android struct {
	CollapseKey  string       `json:"collapse_key,omitempty"`
	Priority     string       `json:"priority"`
	TTL          string       `json:"ttl"`
	Notification notification `json:"notification"`
}

type apns struct {
	Headers map[string]string `json:"headers"`
}

type webPush struct {
	Headers      map[string]string `json:"headers"`
	Notification notification      `json:"notification"`
	Options      *webOptions       `json:"fcm_options,omitempty"`
}

type webOptions struct {
	Link string `json:"link"`
}

// message lays a message out for whichever device the token is of: each platform has its own words for
// how long it is kept, how urgent it is, and what it takes the place of.
func (s *sender) message(m channels.Message, now time.Time) message {
	ttl := push.TTL(m.UsefulFor, longestTTL)
	link := s.link
	if m.News != nil && m.News.Link != "" {
		link = m.News.Link
	}
	out := message{
		Token:        m.Address,
		Notification: notification{Title: m.Subject, Body: m.Text},
		Android: &android{
			CollapseKey: m.Topic, Priority: "HIGH", TTL: strconv.Itoa(ttl) + "s", Notification: notification{Tag: m.Topic},
		},
		APNS: &apns{Headers: map[string]string{
			"apns-expiration": strconv.FormatInt(now.Unix()+int64(ttl), 10), "apns-priority": "10",
		}},
		WebPush: &webPush{
			Headers: map[string]string{"TTL": strconv.Itoa(ttl), "Urgency": "high"}, Notification: notification{Tag: m.Topic},
		},
	}
	if m.Topic != "" {
		out.APNS.Headers["apns-collapse-id"] = m.Topic
		out.WebPush.Headers["Topic"] = m.Topic
		out.Data = map[string]string{"topic": m.Topic}
	}
	if link != "" {
		out.WebPush.Options = &webOptions{Link: link}
	}
	return out
}

// size is what notification and data take, keys and values.
func (m message) size() int {
	n := len("title") + len(m.Notification.Title) + len("body") + len(m.Notification.Body)
	for k, v := range m.Data {
		n += len(k) + len(v)
	}
	return n
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
