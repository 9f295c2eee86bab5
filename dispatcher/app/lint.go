package app

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/templates/lint"
)

// Lint is what an organisation's own updates are held to by `tocsin lint`.
type Lint struct {
	// Jargon are words that must not be used, beyond those that are known, by language; Allowed are words
	// that may be used though they are known as jargon. "ledger*" is every word that begins so.
	Jargon  map[string][]string `yaml:"jargon"`
	Allowed map[string][]string `yaml:"allowed"`
	// Phones are the organisation's numbers, which public texts may name.
	Phones []string `yaml:"phones"`
	// SMSSegments is how many segments an SMS may have; 0 is 2.
	SMSSegments int `yaml:"sms_segments"`
	// SMSPrice is what an SMS may cost, at the dearest of the prices; 0 is no bound.
	SMSPrice float64 `yaml:"sms_price"`
	// PostLength is how long a post may be as X counts (0 is 280), MessageLength a messenger's text in
	// characters (0 is 1000).
	PostLength    int `yaml:"post_length"`
	MessageLength int `yaml:"message_length"`
	// Emoji is how many a text may have; 0 is 1, negative none.
	Emoji int `yaml:"emoji"`
	// SentenceWords and Lix replace the bounds of readability, by language.
	SentenceWords map[string]int `yaml:"sentence_words"`
	Lix           map[string]int `yaml:"lix"`
}

// check finds what can't be a bound.
func (l *Lint) check() error {
	if l.SMSSegments < 0 || l.SMSPrice < 0 || l.PostLength < 0 || l.MessageLength < 0 {
		return errors.New("must not be negative; 0 is as usual")
	}
	return nil
}

// LintSettings are the configuration's for package lint. Links may lead to the organisation's own domains
// and its status page; where none are configured, to what is below the same name as the status page.
func (c *Config) LintSettings() lint.Settings {
	prices := c.Prices.table()
	return lint.Settings{
		Domains: c.linkDomains(), Jargon: c.Lint.Jargon, Allowed: c.Lint.Allowed, Phones: c.Lint.Phones,
		SMSSegments: c.Lint.SMSSegments, SMSPrice: c.Lint.SMSPrice, SegmentPrice: prices.Dearest(),
		PostLength: c.Lint.PostLength, MessageLength: c.Lint.MessageLength, Emoji: c.Lint.Emoji,
		SentenceWords: c.Lint.SentenceWords, Lix: c.Lint.Lix,
	}
}

func (c *Config) linkDomains() []string {
	domains := slices.Clone(c.OwnDomains)
	page, err := url.Parse(c.StatusPage)
	if err != nil || page.Hostname() == "" {
		return domains
	}
	host := page.Hostname()
	if _, parent, ok := strings.Cut(host, "."); ok && len(domains) == 0 && strings.Contains(parent, ".") {
		host = parent
	}
	return append(domains, host)
}
