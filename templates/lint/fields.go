package lint

import (
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
)

// unrendered tells a text that could not be made. A name that is missing is one of the catalogue's, and so
// the same for all kinds.
func unrendered(err error) hit {
	if e, ok := errors.AsType[*templates.MissingError](err); ok {
		return hit{place: string(e.Kind) + "/" + e.Locale, locale: e.Locale, rendered: true,
			reason: e.Variable + " is missing in " + e.Locale + ": its readers get the text in the default language, or none"}
	}
	return hit{place: "texts", reason: err.Error()}
}

// announcedAhead says whether the maintenance has not begun.
func announcedAhead(u *incident.Update) bool { return u.Status == incident.Scheduled }

// underWay says whether customers are without something now.
func underWay(u *incident.Update) bool {
	switch u.Status {
	case incident.Investigating, incident.Identified, incident.Monitoring, incident.InProgress, incident.Verifying:
		return true
	case incident.Scheduled, incident.Resolved, incident.Completed, incident.Cancelled, incident.Postmortem, incident.Correction:
	}
	return false
}

func startedAt(m *message) []hit {
	u := m.u
	switch {
	case u.StartedAt.IsZero():
		return at("started_at", "is missing: say since when, or from when on")
	case u.Time.IsZero():
		return nil
	case announcedAhead(u) && u.StartedAt.Before(u.Time):
		return at("started_at", "has passed, but the work is announced as still to come")
	case u.Kind == incident.Outage && u.StartedAt.After(u.Time):
		return at("started_at", "lies ahead: an outage that is announced has begun")
	}
	return nil
}

func endsAt(m *message) []hit {
	u := m.u
	if u.Kind != incident.Maintenance || !announcedAhead(u) && !underWay(u) {
		return nil
	}
	switch {
	case u.EndsAt == nil && u.Estimate == nil:
		return at("ends_at", "is missing: say until when the work is planned")
	case u.EndsAt != nil && u.Estimate == nil && u.EndsAt.Before(u.Time):
		return at("ends_at", "has passed: the work takes longer than planned, so give an estimate, and missed_estimate")
	}
	return nil
}

func resolvedAt(m *message) []hit {
	u := m.u
	ended := u.Status == incident.Resolved || u.Status == incident.Completed ||
		u.Status == incident.Postmortem && u.Kind == incident.Outage
	switch {
	case ended && u.ResolvedAt == nil:
		return at("resolved_at", "is missing: say since when everything works")
	case u.ResolvedAt != nil && !u.Time.IsZero() && u.ResolvedAt.After(u.Time):
		return at("resolved_at", "lies ahead: what is over ended before now")
	}
	return nil
}

func estimate(m *message) []hit {
	u := m.u
	switch {
	case u.Estimate == nil:
		return nil
	case u.Estimate.Confidence != "low" && u.Estimate.Confidence != "medium" && u.Estimate.Confidence != "high":
		return at("estimate", fmt.Sprintf("has the confidence %q: it must be low, medium or high, and the texts say which", u.Estimate.Confidence))
	case !u.Time.IsZero() && !u.Estimate.At.After(u.Time):
		return at("estimate", "has passed: texts leave it out, so give one that lies ahead, or none")
	}
	return nil
}

// expected is when an update said that it would be over, zero if it did not.
func expected(u *incident.Update) time.Time {
	switch {
	case u.Estimate != nil:
		return u.Estimate.At
	case u.EndsAt != nil && underWay(u):
		return *u.EndsAt
	}
	return time.Time{}
}

func missedEstimate(m *message) []hit {
	u := m.u
	if u.MissedEstimate != nil {
		return m.sorry("does not apologise for the estimate that was missed")
	}
	if m.in.Previous == nil || !underWay(u) {
		return nil
	}
	before := expected(m.in.Previous)
	later := u.Estimate != nil && u.Estimate.At.After(before)
	if before.IsZero() || before.After(u.Time) && !later {
		return nil
	}
	return at("missed_estimate", fmt.Sprintf("is missing: the update before said %s, which did not hold, and nobody apologises",
		before.In(m.zone).Format("2 Jan 15:04")))
}

// sorry tells the texts that don't apologise.
func (m *message) sorry(reason string) []hit {
	var hits []hit
	for _, r := range m.texts {
		if r.known() && !r.says(func(l *language) phrases { return l.Apologises }) {
			hits = append(hits, r.hit(reason))
		}
	}
	return hits
}

func nextUpdate(m *message) []hit {
	u := m.u
	if !underWay(u) {
		return nil
	}
	if u.NextUpdateAt == nil {
		if u.Kind == incident.Maintenance && u.EndsAt != nil && u.EndsAt.After(u.Time) {
			return nil // the planned end is when the next word comes
		}
		return at("next_update_at", "is missing: say when the next update comes, even if there should be nothing new")
	}
	if !u.Time.IsZero() && !u.NextUpdateAt.After(u.Time) {
		return at("next_update_at", "has passed: texts leave it out, so promise the next update for a time that lies ahead")
	}
	var hits []hit
	for _, r := range m.texts {
		if !r.mentions(*u.NextUpdateAt, m.zone) {
			hits = append(hits, r.hit("does not say when the next update comes ("+u.NextUpdateAt.In(m.zone).Format("15:04")+")"))
		}
	}
	return hits
}

func wayAround(m *message) []hit {
	if !underWay(m.u) && !announcedAhead(m.u) || len(m.u.Advice)+len(m.u.Alternatives) > 0 || m.u.Status == incident.Monitoring {
		return nil
	}
	return at("advice", "is missing: say what customers can do meanwhile, or that there is no way around it")
}
