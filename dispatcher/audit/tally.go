package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// counted is what a tally counts.
type counted struct{ channel, what string }

// bounds are how often something is and can have been.
type bounds struct{ least, most int64 }

// recount counts an update's notifications anew, by the functions that keep the running counts, as if
// each had become what it is in one transaction. What an attempt was only on its way can have been
// counted beside.
type recount struct {
	counts map[counted]*bounds
	// through lists for each state which ones an attempt may have been counted in on its way to it.
	through map[notification.State][]notification.State
}

func newRecount() recount {
	r := recount{map[counted]*bounds{}, map[notification.State][]notification.State{}}
	// States that attempts leave again are counted when an attempt is in one at the end of a
	// transaction, so that rows alone don't say how often that was.
	for _, s := range []notification.State{notification.Failed, notification.Expired, notification.Revoked, notification.Unknown} {
		for _, to := range notification.ReachableFrom(s) {
			if to != s {
				r.through[to] = append(r.through[to], s)
			}
		}
	}
	return r
}

// history lists what only running counts know of.
func history() []string { return []string{ledger.Returned, ledger.Double, ledger.Repeated} }

func (r recount) at(channel, what string) *bounds {
	k := counted{channel, what}
	if r.counts[k] == nil {
		r.counts[k] = &bounds{}
	}
	return r.counts[k]
}

// plus counts something that is.
func (r recount) plus(channel, what string, n int64) {
	b := r.at(channel, what)
	b.least, b.most = b.least+n, b.most+n
}

// add counts a notification.
func (r recount) add(n *notification.Notification) {
	if n.Attempt.State == notification.NoAttempt {
		if !isOpen(n) {
			ledger.TallyOutcome(n, r.plus)
		}
		return
	}
	planned := *n
	planned.Past, planned.Outcome = nil, notification.Open
	planned.Attempt = notification.Attempt{Channel: n.Attempt.Channel, State: notification.Queued}
	if len(n.Past) > 0 {
		planned.Attempt.Channel = n.Past[0].Channel
	}
	r.plus(planned.Attempt.Channel, ledger.Planned, 1)
	r.plus(planned.Attempt.Channel, notification.Queued.String(), 1)
	ledger.TallyChange(&planned, n, r.plus)
	for a := range n.Attempts() {
		for _, s := range r.through[a.State] {
			r.at(a.Channel, s.String()).most++
		}
		// Each try before may have been in doubt, until its provider said that it never got it.
		r.at(a.Channel, notification.Unknown.String()).most += int64(a.Try)
	}
}

// compare holds running counts against the rows.
func (r recount) compare(tallies []ledger.Tally, differs func(want, is string)) {
	said := map[counted]int64{}
	for _, t := range tallies {
		said[counted{t.Channel, t.What}] += t.Count
	}
	keys := maps.Clone(said)
	for k := range r.counts {
		keys[k] = 0
	}
	for _, k := range slices.SortedFunc(maps.Keys(keys), func(a, b counted) int {
		return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.what, b.what))
	}) {
		b := *r.at(k.channel, k.what)
		if slices.Contains(history(), k.what) {
			b.most = max(b.least, said[k])
		}
		if is := said[k]; is < b.least || is > b.most {
			differs(b.String(), fmt.Sprintf("%s on %q: %d", k.what, k.channel, is))
		}
	}
}

// String says how many there must be.
func (b bounds) String() string {
	if b.least == b.most {
		return fmt.Sprint(b.least)
	}
	return fmt.Sprintf("%d to %d", b.least, b.most)
}
