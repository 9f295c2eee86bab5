package app

import (
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
}

// LintSettings are the configuration's for package lint. Links may lead to the organisation's own domains
// and its status page; where none are configured, to what is below the same name as the status page.
func (c *Config) LintSettings() lint.Settings {
	prices := c.Prices.table()
	return lint.Settings{
		Domains: c.linkDomains(), Jargon: c.Lint.Jargon, Allowed: c.Lint.Allowed, Phones: c.Lint.Phones,
		SMSSegments: c.Lint.SMSSegments, SMSPrice: c.Lint.SMSPrice, SegmentPrice: prices.Dearest(),
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
