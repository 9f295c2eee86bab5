// Package standard posts updates to partners' servers as webhooks, signed as Standard Webhooks says
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, version
// 1.0.0), so that a partner verifies them with a library that there is for every language.
//
// A recipient's address is either the name of a partner in the configuration, or an https URL. A partner
// in the configuration has secrets of its own; what goes to a URL is signed with the signing keys, which
// are asymmetric (Ed25519): all who are reached by URL verify with the same public key, and none of them
// can sign what another would take for ours.
//
// The body is JSON, in the structure that the standard recommends:
//
//	{"type": "incident.update", "timestamp": "<when it was said>", "data": {
//	  "ref": "<as webhook-id>", "topic": "<one for the incident>", "locale": "en",
//	  "subject": "…", "text": "…", "news": {"kind": "outage", "status": "identified", …}}}
//
// A 2xx proves Delivered: it is the recipient's own server that says so. The webhook-id is the attempt's
// reference and stays the same when an attempt is sent again whose answer was lost, so a partner that
// keeps to the standard takes it once.
package standard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:   "webhook",
		Title:      "Signed webhook (Standard Webhooks)",
		Kind:       channels.Web,
		Channel:    "webhook",
		Proofs:     []channels.Proof{channels.Delivered},
		Silence:    channels.SilenceIsFailure,
		Idempotent: true,
		// The standard recommends a timeout of 15 to 30 seconds; the rate is ours, to spare small servers.
		Limits:       channels.Limits{PerSecond: 50, Concurrency: 16, Timeout: 20 * time.Second},
		CheckAddress: CheckAddress,
		Docs:         "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
		Example: "partners:\n  acquirer:\n    url: https://hooks.acquirer.example/bank\n" +
			"    secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]\n" +
			"signing_keys: [whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=]\n",
		New: newSender,
	}
}

// Config is the adapter's configuration. It has partners, signing keys, or both.
type Config struct {
	// Partners are servers by the name that is their address in the directory.
	Partners map[string]Partner `yaml:"partners"`
	// SigningKeys sign what goes to addresses that are URLs: whsk_ and an Ed25519 private key in base64.
	// Two of them, the new one and the old, are for changing keys.
	SigningKeys []channels.Secret `yaml:"signing_keys"`

	channels.OutsideConfig `yaml:",inline"`
}

// Partner is one server that takes webhooks.
type Partner struct {
	// URL is https.
	URL string `yaml:"url"`
	// Secrets are shared with this partner alone: whsec_ and 24 to 64 bytes in base64, or whsk_ and an
	// Ed25519 private key. Each of them signs, so that the partner may change to a new one any time.
	Secrets []channels.Secret `yaml:"secrets"`
}

// partnerName is how partners are called.
var partnerName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)

