package incident

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// MaxAhead is how far ahead of our clock an update's time may be. Beyond it the update is refused:
// nothing said afterwards would count as newer.
const MaxAhead = 2 * time.Minute

// Incident is what the updates about it add up to. It is a plain value; a nil pointer to it means
// an incident that is not known yet.
type Incident struct {
	Team   string `json:"team"`
	ID     string `json:"id"`
	Kind   Kind   `json:"kind"`
	Status Status `json:"status"`
	Impact Impact `json:"impact"`
	// Sequence and Time are those of the newest update that people said, corrections included: its place
	// in the order.
	Sequence string    `json:"sequence,omitempty"`
	Time     time.Time `json:"time"`
	// Newest is the event id of the newest update, what Tocsin says by itself included; "" where only an
	// older version heard of it.
	Newest string `json:"newest,omitempty"`
	// StartedAt is when the outage began or the maintenance begins, as last said.
	StartedAt time.Time `json:"started_at"`
	// EndsAt is the planned end of a maintenance, as last said.
	EndsAt *time.Time `json:"ends_at,omitempty"`
	// NextUpdateAt is what the newest update promised; nil once it is merged into another.
	NextUpdateAt *time.Time `json:"next_update_at,omitempty"`
	// ResolvedAt is when service came back, nil while it has not.
	ResolvedAt *time.Time `json:"resolved_at,omitempty"`
	// Updates counts the updates kept, those not announced included.
	Updates int `json:"updates"`
	// Affects is whom it affects, as last said; nil where only an older version heard of it.
	// Corrections don't say: whoever was told the wrong thing is meant by them.
	Affects *Audience `json:"affects,omitempty"`
	// MergedInto is the team's incident that this one was merged into. It may itself have been merged
	// into another since.
	MergedInto string `json:"merged_into,omitempty"`
}

// Over reports whether the outage or the maintenance has ended. An outage may still come back.
func (i Incident) Over() bool { return i.Status.Over() }

// Reason says why an update is not announced.
type Reason string

// The reasons. Refused updates are not kept; all others are.
const (
	Older Reason = "older than the newest update"
	Equal Reason = "not newer than the newest update"
	// Overtaken is what Tocsin had said by itself, when something else was said first.
	Overtaken Reason = "something was said since the update that it follows"
	Refused   Reason = "refused"
)

// Merged is the reason of an update whose incident was merged into another.
func Merged(into string) Reason { return Reason("merged into " + into) }

// Verdict says what becomes of an update that was folded.
type Verdict struct {
	// Announce says that customers are to be told.
	Announce bool
	// Reason is why not.
	Reason Reason
	// Faults say why the update was refused. The incident is then as it was.
	Faults []Fault
}

// Fold adds an update that [Decode] accepted to its incident, nil if it is the first one, and says
// what is to become of it. It is pure: now is the time of our clock.
//
// An update is announced if it is newer than all before it and its status may follow. One that is
// not newer is kept, counted, and changes nothing else. One whose incident was merged into another
// before moves it on and is not announced; nor is the one that merges it, unless it has a summary:
// then it is the incident's last word of its own. Order is the CloudEvents sequence where both
// updates have one, as numbers where both are numbers and else byte by byte, as the sequence
// extension defines it; where one has none it is the time. A team should therefore give a sequence
// always or never, and of one form: orders of different sorts don't add up to one.
//
// What Tocsin says by itself is announced only directly behind the update that it follows, and leaves
// the order as it was: a team's update that was under way meanwhile is as new as it would have been.
func Fold(inc *Incident, u Update, now time.Time) (Incident, Verdict) {
	old := Incident{}
	if inc != nil {
		old = *inc
	}
	if faults := strangerFaults(inc, u, now); len(faults) > 0 {
		return old, Verdict{Reason: Refused, Faults: faults}
	}
	if inc != nil {
		if why := behind(inc, &u); why != "" {
			old.Updates++
			return old, Verdict{Reason: why}
		}
	}
	if !mayFollow(u.Kind, old.Status, u.Status) {
		fault := Fault{Path: "data.status", Problem: cannotFollow(old.Status, u.Status)}
		return old, Verdict{Reason: Refused, Faults: []Fault{fault}}
	}
	next := advance(old, u)
	if old.MergedInto != "" || u.Silent() {
		return next, Verdict{Reason: Merged(next.MergedInto)}
	}
	return next, Verdict{Announce: true}
}

