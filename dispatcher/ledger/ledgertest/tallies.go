package ledgertest

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// talliesAgree plans random pages and folds random changes, with books of its own beside: the
// running counts, the rows and the books say the same in the end.
func talliesAgree(w *world) {
	w.people(12)
	incidents := 0
	rapid.Check(w.T, func(t *rapid.T) {
		incidents++
		b := &books{w: w, t: t, key: fmt.Sprint("tallies-", incidents), want: map[ledger.Tally]int64{}}
		b.plan()
		for range rapid.IntRange(0, 8).Draw(t, "folds") {
			b.fold()
		}
		b.check()
	})
}

// books are the test's own account of an update.
type books struct {
	w    *world
	t    *rapid.T
	key  string
	id   int64
	all  []notification.Notification
	want map[ledger.Tally]int64 // without Count
}

func (b *books) count(channel, what string) {
	b.want[ledger.Tally{Channel: channel, What: what}]++
}

func (b *books) plan() {
	u := b.w.begin(update(b.key, 1))
	b.id = u.ID
	for from := 1; from <= 12; {
		to := min(12, from+rapid.IntRange(0, 6).Draw(b.t, "page"))
		p := page(u, from, to, to == 12)
		for i := range p.Notifications {
			b.count("email", ledger.Planned)
			b.count("email", "queued")
			if i == 0 && rapid.Bool().Draw(b.t, "short cascade") {
				p.Notifications[i].Steps = notification.Steps("email")
			}
		}
		if err := b.w.CommitPage(b.w.ctx, p); err != nil {
			b.t.Fatal(err)
		}
		from = to + 1
	}
	b.all = b.read()
	if len(b.all) != 12 {
		b.t.Fatalf("%d notifications planned, want 12", len(b.all))
	}
}

// read reads the update's notifications.
func (b *books) read() []notification.Notification {
	ns, err := b.w.Notifications(b.w.ctx, b.w.ids[b.id])
	if err != nil {
		b.t.Fatal(err)
	}
	return ns
}

// fold changes some notifications, each in one of the ways open to it.
func (b *books) fold() {
	f := ledger.Fold{Now: at(100)}
	for i := range b.all {
		if !rapid.Bool().Draw(b.t, "touched") {
			continue
		}
		n := b.all[i]
		step := n.Attempt.Step
		change(&f, n, b.anyChange(&n))
		after := &f.Changed[len(f.Changed)-1]
		if after.Attempt.Step != step || after.Attempt.Try != n.Attempt.Try {
			batch := further(after)
			f.Batches = append(f.Batches, batch)
		}
	}
	if err := b.w.Apply(b.w.ctx, f); err != nil {
		b.t.Fatal(err)
	}
	for i := range f.Changed {
		n := f.Changed[i]
		n.Version++
		b.all[slices.Index(b.w.ids[b.id], n.ID)] = n
	}
}

