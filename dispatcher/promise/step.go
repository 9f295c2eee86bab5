package promise

import (
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Turn is what follows from a case at a moment.
type Turn struct {
	// States are the incident's clocks as they are now, in order of when they are due.
	States []State
	// News is what happened to them.
	News []News
	// Say are updates that Tocsin is to publish by itself, at most one a clock.
	Say []incident.Update
}

// What time allows what Tocsin says by itself.
const (
	// patience is how long such an update may take until it is let go before somebody must look.
	patience = time.Minute
	// ahead is how long before the next word is due it is replaced at most, so that customers have it by then:
	// half of the time for which operators have been reminded, or less.
	ahead = 5 * time.Minute
)

// Step moves an incident's clocks on to now. known are their states before; nothing happens to one twice.
func Step(c *Case, known []State, now time.Time) Turn {
	now = exact(now)
	running := Clocks(c, now)
	var t Turn
	for _, s := range known {
		if !slices.ContainsFunc(running, s.is) {
			t.stop(c, &s, now)
			t.States = append(t.States, s)
		}
	}
	for _, k := range running {
		s := State{Clock: k}
		if i := slices.IndexFunc(known, func(s State) bool { return s.is(k) }); i >= 0 {
			s, s.Clock, s.StoppedAt = known[i], k, time.Time{} // it may run again
		}
		t.move(c, &s, now)
		t.States = append(t.States, s)
	}
	slices.SortStableFunc(t.States, func(a, b State) int { return a.Due.Compare(b.Due) })
	t.States = forget(t.States)
	return t
}

// is reports whether a state is that of a clock.
func (s State) is(k Clock) bool { return s.Name == k.Name && s.Due.Equal(k.Due) }

// keptStopped is how many clocks that have stopped are remembered: one can run again when a date comes back.
const keptStopped = 50

func forget(all []State) []State {
	stopped := 0
	for i := range all {
		if !all[i].StoppedAt.IsZero() {
			stopped++
		}
	}
	return slices.DeleteFunc(all, func(s State) bool {
		if s.StoppedAt.IsZero() || stopped <= keptStopped {
			return false
		}
		stopped--
		return true
	})
}

// stop stops a clock that runs no more. Who had heard of it hears of that.
func (t *Turn) stop(c *Case, s *State, now time.Time) {
	if !s.StoppedAt.IsZero() {
		return
	}
	s.StoppedAt = now
	if !s.RemindedAt.IsZero() || !s.OverdueAt.IsZero() {
		t.tell(c, s, WasStopped, "", now)
	}
}

// move does what it is time for.
func (t *Turn) move(c *Case, s *State, now time.Time) {
	says := s.SaidAt.IsZero() && c.speaks(s.Name, now) && !now.Before(c.sayAt(s))
	late := s.Due
	if says {
		late = s.Due.Add(patience)
	} else if !s.SaidAt.IsZero() {
		late = later(s.Due, s.SaidAt.Add(patience))
	}
	switch {
	case !now.Before(late) && s.OverdueAt.IsZero():
		s.OverdueAt = now
		t.tell(c, s, WasOverdue, "", now)
	case now.Before(s.Due) && !s.Remind.IsZero() && !now.Before(s.Remind) && s.RemindedAt.IsZero():
		s.RemindedAt = now
		t.tell(c, s, WasReminded, "", now)
	}
	if says {
		u := c.say(s, now)
		s.SaidAt = now
		t.Say = append(t.Say, u)
		t.tell(c, s, WasSaid, u.EventID, now)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// speaks reports whether Tocsin may speak by itself in place of the promise.
func (c *Case) speaks(n Name, now time.Time) bool {
	last := c.last()
	if last == nil || last.Status == incident.Correction || c.Paused || last.Paused {
		return false
	}
	if c.Incident.Newest != "" && c.Incident.Newest != last.EventID {
		return false // something newer waits for approval
	}
	switch n {
	case Notice:
		return now.Before(last.StartedAt)
	case NextUpdate:
		return c.goesOn() && c.holding() < c.cadence().Holding
	default:
		return false
	}
}

// holding counts the holding updates since somebody last said something.
func (c *Case) holding() int {
	n := 0
	for i := len(c.Words) - 1; i >= 0 && c.Words[i].Automatic == incident.Holding; i-- {
		n++
	}
	return n
}

// sayAt is when Tocsin speaks in place of a promise. An estimate that passes shortly before the next word
// is due is waited for: it must not be repeated, and can't be said to be missed yet.
func (c *Case) sayAt(s *State) time.Time {
	if s.Name != NextUpdate {
		return s.Due
	}
	at := s.Due.Add(-min(ahead, c.cadence().Remind.Duration()/2))
	if e := c.last().Estimate; e != nil && e.At.After(at) && !e.At.After(s.Due) {
		return s.Due
	}
	return at
}

// Next is when something is to happen to the clocks of a case, zero if nothing is. Whatever happens to the
// incident meanwhile may bring it forward.
func Next(c *Case, states []State, now time.Time) time.Time {
	var next time.Time
	for i := range states {
		s := &states[i]
		if !s.StoppedAt.IsZero() {
			continue
		}
		moments := []time.Time{s.Remind, s.Due, s.Due.Add(patience)}
		if !s.SaidAt.IsZero() {
			moments = append(moments, s.SaidAt.Add(patience))
		} else if c.speaks(s.Name, now) {
			moments = append(moments, c.sayAt(s))
		}
		for _, at := range moments {
			if at.After(now) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}