// strangerFaults finds what makes an update one that can't belong to the incident, wherever it
// stands in its order.
func strangerFaults(inc *Incident, u Update, now time.Time) []Fault {
	var faults []Fault
	if u.Time.After(now.Add(MaxAhead)) {
		faults = append(faults, Fault{"ce.time", fmt.Sprintf("is more than %v ahead of our clock", MaxAhead)})
	}
	if u.MergedInto == u.Incident {
		faults = append(faults, Fault{"data.merged_into", "must be another incident than its own"})
	}
	if inc == nil {
		if u.Follows != "" {
			faults = append(faults, Fault{"data.follows", "names an update of an incident of which nothing was said"})
		}
		return faults
	}
	if u.Incident != inc.ID {
		faults = append(faults, Fault{"data.incident", fmt.Sprintf("is not %s", inc.ID)})
	}
	if u.Kind != inc.Kind {
		faults = append(faults, Fault{"data.kind", fmt.Sprintf("must stay %s", inc.Kind)})
	}
	if u.Team != inc.Team {
		faults = append(faults, Fault{"data.team", fmt.Sprintf("must stay %s", inc.Team)})
	}
	return faults
}

// behind says why an update is not newer than all before it; "" if it is.
func behind(inc *Incident, u *Update) Reason {
	if u.Follows != "" && inc.Newest != "" {
		if u.Follows != inc.Newest {
			return Overtaken
		}
		return ""
	}
	switch c := compareOrder(u.Sequence, u.Time, inc.Sequence, inc.Time); {
	case c < 0:
		return Older
	case c == 0:
		return Equal
	}
	return ""
}

func cannotFollow(now, next Status) string {
	if now == "" {
		return fmt.Sprintf("must not be %s in the first update", next)
	}
	return fmt.Sprintf("must not be %s after %s", next, now)
}

// advance gives the incident as it is after its newest update.
func advance(i Incident, u Update) Incident {
	i.Team, i.ID, i.Kind, i.Impact = u.Team, u.Incident, u.Kind, u.Impact
	if u.Follows == "" {
		i.Sequence, i.Time = u.Sequence, u.Time
	}
	i.Newest = u.EventID
	i.StartedAt = u.StartedAt
	i.NextUpdateAt = u.NextUpdateAt
	i.EndsAt = cmp.Or(u.EndsAt, i.EndsAt)
	i.Updates++
	if u.Status != Correction {
		i.Status, i.Affects = u.Status, &u.Affects
	}
	if i.MergedInto = cmp.Or(i.MergedInto, u.MergedInto); i.MergedInto != "" {
		i.NextUpdateAt = nil // the promise is the other incident's now
	}
	i.ResolvedAt = resolvedAt(i, u)
	return i
}

// resolvedAt is nil as long as it is not over. A completed maintenance that does not say when it
// was over was so when it said it.
func resolvedAt(i Incident, u Update) *time.Time {
	switch {
	case !i.Over():
		return nil
	case u.ResolvedAt == nil && u.Status == Completed:
		return &u.Time
	}
	return cmp.Or(u.ResolvedAt, i.ResolvedAt)
}

// compareOrder compares two places in an incident's order, as cmp.Compare does.
func compareOrder(seqA string, timeA time.Time, seqB string, timeB time.Time) int {
	if seqA == "" || seqB == "" {
		return timeA.Compare(timeB)
	}
	a, okA := number(seqA)
	b, okB := number(seqB)
	if !okA || !okB {
		return strings.Compare(seqA, seqB)
	}
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// number returns a sequence of digits without leading zeros, so that numbers of any length compare
// by length first.
func number(s string) (digits string, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return "", false
		}
	}
	return strings.TrimLeft(s, "0"), s != ""
}
