package ledger

import (
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// ChannelReports sorts an update's running counts by channel, in order of name.
func ChannelReports(u *UpdateProgress) []ChannelReport {
	var names []string
	for _, t := range u.Tallies {
		if t.Channel != "" && !slices.Contains(names, t.Channel) {
			names = append(names, t.Channel)
		}
	}
	slices.Sort(names)
	var all []ChannelReport
	for _, c := range names {
		state := func(s notification.State) int64 { return u.Count(c, s.String()) }
		all = append(all, ChannelReport{
			Channel: c, Planned: u.Count(c, Planned), Attempts: state(notification.Queued),
			Accepted: state(notification.Accepted), Delivered: state(notification.Delivered), Read: state(notification.Read),
			Failed: state(notification.Failed), Expired: state(notification.Expired), Unknown: state(notification.Unknown),
			Revoked: state(notification.Revoked), Returned: u.Count(c, Returned),
			RecallAsked: u.Count(c, RecallAsked), RecallKept: u.Count(c, RecallKept), Recalled: u.Count(c, Recalled),
			Reached: u.Count(c, notification.Reached.String()), Fallback: u.Count(c, Fallback),
		})
	}
	return all
}

// BalanceOf adds up the rows of an update and holds the running counts against them.
func BalanceOf(u *UpdateProgress, outcomes []OutcomeCount) Balance {
	rows := map[string]int64{}
	for _, c := range outcomes {
		rows[c.Outcome] += c.Count
	}
	count := func(o notification.Outcome) int64 { return rows[o.String()] }
	b := Balance{
		Audience: u.Audience, Reached: count(notification.Reached), Unreachable: count(notification.Unreachable),
		Suppressed: count(notification.Suppressed), Superseded: count(notification.Superseded), Open: count(notification.Open),
	}
	b.TalliesAgree = u.Open == b.Open
	for _, o := range []notification.Outcome{notification.Reached, notification.Unreachable, notification.Suppressed, notification.Superseded} {
		b.TalliesAgree = b.TalliesAgree && u.Count("*", o.String()) == count(o)
	}
	b.Settle()
	b.OK = b.OK && (u.State == Closed || u.State == NotAnnounced || u.State == Cancelled)
	return b
}

// Rank is the place, from 0, of a percentile among n > 0 values in their order: the smallest value
// that is not less than so many per cent of them (nearest rank).
func Rank(n, percent int64) int64 { return (n*percent+99)/100 - 1 }
