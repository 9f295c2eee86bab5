package promise

import (
	"cmp"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// table says when each clock is due; none where it does not run. The package's documentation shows it.
var table = []struct {
	name Name
	due  func(c *Case, now time.Time) []time.Time
}{
	{FirstNotice, firstNotice},
	{NextUpdate, nextUpdate},
	{Estimate, estimate},
	{Notice, notices},
	{Overrun, overrun},
}

// Clocks returns the clocks that run, in order of when they are due.
func Clocks(c *Case, now time.Time) []Clock {
	if c.still() {
		return nil
	}
	var all []Clock
	remind := c.cadence().Remind.Duration()
	for _, row := range table {
		for _, due := range row.due(c, now) {
			one := Clock{Name: row.name, Due: exact(due)}
			if remind > 0 {
				one.Remind = one.Due.Add(-remind)
			}
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, func(a, b Clock) int { return a.Due.Compare(b.Due) })
	return all
}

// exact is a time as the ledger keeps times.
func exact(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func defaultSpan(d time.Duration) clock.Span { return clock.Span(d) }

func firstNotice(c *Case, _ time.Time) []time.Time {
	within := c.cadence().FirstNotice.Duration()
	if c.Incident.Kind != incident.Outage || !c.FirstNoticeAt.IsZero() || within <= 0 {
		return nil
	}
	return []time.Time{c.Incident.StartedAt.Add(within)}
}

// nextUpdate is as promised. What a correction leaves out, the word before it has promised.
func nextUpdate(c *Case, _ time.Time) []time.Time {
	for i := len(c.Words) - 1; i >= 0; i-- {
		w := &c.Words[i]
		if w.NextUpdateAt != nil {
			return []time.Time{*w.NextUpdateAt}
		}
		if w.Status != incident.Correction {
			break
		}
	}
	last, every := c.last(), c.cadence().Every.Duration()
	if last == nil || every <= 0 || !c.goesOn() {
		return nil
	}
	return []time.Time{last.At.Add(every)}
}

// goesOn reports whether customers suffer from it now: a maintenance that is only scheduled owes nobody a
// word every hour.
func (c *Case) goesOn() bool {
	n := c.news()
	return n != nil && n.Status != incident.Scheduled && !n.Status.Over()
}

func estimate(c *Case, _ time.Time) []time.Time {
	for i := len(c.Words) - 1; i >= 0; i-- {
		w := &c.Words[i]
		if w.Estimate != nil {
			return []time.Time{w.Estimate.At}
		}
		if w.Status != incident.Correction {
			break
		}
	}
	return nil
}

func overrun(c *Case, _ time.Time) []time.Time {
	if c.Incident.Kind != incident.Maintenance {
		return nil
	}
	for i := len(c.Words) - 1; i >= 0; i-- { // a word that gives no end leaves it as it was
		if at := c.Words[i].EndsAt; at != nil {
			return []time.Time{*at}
		}
	}
	return nil
}

// notices are those that were not yet given, and are still worth giving. Of several that are due by now the
// last is; where the daytime brings two together they are one.
func notices(c *Case, now time.Time) []time.Time {
	n := c.news()
	if n == nil || n.Status != incident.Scheduled || !now.Before(n.StartedAt) {
		return nil
	}
	var all []time.Time
	for _, lead := range c.cadence().Notices {
		at, near := c.Day.before(n.StartedAt.Add(-lead.Duration())), lead.Duration()/enough
		if !now.After(at.Add(near)) && !c.told(n, at.Add(-near)) {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	all = slices.CompactFunc(all, time.Time.Equal)
	for len(all) > 1 && !now.Before(all[1]) {
		all = all[1:]
	}
	return all
}

// enough is the part of a lead time within which one word before a notice makes it needless, and after
// which it is too late for it: a day before the work nobody need be told what they were told six hours
// earlier.
const enough = 4

// told reports whether a date was told after a moment.
func (c *Case) told(date *Word, since time.Time) bool {
	return slices.ContainsFunc(c.Words, func(w Word) bool {
		return w.Status == incident.Scheduled && w.StartedAt.Equal(date.StartedAt) && w.At.After(since)
	})
}

// Day is the part of the day in which customers may be told what is not urgent. The zero Day is all of it.
type Day struct {
	// Begins and Ends are counted from midnight in Zone. One that ends before it begins lasts over midnight.
	Begins, Ends time.Duration
	Zone         *time.Location
}

// evening is how long before the day's end what falls into the night is told: it takes a while to tell
// everybody.
const evening = time.Hour

// before moves a moment of the night to the evening before.
func (d Day) before(t time.Time) time.Time {
	if d.Begins == d.Ends {
		return t
	}
	local := t.In(cmp.Or(d.Zone, time.UTC))
	year, month, day := local.Date()
	of := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
	if d.contains(of) {
		return t
	}
	if of < d.Ends { // the day that ended was yesterday's
		day--
	}
	at := d.Ends - evening
	return time.Date(year, month, day, 0, int(at.Minutes()), 0, 0, local.Location())
}

// contains reports whether a time of day, counted from midnight, is in the day.
func (d Day) contains(of time.Duration) bool {
	if d.Begins < d.Ends {
		return of >= d.Begins && of < d.Ends
	}
	return of >= d.Begins || of < d.Ends
}
