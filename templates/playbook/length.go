package playbook

import (
	"maps"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
)

// lengths finds texts that are too long with a typical update although they leave out what they may, and
// that are not the base's.
func (c *checking) lengths() {
	r, err := c.playbook.renderer()
	if err != nil {
		return
	}
	var of *templates.Renderer
	if c.playbook.base != nil {
		if of, err = c.playbook.base.renderer(); err != nil || r == of {
			return
		}
	}
	for _, locale := range r.Locales() {
		for _, u := range c.typical() {
			for _, kind := range templates.Kinds() {
				c.length(r, of, &u, kind, locale)
			}
		}
	}
}

// length checks one text; base is nil for the texts that all others build on.
func (c *checking) length(r, base *templates.Renderer, u *incident.Update, kind channels.Kind, locale string) {
	content, err := r.Render(*u, kind, locale)
	if err != nil { // a name that the catalogue doesn't have in the language
		return
	}
	text := content.Text.Sample()
	if base != nil {
		if before, err := base.Render(*u, kind, locale); err == nil && before.Text.Sample() == text {
			return
		}
	}
	if err := templates.Fits(&content, kind, u.Status, locale); err != nil {
		c.faults = append(c.faults, faultAt(c.playbook.Where(), "%s: %s text of a typical update for %q has %s: let it leave more out (may), or shorten the names that it says: %q",
			locale, kind, u.Status, templates.Measure(kind, text), text))
	}
}

// typical are updates of every status, as teams write them.
func (c *checking) typical() []incident.Update {
	now := time.Date(2026, time.May, 4, 18, 0, 0, 0, time.UTC)
	next, end := now.Add(time.Hour), now.Add(2*time.Hour)
	var all []incident.Update
	for _, kind := range kinds() {
		for _, status := range templates.Statuses() {
			if !incident.HasStatus(kind, status) {
				continue
			}
			u := incident.Update{Time: now, Data: incident.Data{
				Kind: kind, Status: status, Impact: incident.Major, StartedAt: now.Add(-time.Hour),
				Affects: incident.Audience{Services: c.typically(c.playbook.For.Services, c.options.Catalogue.Services)},
				Summary: typicalSummary(), Short: typicalSummary(), Advice: typicalAdvice(), NextUpdateAt: &next,
			}}
			switch {
			case kind == incident.Maintenance:
				u.StartedAt, u.EndsAt = next, &end
			case status.Over():
				u.ResolvedAt = &now
			}
			if status == incident.Postmortem {
				u.Cause = typicalSummary()
			}
			all = append(all, u)
		}
	}
	return all
}

// typically is the service that an update for the playbook would affect.
func (c *checking) typically(wanted []string, catalogue map[string]incident.Text) []string {
	for _, id := range slices.Concat(wanted, slices.Sorted(maps.Keys(catalogue))) {
		if _, ok := catalogue[id]; ok {
			return []string{id}
		}
	}
	return nil
}

func typicalSummary() incident.Text {
	return incident.Text{
		"en": "Card payments fail in some shops.",
		"ro": "Plățile cu cardul nu trec în unele magazine.",
		"ru": "В части магазинов не проходит оплата картой.",
	}
}

func typicalAdvice() incident.Text {
	return incident.Text{"en": "Please have cash with you.", "ro": "Luați numerar cu dumneavoastră.", "ru": "Возьмите с собой наличные."}
}