// CheckAddress checks that s is an https URL, or can be the name of a partner.
func CheckAddress(s string) (string, error) {
	if partnerName.MatchString(s) {
		return s, nil
	}
	if !strings.Contains(s, ":") {
		return "", errors.New("is neither a partner's name nor an https URL")
	}
	u, err := channels.CheckURL(s)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// target is where a webhook goes and what signs it.
type target struct {
	url  *url.URL
	keys []key
}

func (c Config) targets() (map[string]target, error) {
	targets := map[string]target{}
	for name, p := range c.Partners {
		u, err := channels.CheckURL(p.URL)
		switch {
		case !partnerName.MatchString(name):
			return nil, fmt.Errorf("partners: %q: want a name of a-z, 0-9, '-', '_' and '.'", name)
		case err != nil:
			return nil, fmt.Errorf("partners.%s: url %w", name, err)
		case len(p.Secrets) == 0:
			return nil, fmt.Errorf("partners.%s: secrets: want at least one", name)
		}
		keys, err := parseKeys(p.Secrets)
		if err != nil {
			return nil, fmt.Errorf("partners.%s: secrets: %w", name, err)
		}
		targets[name] = target{u, keys}
	}
	return targets, nil
}

type sender struct {
	out      *channels.Outside
	partners map[string]target
	keys     []key // for URLs
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	var c Config
	if err := decode(&c); err != nil {
		return nil, err
	}
	if len(c.Partners) == 0 && len(c.SigningKeys) == 0 {
		return nil, errors.New("partners, signing_keys: want one of them at least")
	}
	partners, err := c.targets()
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(c.SigningKeys)
	if err != nil {
		return nil, fmt.Errorf("signing_keys: %w", err)
	}
	for _, k := range keys {
		if _, asymmetric := k.(privateKey); !asymmetric {
			return nil, errors.New("signing_keys: want asymmetric keys (whsk_), since many would share a secret")
		}
	}
	out, err := channels.NewOutside(c.OutsideConfig, env)
	if err != nil {
		return nil, err
	}
	return &sender{out: out, partners: partners, keys: keys}, nil
}

// target finds where an address is.
func (s *sender) target(address string) (target, error) {
	if t, ok := s.partners[address]; ok {
		return t, nil
	}
	if partnerName.MatchString(address) {
		return target{}, &channels.Error{Class: channels.InvalidAddress, Code: "no_such_partner", Err: errors.New("not among the partners configured")}
	}
	u, err := channels.CheckURL(address)
	if err != nil {
		return target{}, &channels.Error{Class: channels.InvalidAddress, Code: "url", Err: errors.New("the address " + err.Error())}
	}
	if len(s.keys) == 0 {
		return target{}, &channels.Error{Class: channels.Rejected, Code: "no_signing_keys", Err: errors.New("no signing_keys are configured for addresses that are URLs")}
	}
	return target{u, s.keys}, nil
}

// event is the body.
type event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	Ref     string         `json:"ref"`
	Topic   string         `json:"topic,omitempty"`
	Locale  string         `json:"locale,omitempty"`
	Subject string         `json:"subject,omitempty"`
	Text    string         `json:"text"`
	News    *channels.News `json:"news,omitempty"`
}

// newEvent says what m says. Its time is when that was said, which stays the same however often and late
// it is sent; ours, where the news doesn't tell.
func newEvent(m channels.Message, now time.Time) event {
	e := event{"incident.update", now.UTC().Truncate(time.Second), data{m.Ref, m.Topic, m.Locale, m.Subject, m.Text, m.News}}
	if m.News != nil && !m.News.At.IsZero() {
		e.Timestamp = m.News.At.UTC()
	}
	return e
}

// Send implements [channels.Sender]. The address is a partner's name, or an https URL.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	t, err := s.target(m.Address)
	if err != nil {
		return channels.Ack{}, err
	}
	now := time.Now()
	body, err := json.Marshal(newEvent(m, now))
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	at := strconv.FormatInt(now.Unix(), 10)
	answer, err := s.out.Post(ctx, t.url, http.Header{
		"Content-Type":      {"application/json"},
		"Webhook-Id":        {m.Ref},
		"Webhook-Timestamp": {at},
		"Webhook-Signature": {sign(t.keys, m.Ref, at, body)},
	}, body)
	if err != nil {
		return channels.Ack{}, err
	}
	if answer.Status < 200 || answer.Status > 299 {
		return channels.Ack{}, refusal(answer)
	}
	return channels.Ack{Proof: channels.Delivered}, nil
}

// refusal classifies an answer that is no 2xx, as the standard's "Delivery success and failure" has it:
//
//	410        the partner wants no more of it: the address is no longer used
//	429        too many, with Retry-After
//	503        nothing was taken, with Retry-After
//	3xx        the partner has moved; its URL is to be changed
//	401, 403   the partner doesn't take our signature
//	other 4xx  refused
//	other 5xx  it may have been taken, 502 and 504 too, which a proxy says
//
// The standard would have one slow down at 502 and 504; to say that here would be to say that nothing
// arrived. What is wrong with one partner's set-up is Rejected and not Auth, which would stop the channel
// for all.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	switch s := a.Status; {
	case s == http.StatusGone:
		e.Class = channels.InvalidAddress
	case s >= 300 && s < 400, s == http.StatusUnauthorized, s == http.StatusForbidden:
		e.Class = channels.Rejected
	}
	return e
}

// Close implements [channels.Sender].
func (s *sender) Close() error { return s.out.Close() }
