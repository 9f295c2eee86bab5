package templates

import (
	"errors"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// try renders every text from samples that have everything, and finds those that fail or that are too
// long even where the update is short.
func (r *Renderer) try() error {
	var errs []error
	seen := map[string]bool{}
	for _, locale := range r.locales {
		trial := *r
		trial.catalogue = sampleCatalogue(locale, r.catalogue)
		for _, kind := range written() { // of which the other kinds say the same
			for _, u := range sampleUpdates(locale) {
				c, err := trial.Render(u, kind, locale)
				if err == nil {
					err = Fits(&c, kind, u.Status, locale)
				}
				if err != nil && !seen[err.Error()] {
					seen[err.Error()] = true
					errs = append(errs, err)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// sampleCatalogue is the catalogue with names for the sample, so that one which lacks a translation
// does not make texts look broken.
func sampleCatalogue(locale string, c Catalogue) Catalogue {
	name := incident.Text{locale: "sample"}
	c.Organisation = name
	c.Services = map[string]incident.Text{"sample": name}
	c.Regions = map[string]incident.Text{"sample": name}
	return c
}

// sampleUpdates are updates of every status that have everything, in every variant that texts may
// tell apart.
func sampleUpdates(locale string) []incident.Update {
	var updates []incident.Update
	for _, status := range Statuses() {
		for kind, confidences := range map[incident.Kind][]string{
			incident.Outage: {"low", "high"}, incident.Maintenance: {"medium"},
		} {
			for _, confidence := range confidences {
				updates = append(updates, sampleUpdate(kind, status, confidence, locale))
			}
		}
	}
	return updates
}

func sampleUpdate(kind incident.Kind, status incident.Status, confidence, locale string) incident.Update {
	now := time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
	later := now.Add(time.Hour)
	text := incident.Text{locale: "sample"}
	return incident.Update{Time: now, Data: incident.Data{
		Kind: kind, Status: status, Impact: incident.Major,
		Affects:   incident.Audience{Services: []string{"sample"}, Regions: []string{"sample"}},
		StartedAt: now.Add(-time.Hour), EndsAt: &later, ResolvedAt: &now,
		Estimate:       &incident.Estimate{At: later, Confidence: confidence},
		MissedEstimate: &now, NextUpdateAt: &later,
		Alternatives: map[string]incident.Text{"sample": text}, Unaffected: []string{"sample"},
		Summary: text, Advice: text, Cause: text, Compensation: text, Short: text, Link: "https://example.com",
	}}
}
