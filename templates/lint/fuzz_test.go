package lint

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
)

// FuzzCheck holds that whatever is said, the answer is findings, each with its rule, place and reason.
func FuzzCheck(f *testing.F) {
	f.Add("Card payments do not work.", "Plățile nu funcționează.", "https://bank.example", "investigating", int64(0), true)
	f.Add("Soon 18:00 +373 22 123 456 4111 1111 1111 1111", "{{name}} http://[::1]:80/ a@b.c", "http://user:x@1.2.3.4:5/", "resolved", int64(1), false)
	f.Add("👨‍👩‍👧 XXX ??? __ MD24AG000225100013104168", "\xff\xfe\u0000", "://", "postmortem", int64(-1), true)
	rules := map[string]bool{}
	for _, r := range Rules() {
		rules[r.Name] = true
	}
	f.Fuzz(func(t *testing.T, one, other, link, status string, shift int64, critical bool) {
		at := time.Unix(1777900000+shift%1e6, 0)
		u := incident.Update{Time: time.Unix(1777900000, 0), Data: incident.Data{
			Kind: incident.Outage, Status: incident.Status(status), Impact: incident.Major, StartedAt: at,
			Affects: incident.Audience{Services: []string{"cards"}, Regions: []string{other}},
			Summary: incident.Text{"en": one, "ro": other, "ru": one, "": other, "xx-YY": one},
			Advice:  incident.Text{"ro": one}, Short: incident.Text{"ru": other}, Cause: incident.Text{"en": other},
			Link: link, NextUpdateAt: &at, ResolvedAt: &at,
		}}
		if critical {
			u.Impact, u.Kind, u.EndsAt = incident.Critical, incident.Maintenance, &at
			u.Estimate = &incident.Estimate{At: at, Confidence: other}
		}
		in := Input{
			Update: u, Previous: &u, Services: map[string]incident.Text{"cards": {"en": other}},
			Settings: Settings{Domains: []string{link, other}, Phones: []string{one}, Jargon: map[string][]string{"en": {other}}, Allowed: map[string][]string{"ro": {one}}},
		}
		for _, kind := range templates.Kinds() {
			for _, locale := range []string{"en", "ro", "ru", ""} {
				in.Texts = append(in.Texts, Text{kind, locale, content(one + "\n" + other)})
			}
		}
		in.Texts = append(in.Texts, Text{Kind: channels.SMS})
		for _, finding := range Check(in) {
			if !rules[finding.Rule] || finding.Place == "" || finding.Reason == "" || finding.Severity == "" {
				t.Errorf("%+v", finding)
			}
		}
	})
}
