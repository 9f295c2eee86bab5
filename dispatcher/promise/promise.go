// Package promise keeps an eye on what customers were promised: that they hear of an outage in time, that
// the next word comes when it was said to come, that an estimate holds, that a maintenance is told of again
// before it begins, and that it ends when it was planned to. It holds values and rules, and does no I/O;
// the keeper in package dispatcher does what it says.
//
// # The clocks
//
// Each promise is a [Clock], known by its name and by when it is due. Which of them run follows from the
// incident and from the updates that were let go, by one table (clocks.go):
//
//	clock          runs for                        is due                                stops when
//	first_notice   an outage                       cadence first_notice after its start  a provider took the first message
//	next_update    what was told of                as the newest update promised, else   the next word is let go
//	                                               cadence every after it was let go
//	estimate       what has an estimate            when service was expected back        a word moves it
//	notice         a maintenance that is           each of cadence notices before it     it was told of again
//	               scheduled                       begins, in the daytime
//	overrun        a maintenance                   at its planned end                    a word moves it
//
// Every clock stops when the incident is over, and customers were told so; when it was merged into another
// one, whose clocks run on; and when operators have called its newest update off. Who waits for what is
// counted by what was let go, not by what came: an update that waits for approval keeps no promise.
//
// # What happens
//
// [Step] moves an incident's clocks on. Before a clock is due, operators are reminded; when it is due, it is
// overdue, and that is told; when it stops, that is told to whoever had heard of it. Each happens once.
// Where the cadence allows it, Tocsin speaks by itself: a holding update shortly before the next word is due, so many in a
// row at most, and a reminder of a maintenance when a notice is due ([Step] makes both). It doesn't while
// the incident is paused, while something newer waits for approval, or after a correction: then somebody
// must look.
package promise

import (
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Name is the name of a clock.
type Name string

// The clocks.
const (
	FirstNotice Name = "first_notice" // customers hear of an outage at all
	NextUpdate  Name = "next_update"  // they hear the next word
	Estimate    Name = "estimate"     // service is back as expected
	Notice      Name = "notice"       // they are reminded of a maintenance
	Overrun     Name = "overrun"      // a maintenance ends as planned
)

// Names lists the clocks.
func Names() []Name { return []Name{FirstNotice, NextUpdate, Estimate, Notice, Overrun} }

// Clock is one promise. Name and Due tell it from the incident's others.
type Clock struct {
	Name Name      `json:"clock"`
	Due  time.Time `json:"due"`
	// Remind is when operators are reminded of it; zero is never.
	Remind time.Time `json:"remind,omitzero"`
}

// State is a clock with what happened to it. Each time is zero until it does.
type State struct {
	Clock
	RemindedAt time.Time `json:"reminded_at,omitzero"`
	OverdueAt  time.Time `json:"overdue_at,omitzero"`
	// SaidAt is when Tocsin published an update by itself because of it.
	SaidAt    time.Time `json:"said_at,omitzero"`
	StoppedAt time.Time `json:"stopped_at,omitzero"`
}

// Standing is how a clock stands.
type Standing string

// The standings.
const (
	Running  Standing = "running"
	Reminded Standing = "reminded"
	Overdue  Standing = "overdue"
	Stopped  Standing = "stopped"
)

// Standings lists those of clocks that have not stopped.
func Standings() []Standing { return []Standing{Running, Reminded, Overdue} }

// Standing returns how a clock stands. One that is due is overdue at once, whoever knows it.
func (s *State) Standing(now time.Time) Standing {
	switch {
	case !s.StoppedAt.IsZero():
		return Stopped
	case !s.OverdueAt.IsZero(), s.SaidAt.IsZero() && !now.Before(s.Due):
		return Overdue
	case !s.RemindedAt.IsZero():
		return Reminded
	}
	return Running
}

// Word is an update that was let go.
type Word struct {
	incident.Update
	// At is when.
	At time.Time
	// Paused says that operators have stopped it for now.
	Paused bool
}

// Case is an incident as it stands.
type Case struct {
	Incident incident.Incident
	// Words are its updates that were let go, oldest first.
	Words []Word
	// Cadence is that of its newest update.
	Cadence playbook.Cadence
	// FirstNoticeAt is when a provider took the first message; zero if none has.
	FirstNoticeAt time.Time
	// Paused says that operators have stopped it for now, CalledOff that they ended its newest update.
	Paused, CalledOff bool
	// Day is when customers may be reminded of what is not urgent.
	Day Day
}

// What holds where there is no cadence at all.
const (
	defaultFirstNotice = time.Hour
	defaultRemind      = 10 * time.Minute
)

// cadence is the case's, or what holds without one.
func (c *Case) cadence() playbook.Cadence {
	if k := &c.Cadence; k.FirstNotice == 0 && k.Every == 0 && k.Remind == 0 && k.Holding == 0 && len(k.Notices) == 0 {
		return playbook.Cadence{FirstNotice: defaultSpan(defaultFirstNotice), Remind: defaultSpan(defaultRemind)}
	}
	return c.Cadence
}

// last is the newest word, nil if there is none.
func (c *Case) last() *Word {
	if len(c.Words) == 0 {
		return nil
	}
	return &c.Words[len(c.Words)-1]
}

// news is the newest word that is no correction, nil if there is none: a correction moves nothing.
func (c *Case) news() *Word {
	for i := len(c.Words) - 1; i >= 0; i-- {
		if c.Words[i].Status != incident.Correction {
			return &c.Words[i]
		}
	}
	return nil
}

// still reports whether no clock of the incident runs.
func (c *Case) still() bool {
	if c.Incident.MergedInto != "" || c.CalledOff {
		return true
	}
	if n := c.news(); n != nil {
		return n.Status.Over()
	}
	return c.Incident.Over()
}
