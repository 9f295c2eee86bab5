// Package inapp shows notices within the organisation's own app and website, through an inbox server:
// the one that `tocsin inbox` runs, or the organisation's own that speaks the same protocol, which the
// documentation of package inbox describes.
//
// A message's address is the customer's id in the app. The inbox takes a notice without knowing whether the
// app will ever be opened, so its answer proves Accepted only. It reports Delivered when it has
// handed the notice to a running app, and Read when the app says that it was shown. No report means that the
// customer didn't look in time, and the cascade goes on.
//
// A notice can be recalled at any time: the inbox withdraws it, and the app takes it off the page where it is shown.
package inapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/tocsin-dev/tocsin/channels"
)

// Config is the adapter's configuration.
type Config struct {
	// BaseURL is the inbox server.
	BaseURL string `yaml:"base_url"`
	// Key is what the inbox server knows us by, and signs its reports with.
	Key channels.Secret `yaml:"key"`
}

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "inbox",
		Title:        "In-app notices (tocsin inbox)",
		Kind:         channels.Web,
		Channel:      "inapp",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered, channels.Read},
		Silence:      channels.SilenceIsFailure,
		Idempotent:   true,
		RecallWithin: channels.Always,
		Limits:       channels.Limits{PerSecond: 1000, Concurrency: 32, Timeout: 10 * time.Second},
		CheckAddress: checkAddress,
		Docs:         "https://pkg.go.dev/github.com/tocsin-dev/tocsin/channels/web/inapp/inbox",
		Example:      "base_url: https://inbox.meridian.example\nkey: 5f0c1d6e7a8b49c2a1d3e4f5061728394a5b6c7d8e9f0011\n",
		New:          newSender,
	}
}

// longestAddress is how long a customer's id may be, in bytes.
const longestAddress = 128

func checkAddress(address string) (string, error) {
	if address == "" || len(address) > longestAddress || strings.ContainsFunc(address, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsGraphic(r) || unicode.IsSpace(r)
	}) {
		return "", fmt.Errorf("is not a customer's id: 1 to %d bytes without spaces", longestAddress)
	}
	return address, nil
}

type sender struct {
	api *channels.API
	key channels.Secret
	now func() time.Time
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	var c Config
	if err := decode(&c); err != nil {
		return nil, err
	}
	if len(c.Key) < 32 || strings.ContainsFunc(c.Key.Reveal(), unicode.IsSpace) {
		return nil, errors.New("key: want the inbox server's key, of 32 or more characters")
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	return &sender{api, c.Key, time.Now}, nil
}

// notice is a message as the inbox takes it.
type notice struct {
	Ref      string         `json:"ref"`
	Customer string         `json:"customer"`
	Locale   string         `json:"locale"`
	Title    string         `json:"title"`
	Text     string         `json:"text"`
	Topic    string         `json:"topic,omitempty"`
	News     *channels.News `json:"news,omitempty"`
	Callback string         `json:"callback,omitempty"`
	// ValidFor is in seconds; 0 leaves it to the inbox.
	ValidFor int64 `json:"valid_for,omitempty"`
}

// Send implements [channels.Sender].
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	body, err := json.Marshal(notice{
		Ref: m.Ref, Customer: m.Address, Locale: m.Locale, Title: m.Subject, Text: m.Text, Topic: m.Topic, News: m.News,
		Callback: m.Callback, ValidFor: int64((m.UsefulFor + time.Second - 1) / time.Second),
	})
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "facts", Err: errors.New("the update's facts can't be written")}
	}
	header := s.authorized()
	header.Set("Content-Type", "application/json")
	answer, err := s.api.Call(ctx, http.MethodPost, "/v1/notices", header, body)
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(answer)
}

func (s *sender) authorized() http.Header {
	return http.Header{"Authorization": {"Bearer " + s.key.Reveal()}}
}

func readAck(a channels.Answer) (channels.Ack, error) {
	var said struct {
		ID    string `json:"id"`
		Error string `json:"error"`
	}
	unreadable := json.Unmarshal(a.Body, &said) != nil
	if (a.Status == http.StatusOK || a.Status == http.StatusCreated) && !unreadable && said.ID != "" {
		return channels.Ack{ID: said.ID, Proof: channels.Accepted}, nil
	}
	e := a.Refusal()
	if a.Status == http.StatusNotFound && said.Error == "unknown_customer" {
		e.Class, e.Code = channels.InvalidAddress, said.Error
	}
	return channels.Ack{}, e
}

// Probe implements [channels.Prober].
func (s *sender) Probe(ctx context.Context) error {
	answer, err := s.api.Call(ctx, http.MethodGet, "/v1/ready", s.authorized(), nil)
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK && answer.Status != http.StatusNoContent {
		return answer.Refusal()
	}
	return nil
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