// anyChange draws a change that n allows, and enters it in the books.
func (b *books) anyChange(n *notification.Notification) func(*notification.Notification) {
	if a := recallable(n); a != nil && rapid.Bool().Draw(b.t, "recall goes on") {
		return b.anyRecall(a)
	}
	channel, open := n.Attempt.Channel, n.Outcome == notification.Open
	switch s := n.Attempt.State; {
	case open && s == notification.Queued && rapid.Bool().Draw(b.t, "returned"):
		b.count(channel, ledger.Returned)
		return func(n *notification.Notification) { n.Attempt.Try++ }
	case open && s == notification.Queued && rapid.Bool().Draw(b.t, "accepted"):
		b.count(channel, "accepted")
		return func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Accepted, true }
	case open && s == notification.Queued && rapid.Bool().Draw(b.t, "in doubt"):
		b.count(channel, "unknown")
		return func(n *notification.Notification) {
			n.Attempt.State, n.Attempt.Code, n.Attempt.ProviderID = notification.Unknown, "timeout", "p|"
		}
	case open && s == notification.Unknown && rapid.Bool().Draw(b.t, "never got it"): // queued again, and counted as queued before
		b.count(channel, ledger.Returned)
		return func(n *notification.Notification) {
			n.Attempt.Try++
			n.Attempt.State, n.Attempt.Code, n.Attempt.ProviderID = notification.Queued, "", ""
		}
	case open && rapid.Bool().Draw(b.t, "delivered"):
		if s != notification.Accepted {
			b.count(channel, "accepted")
		}
		b.count(channel, "delivered")
		b.count(channel, "reached")
		if n.Attempt.Step > 0 {
			b.count(channel, ledger.Fallback)
		}
		return reach(channel, notification.Delivered, at(100))
	case open && n.LastStep():
		b.count(channel, "failed")
		b.count("", "unreachable")
		return giveUp(notification.Rejected, at(100))
	case open:
		b.count(channel, "expired")
		b.count("sms", "queued")
		return next(notification.Expired, "", at(100))
	case len(n.Past) > 0 && n.Past[0].State == notification.Expired: // word comes late
		if !n.Past[0].Took {
			b.count(n.Past[0].Channel, "accepted")
		}
		b.count(n.Past[0].Channel, "delivered")
		return func(n *notification.Notification) { n.Past[0].State, n.Past[0].Took = notification.Delivered, true }
	case s == notification.Delivered:
		b.count(channel, "read")
		return func(n *notification.Notification) { n.Attempt.State = notification.Read }
	default:
		return func(n *notification.Notification) { n.Attempt.ProviderID = "late" }
	}
}

// recallable is the first attempt whose message a provider has, and hasn't answered for; nil if there is none.
func recallable(n *notification.Notification) *notification.Attempt {
	for a := range n.Attempts() {
		if a.Took && a.Recall < notification.RecallKept {
			return a
		}
	}
	return nil
}

// anyRecall draws how far a recall goes, which may be over what comes between, and enters it in the books.
func (b *books) anyRecall(a *notification.Attempt) func(*notification.Notification) {
	was := a.Recall
	to := notification.Recall(rapid.IntRange(int(was)+1, int(notification.Recalled)).Draw(b.t, "recall"))
	if was < notification.RecallAsked && to != notification.RecallWanted {
		b.count(a.Channel, ledger.RecallAsked)
	}
	if to == notification.RecallKept {
		b.count(a.Channel, ledger.RecallKept)
	}
	if to == notification.Recalled {
		b.count(a.Channel, ledger.Recalled)
	}
	return func(n *notification.Notification) { recallable(n).Recall = to }
}

func (b *books) check() {
	b.w.equal("notifications", b.read(), b.all)
	r, err := b.w.Report(b.w.ctx, "payments", b.key)
	if err != nil {
		b.t.Fatal(err)
	}
	got := map[ledger.Tally]int64{}
	for _, tally := range r.Updates[0].Tallies {
		got[ledger.Tally{Channel: tally.Channel, What: tally.What}] = tally.Count
	}
	if !maps.Equal(got, b.want) {
		b.t.Fatalf("tallies %v\nbooks   %v", got, b.want)
	}
	open := int64(0)
	for i := range b.all {
		if b.all[i].Outcome == notification.Open {
			open++
		}
	}
	u := r.Updates[0]
	if !u.Balance.TalliesAgree || u.Balance.Open != open || u.Balance.OK != (open == 0) || (u.State == ledger.Closed) != (open == 0) {
		b.t.Fatalf("%d open, balance %+v, state %s", open, u.Balance, u.State)
	}
	for _, c := range u.Channels {
		if c.RecallAsked > c.Accepted || c.RecallKept+c.Recalled > c.RecallAsked {
			b.t.Fatalf("more was asked back or answered than there can be: %+v", c)
		}
		if c.Accepted > c.Attempts || c.Delivered > c.Accepted || c.Read > c.Delivered {
			b.t.Fatalf("more than there can be: %+v", c)
		}
	}
}
