package dashboard

import (
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// funnel is how an update's attempts go, channel by channel, from the running counts.
type funnel struct {
	Columns []string // names of what is counted, those that are zero everywhere left out
	Lines   []line
}

type line struct {
	Channel string
	// Cells in the order of the columns.
	Cells []cell
}

// cell is one count. Presumed says that it counts messages that no receipt will ever prove.
type cell struct {
	Count    int64
	Presumed bool
}

// column is one thing that a funnel counts. Those that are always shown give it its shape; the
// others are troubles, shown where there are any.
type column struct {
	name   string
	always bool
	count  func(u *ledger.UpdateProgress, channel string) int64
}

// waiting is the column of what was accepted and has no outcome yet.
const waiting = "open"

func columns() []column {
	state := func(s notification.State) func(*ledger.UpdateProgress, string) int64 {
		return func(u *ledger.UpdateProgress, channel string) int64 { return u.Count(channel, s.String()) }
	}
	what := func(w string) func(*ledger.UpdateProgress, string) int64 {
		return func(u *ledger.UpdateProgress, channel string) int64 { return u.Count(channel, w) }
	}
	return []column{
		{"planned", true, what(ledger.Planned)},
		{"attempts", true, state(notification.Queued)},
		{"accepted", true, state(notification.Accepted)},
		{"delivered", true, state(notification.Delivered)},
		{"read", true, state(notification.Read)},
		{"reached", true, what(notification.Reached.String())},
		{"by fallback", true, what(ledger.Fallback)},
		{waiting, true, acceptedOpen},
		{"failed", true, state(notification.Failed)},
		{"expired", false, state(notification.Expired)},
		{"unknown", false, state(notification.Unknown)},
		{"revoked", false, state(notification.Revoked)},
		{"returned", false, what(ledger.Returned)},
		{"repeated", false, what(ledger.Repeated)},
		{"asked back", false, what(ledger.RecallAsked)},
		{"recalled", false, what(ledger.Recalled)},
		{"kept", false, what(ledger.RecallKept)},
		{"double reach", false, what(ledger.Double)},
	}
}

// acceptedOpen counts what a channel's provider has taken and nothing else is known of yet. It is
// made of running counts, which don't say which accepted attempt failed later: so it is the least of
// three bounds, and exact where nothing on the channel went wrong.
func acceptedOpen(u *ledger.UpdateProgress, channel string) int64 {
	count := func(s notification.State) int64 { return u.Count(channel, s.String()) }
	reached := u.Count(channel, notification.Reached.String())
	notSettled := count(notification.Queued) - reached - count(notification.Failed) - count(notification.Expired) -
		count(notification.Revoked) - count(notification.Unknown)
	return max(0, min(count(notification.Accepted)-reached, notSettled, u.Open))
}

func funnelOf(u *ledger.UpdateProgress, presumed []string) funnel {
	var f funnel
	var shown []column
	names := channelsOf(u)
	for _, c := range columns() {
		if c.always || slices.ContainsFunc(names, func(ch string) bool { return c.count(u, ch) > 0 }) {
			shown = append(shown, c)
			f.Columns = append(f.Columns, c.name)
		}
	}
	for _, name := range names {
		l := line{Channel: name}
		for _, c := range shown {
			n := c.count(u, name)
			l.Cells = append(l.Cells, cell{Count: n, Presumed: c.name == waiting && n > 0 && slices.Contains(presumed, name)})
		}
		f.Lines = append(f.Lines, l)
	}
	return f
}

// channelsOf lists the channels that have a part in an update.
func channelsOf(u *ledger.UpdateProgress) []string {
	var names []string
	for _, t := range u.Tallies {
		if t.Channel != "" && !slices.Contains(names, t.Channel) {
			names = append(names, t.Channel)
		}
	}
	slices.Sort(names)
	return names
}
