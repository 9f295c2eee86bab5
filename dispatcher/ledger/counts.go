package ledger

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TallyKey names one of an update's running counts.
type TallyKey struct {
	Update        int64
	Channel, What string
}

// TallyChanges gathers changes of counts, to be written once a transaction.
type TallyChanges map[TallyKey]int64

// Add adds n to a count.
func (c TallyChanges) Add(update int64, channel, what string, n int64) {
	c[TallyKey{update, channel, what}] += n
}

// Keys lists the counts that change, always in the same order, so that two transactions never wait for
// each other's.
func (c TallyChanges) Keys() []TallyKey {
	return slices.SortedFunc(maps.Keys(c), func(a, b TallyKey) int {
		return cmp.Or(cmp.Compare(a.Update, b.Update), strings.Compare(a.Channel, b.Channel), strings.Compare(a.What, b.What))
	})
}

// Counts is what a transaction changes of the updates' counts.
type Counts struct {
	Tallies TallyChanges
	// Settled counts the notifications that have their outcome now, by update.
	Settled map[int64]int64
	// Noticed has the updates of which a provider has taken a message.
	Noticed map[int64]bool
}

// Count counts what a fold changes.
func (f *Fold) Count() Counts {
	c := Counts{TallyChanges{}, map[int64]int64{}, map[int64]bool{}}
	for i := range f.Changed {
		before, n := &f.Before[i], &f.Changed[i]
		TallyChange(before, n, func(channel, what string, k int64) {
			c.Tallies.Add(n.Update, channel, what, k)
			if what == notification.Accepted.String() {
				c.Noticed[n.Update] = true
			}
		})
		if before.Outcome == notification.Open && n.Outcome != notification.Open {
			c.Settled[n.Update]++
		}
	}
	for _, d := range f.DoubleReached {
		c.Tallies.Add(d.Update, d.Channel, Double, 1)
	}
	for _, d := range f.Repeated {
		c.Tallies.Add(d.Update, d.Channel, Repeated, 1)
	}
	return c
}

// Count counts what a page plans; open is the number of its notifications without an outcome.
func (p *Page) Count() (changes TallyChanges, open int64) {
	changes = TallyChanges{}
	for _, b := range p.Batches {
		n := int64(len(b.Items))
		changes.Add(p.Update, b.Batch.Channel, Planned, n)
		changes.Add(p.Update, b.Batch.Channel, notification.Queued.String(), n)
		open += n
	}
	for i := range p.Notifications {
		if n := &p.Notifications[i]; n.Outcome != notification.Open {
			changes.Add(p.Update, "", n.Outcome.String(), 1)
		}
	}
	return changes, open
}

// First are the first attempts of a page's notifications, in their order, with its batches numbered from
// batch. One that is settled at once has none.
func (p *Page) First(batch int64) []notification.Attempt {
	all := make([]notification.Attempt, len(p.Notifications))
	for i := range all {
		all[i].QueuedAt = p.Now
		if p.Notifications[i].Outcome == notification.Open {
			all[i].State = notification.Queued
		}
	}
	for i := range p.Batches {
		b := &p.Batches[i]
		for j := b.From; j < b.To; j++ {
			all[j].Batch = batch + int64(i)
			if b.Batch.NotBefore.After(p.Now) {
				all[j].QueuedAt = b.Batch.NotBefore
			}
		}
	}
	return all
}
