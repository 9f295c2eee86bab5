package chaos

import (
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

const (
	// unrecorded is how soon a message that a provider took is on record, so that no crash leaves it in
	// doubt any more: a lane gathers results for a quarter of a second, and may then have to wait for the
	// record before, and both for a slow disk. A record that takes longer than five seconds is an error
	// in the lane's log.
	unrecorded = 5 * time.Second
	// underway is how long after a process died a slow provider may still take what it was given.
	underway = sendTimeout
)

// crash is a fault by which lanes may have died or lost their leases, or their word may have been lost.
type crash struct {
	*inflicted
	// from and to are when what was in doubt after it was sent first.
	from, to time.Time
}

// repeats: a message goes twice to somebody on a channel only where a crash left it in doubt.
func (c *checker) repeats() {
	crashes := c.crashes()
	c.counts.crashes = len(crashes)
	left := c.bound(crashes)
	for k, times := range c.times() {
		if len(times) < 2 {
			continue
		}
		again := len(times) - 1
		c.counts.repeats += again
		c.never(k, again)
		slices.SortFunc(times, time.Time.Compare)
		for _, first := range times[:again] {
			c.explain(k, first, crashes, left)
		}
	}
	for at, n := range left {
		if n < 0 {
			c.found("repeats", "%d more messages on %s were repeated after %v at %s than it can have left in doubt", -n, at.channel, crashes[at.crash].Fault, clock(crashes[at.crash].From))
		}
	}
}

// goal is what a message is: an update for somebody at some place.
type goal struct {
	told
	place
}

// times says when what was sent.
func (c *checker) times() map[goal][]time.Time {
	all := map[goal][]time.Time{}
	for i := range c.messages {
		m := &c.messages[i]
		if id := c.byMark[m.mark]; id != 0 {
			k := goal{told{id, m.recipient}, m.place}
			all[k] = append(all[k], m.at)
		}
	}
	return all
}

// never: nothing is repeated where there was no fault yet, or where nothing in doubt is to be sent again, and
// no public post at all.
func (c *checker) never(k goal, again int) {
	u := c.update[k.update]
	if c.published[u.Update.Update.EventID].Calm {
		c.counts.calmRepeats += again
		c.found("repeats", "%s was told %s %d times on %s before any fault", k.recipient, u.Update.Update.EventID, again+1, k.channel)
	}
	if c.public(k.channel) {
		c.found("repeats", "%s was posted %d times on %s", u.Update.Update.EventID, again+1, k.channel)
	}
	if doubt()[u.Update.Update.Impact] == notification.LeaveUnknown {
		c.counts.minorRepeats += again
		c.found("repeats", "%s was told %s %d times on %s, though nothing in doubt is to be sent again", k.recipient, u.Update.Update.EventID, again+1, k.channel)
	}
}

// after is one channel after one crash.
type after struct {
	crash   int
	channel string
}

// explain finds the crash that left a message in doubt: of those that can have, the next one after it.
func (c *checker) explain(k goal, first time.Time, crashes []crash, left map[after]int) {
	best := -1
	for i := range crashes {
		if crashes[i].covers(first) && c.hurts(&crashes[i], k.channel) && (best < 0 || nearer(&crashes[i], &crashes[best], first)) {
			best = i
		}
	}
	if best < 0 {
		c.found("repeats", "%s was told %s again on %s; the first time, at %s, was before no crash of its lane",
			k.recipient, c.update[k.update].Update.Update.EventID, k.channel, clock(first))
		return
	}
	left[after{best, k.channel}]--
	c.counts.unrecorded = max(c.counts.unrecorded, crashes[best].From.Sub(first))
}

func nearer(a, b *crash, t time.Time) bool { return a.From.Sub(t).Abs() < b.From.Sub(t).Abs() }

func (x *crash) covers(t time.Time) bool { return !t.Before(x.from) && !t.After(x.to) }

// bound says how many messages each crash can have left in doubt on each channel: no more than were sent
// in the time in question, and no more than a window of each batch that a lane holds. A message counts once.
func (c *checker) bound(crashes []crash) map[after]int {
	left := map[after]int{}
	sum := map[after]int{}
	for i := range c.messages {
		m, counted := &c.messages[i], false
		for j := range crashes {
			if !crashes[j].covers(m.at) || !c.hurts(&crashes[j], m.channel) {
				continue
			}
			at, most := after{j, m.channel}, c.inDoubt(m.channel)
			left[at] = min(left[at]+1, most)
			if !counted && sum[at] < most {
				sum[at]++
				counted = true
			}
		}
	}
	for _, n := range sum {
		c.counts.repeatBound += n
	}
	return left
}

// crashes are the faults that can leave attempts in doubt, with when those can have been made.
func (c *checker) crashes() []crash {
	var all []crash
	for i := range c.faults {
		f := &c.faults[i]
		x := crash{inflicted: f}
		switch f.Kind {
		case Kill, Overdue:
			x.from, x.to = f.From, f.From.Add(underway)
		case Term: // in order, unless there was no room to say what was done
			if x.from, x.to = f.From, f.To; !c.muffled(x.from, x.to) {
				continue
			}
		case Freeze:
			x.from, x.to = f.From, f.To.Add(underway)
		case CutNATS, StallNATS, KillNode, KillNodes, TermNode, Refill:
			x.from, x.to = f.From, f.To.Add(takeover)
		default:
			continue
		}
		x.from = c.sinceMuffled(x.from).Add(-unrecorded)
		all = append(all, x)
	}
	return all
}

// hurts reports whether a crash was that of a process that sent on a channel then, or of them all.
func (c *checker) hurts(x *crash, channel string) bool {
	switch x.Kind {
	case KillNode, KillNodes, TermNode, Refill:
		return true
	default:
		return slices.Contains(c.lanes, x.Target) && c.tenures.held(x.Target, channel, x.from, x.to)
	}
}

// muffles reports whether a fault leaves lanes no room to record what they did, for which they wait.
func muffles(f *inflicted) bool { return f.Kind == FullStream && f.Target == "RESULTS" }

// muffled reports whether lanes could not record what they did at some time of a span.
func (c *checker) muffled(from, to time.Time) bool {
	return slices.ContainsFunc(c.faults, func(f inflicted) bool {
		return muffles(&f) && f.From.Before(to) && f.To.Add(unrecorded).After(from)
	})
}

// sinceMuffled is the time itself, or since when lanes could not record what they did at that time.
func (c *checker) sinceMuffled(t time.Time) time.Time {
	since := t
	for i := range c.faults {
		if f := &c.faults[i]; muffles(f) && f.From.Before(t) && f.To.Add(unrecorded).After(t) && f.From.Before(since) {
			since = f.From
		}
	}
	return since
}
