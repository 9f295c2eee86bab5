package promise

import (
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Source is the CloudEvents source of what Tocsin says by itself.
const Source = "tocsin"

// defaultEvery is when a holding update promises the next word where nothing says how often words come.
const defaultEvery = 30 * time.Minute

// say makes the update that Tocsin publishes in place of a promise: what the last one said, with its own
// mark. The id is that of the promise, so that it is said once whoever says it.
func (c *Case) say(s *State, now time.Time) incident.Update {
	last := c.last()
	u := incident.Update{
		Source: Source, EventID: fmt.Sprintf("%s/%s/%s", c.Incident.ID, s.Name, s.Due.Format(time.RFC3339Nano)), Time: now, Data: last.Data,
	}
	u.Follows, u.Corrects, u.MergedInto, u.MissedEstimate = last.EventID, "", "", nil
	if s.Name == Notice {
		u.Automatic = incident.Reminder
		if u.NextUpdateAt != nil && !u.NextUpdateAt.After(now) {
			u.NextUpdateAt = nil
		}
	} else {
		u.Automatic = incident.Holding
		next := c.promised(s, now)
		u.NextUpdateAt = &next
	}
	if e := u.Estimate; e != nil && !e.At.After(now) {
		u.Estimate, u.MissedEstimate = nil, &e.At
	}
	return u
}

// promised is when a holding update promises the next word: as long after the one that is due now as words
// come apart, or so many times as long that there is time for it.
func (c *Case) promised(s *State, now time.Time) time.Time {
	every := c.cadence().Every.Duration()
	if every <= 0 {
		every = defaultEvery
	}
	next := s.Due.Add(every)
	if wait := now.Add(every / 2).Sub(next); wait > 0 {
		next = next.Add((wait + every - 1) / every * every)
	}
	return next
}
