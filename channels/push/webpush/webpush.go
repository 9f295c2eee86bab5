// Package webpush notifies browsers through whichever push service each of them uses (Mozilla's,
// Google's, Apple's, Microsoft's or one's own), by Web Push: the protocol of RFC 8030, the encryption of
// RFC 8291, and the identification of RFC 8292 (VAPID).
//
// A recipient's address is the subscription that their browser gave the bank's page, which holds the
// service's URL and the browser's keys; the service sees neither text nor title. What the page's service
// worker gets, in its "push" event, is this JSON, whose fields but url are those of
// https://notifications.spec.whatwg.org/:
//
//	{"title": "Card payments", "body": "…", "tag": "<one for the incident>", "lang": "en", "url": "https://…"}
//
// A push service acknowledges that it took a message (201), never that it was shown. 404 and 410 say that
// the subscription is over. A service keeps the newest message of a Topic only, so a browser that was off
// gets the last word of each incident.
//
// Written with the standard library: all of the encryption is a page of code over crypto/ecdh,
// crypto/hkdf and AES-GCM, while the one Go library for it (webpush-go) signs a token for every message
// and brings an HTTP client and a JWT library of its own.
package webpush

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/push"
)

// longestTTL is what the large push services keep a message for at most
// (https://firebase.google.com/docs/cloud-messaging/concept-options#ttl: four weeks).
const longestTTL = 28 * 24 * time.Hour

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "webpush",
		Title:    "Web Push",
		Kind:     channels.Push,
		Channel:  "webpush",
		Proofs:   []channels.Proof{channels.Accepted},
		Silence:  channels.SilenceIsPresumed,
		// RFC 8030 leaves the rate to each service; none publishes one.
		Limits:       channels.Limits{PerSecond: 200, Concurrency: 32, Timeout: 15 * time.Second},
		CheckAddress: CheckAddress,
		Docs:         "https://www.rfc-editor.org/rfc/rfc8030",
		Example: "vapid_private_key: yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw\n" +
			"contact: mailto:outages@bank.example\nlink: https://status.bank.example/\n",
		New: newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	// VAPIDPrivateKey is the application server's key for VAPID: the private scalar of P-256, 32 bytes in
	// base64url, as `npx web-push generate-vapid-keys` prints it. Pages subscribe with its public half; a
	// subscription made with another key can't be reached with this one.
	VAPIDPrivateKey channels.Secret `yaml:"vapid_private_key"`
	// Contact is whom a push service's operators can reach: a mailto: or https: URL.
	Contact string `yaml:"contact"`
	// Link is what a notification opens where the news has no link of its own; optional.
	Link string `yaml:"link"`

	channels.OutsideConfig `yaml:",inline"`
}

func (c Config) check() error {
	u, err := url.Parse(c.Contact)
	if err != nil || (u.Scheme == "mailto" && u.Opaque == "") || (u.Scheme == "https" && u.Host == "") ||
		(u.Scheme != "mailto" && u.Scheme != "https") {
		return errors.New(`contact: want a mailto: or https: URL, as in "mailto:outages@bank.example"`)
	}
	if c.Link == "" {
		return nil
	}
	if _, err := channels.CheckURL(c.Link); err != nil {
		return errors.New("link: want an https URL")
	}
	return nil
}

type sender struct {
	out   *channels.Outside
	vapid *vapid
	link  string
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	var c Config
	if err := decode(&c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	v, err := newVAPID(c.VAPIDPrivateKey, c.Contact)
	if err != nil {
		return nil, err
	}
	out, err := channels.NewOutside(c.OutsideConfig, env)
	if err != nil {
		return nil, err
	}
	return &sender{out: out, vapid: v, link: c.Link}, nil
}

// payload is what the page's service worker gets.
type payload struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body"`
	// Tag has a notification take the place of an earlier one of the same incident.
	Tag  string `json:"tag,omitempty"`
	Lang string `json:"lang,omitempty"`
	URL  string `json:"url,omitempty"`
}

func (s *sender) payload(m channels.Message) ([]byte, error) {
	p := payload{Title: m.Subject, Body: m.Text, Tag: m.Topic, Lang: m.Locale, URL: s.link}
	if m.News != nil && m.News.Link != "" {
		p.URL = m.News.Link
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		return nil, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	plain := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(plain) > maxPlaintext {
		return nil, push.TooLong(len(plain), maxPlaintext)
	}
	return plain, nil
}

// Send implements [channels.Sender]. The address is a subscription, see [CheckAddress].
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	sub, err := parseSubscription(m.Address)
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.InvalidAddress, Code: "subscription", Err: err}
	}
	plain, err := s.payload(m)
	if err != nil {
		return channels.Ack{}, err
	}
	body, err := encrypt(plain, sub)
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "encryption", Err: err}
	}
	authorization, err := s.vapid.authorization(sub.origin())
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "vapid", Err: err}
	}
	answer, err := s.out.Post(ctx, sub.endpoint, header(m, authorization), body)
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(answer)
}

// header makes the request's header (RFC 8030, section 5). An outage is worth waking a device for, so
// the urgency is high.
func header(m channels.Message, authorization string) http.Header {
	h := http.Header{
		"Authorization":    {authorization},
		"Content-Type":     {"application/octet-stream"},
		"Content-Encoding": {"aes128gcm"},
		"Ttl":              {strconv.Itoa(push.TTL(m.UsefulFor, longestTTL))},
		"Urgency":          {"high"},
	}
	if isTopic(m.Topic) {
		h.Set("Topic", m.Topic)
	}
	return h
}

// isTopic reports whether a text can be a Topic: up to 32 characters of the base64url alphabet (RFC 8030,
// section 5.4).
func isTopic(s string) bool {
	return s != "" && len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		letter := (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z')
		return !letter && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// Close implements [channels.Sender].
func (s *sender) Close() error { return s.out.Close() }
