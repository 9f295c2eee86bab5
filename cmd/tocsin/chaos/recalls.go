package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

const (
	// answeredWithin is how long it may take, once all is quiet, until every recall has its answer: a provider
	// that could not say is asked again half a minute later.
	answeredWithin = 2 * time.Minute
	// lastWord is how long after its order a recall may still find messages: of some it is only a late
	// receipt that names them.
	lastWord = stepWait + 10*time.Second
)

// settleRecalls waits until providers have answered for every message that was recalled, and returns the
// updates that were. Where there was no room to ask, it does as operators are told to: it gives the order again.
func (s *stage) settleRecalls(ctx context.Context) (map[int64]bool, error) {
	orders := s.journal.recalls()
	recalled, last, err := s.carriedOut(ctx, orders)
	if err != nil || len(recalled) == 0 {
		return recalled, err
	}
	if s.journal.filled(bus.RecallsStream) {
		for i := range orders {
			orders[i].ID += "-again"
		}
		if _, last, err = s.carriedOut(ctx, orders); err != nil {
			return recalled, err
		}
	}
	begun := time.Now()
	err = await(ctx, answeredWithin, func(ctx context.Context) error {
		left, err := s.unanswered(ctx, recalled)
		if err == nil && left > 0 {
			err = fmt.Errorf("%d recalls are not answered", left)
		}
		if wait := lastWord - time.Since(last); err == nil && wait > 0 {
			err = fmt.Errorf("receipts may still come for %v", wait)
		}
		return err
	})
	if ctx.Err() != nil {
		return recalled, err
	}
	if err != nil {
		s.say("%v", err) // the checks name them
	}
	s.say("%d updates were recalled, and answered for after another %.1fs", len(recalled), time.Since(begun).Seconds())
	return recalled, nil
}

// carriedOut has the orders told again, which tells what came of them: it returns the updates of those that
// were not refused, and when the last of them was carried out.
func (s *stage) carriedOut(ctx context.Context, orders []ledger.Order) (recalled map[int64]bool, last time.Time, err error) {
	recalled = map[int64]bool{}
	for _, o := range orders {
		err := await(ctx, quietTimeout, func(ctx context.Context) error {
			r, err := s.api.Order(ctx, o)
			switch {
			case errors.Is(err, ledger.ErrConflict):
				return nil // refused
			case err == nil && r.DoneAt.IsZero():
				return fmt.Errorf("order %s is not carried out", o.ID)
			case err == nil:
				recalled[o.Update] = true
				last = maxTime(last, r.DoneAt)
			}
			return err
		})
		if err != nil {
			return recalled, last, fmt.Errorf("order %s: %w", o.ID, err)
		}
	}
	return recalled, last, nil
}

// unanswered counts the messages of recalled updates that providers have, and have not answered for.
func (s *stage) unanswered(ctx context.Context, recalled map[int64]bool) (left int, err error) {
	var ids []int64
	for id := range recalled {
		ids = append(ids, id)
	}
	err = s.reading(ctx, func(l audit.Ledger) error {
		return l.View(ctx, func(v ledger.View) error {
			for after := int64(0); ; {
				ns, next, err := v.NotificationsOf(ctx, ids, after, rowsAtOnce)
				if err != nil || len(ns) == 0 {
					return err
				}
				after = next
				for i := range ns {
					for a := range ns[i].Attempts() {
						if s.recallable(a.Channel) && unanswered(a) {
							left++
						}
					}
				}
			}
		})
	})
	return left, err
}

func unanswered(a *notification.Attempt) bool {
	return a.CanBeRecalled() && a.Recall < notification.RecallKept
}

// recallable reports whether a channel's providers can take messages back.
func (s *stage) recallable(channel string) bool {
	return slices.ContainsFunc(s.Adapters, func(a Adapter) bool { return a.Spec.Channel == channel && a.Spec.RecallWithin > 0 })
}

// recalls: of an update that was recalled, each message is taken back whose provider has it and can, or stays
// since the provider said so; of other updates none is; and what the ledger says was taken back at an address,
// the provider has taken back there.
func (c *checker) recalls() {
	c.counts.recalledUpdates = len(c.recalled)
	back, taken := map[place]int{}, c.counted()
	for i := range c.incidents {
		for j := range c.incidents[i].rows {
			n := &c.incidents[i].rows[j]
			for a := range n.Attempts() {
				c.recall(n, a)
				if a.Recall == notification.Recalled {
					back[c.placeOf(n, a.Channel)]++
				}
			}
		}
	}
	for at, n := range back {
		if taken[at] != n {
			c.found("recalls", "%d messages on %s for %s are taken back by the ledger, %d by the provider", n, at.channel, at.address, taken[at])
		}
	}
	for at, n := range taken {
		if back[at] == 0 {
			c.found("recalls", "%d messages on %s for %s are taken back by the provider, none by the ledger", n, at.channel, at.address)
		}
	}
	c.unnamed()
}

// counted is how many messages providers took back at each customer's address, and in all for public accounts.
func (c *checker) counted() map[place]int {
	known := map[place]bool{}
	for _, r := range c.customers {
		for _, a := range r.Addresses {
			known[place{a.Channel, a.Address}] = true
		}
	}
	taken := map[place]int{}
	for at, n := range c.takenBack {
		if !known[at] {
			at = accounts(at.channel)
		}
		taken[at] += n
	}
	return taken
}

// accounts stands for all public accounts on a channel: some providers have names of their own for them.
func accounts(channel string) place { return place{channel, "public accounts"} }

// recall holds one attempt to the orders.
func (c *checker) recall(n *notification.Notification, a *notification.Attempt) {
	switch a.Recall {
	case notification.Recalled:
		c.counts.recalled++
	case notification.RecallKept:
		c.counts.kept++
	case notification.NotRecalled, notification.RecallWanted, notification.RecallAsked:
	}
	what := func() string {
		return fmt.Sprintf("notification %d of update %d for %s: step %d on %s, which is %v, is %v", n.ID, n.Update, c.recipients[n.Recipient], a.Step, a.Channel, a.State, a.Recall)
	}
	switch ordered := c.recalled[n.Update] && c.recallable(a.Channel); {
	case ordered && unanswered(a):
		c.found("recalls", "%s, though the update was recalled", what())
	case !ordered && a.Recall != notification.NotRecalled:
		c.found("recalls", "%s, though nobody has recalled it, or nobody can", what())
	}
}

// placeOf is where a notification's messages went on a channel, as counted has it.
func (c *checker) placeOf(n *notification.Notification, channel string) place {
	if r := c.customers[c.recipients[n.Recipient]]; r != nil {
		return place{channel, r.Address(channel)}
	}
	return accounts(channel)
}

// unnamed: a message of a recalled update that the ledger has no name of stays with its provider. Nothing but a
// fault leaves one so: a crash that left it in doubt, whether or not it was sent again, or a provider whose answer
// was lost.
func (c *checker) unnamed() {
	crashes := c.crashes()
	named, times := c.named(), c.times()
	for i := range c.messages {
		m := &c.messages[i]
		k := goal{told{c.byMark[m.mark], m.recipient}, m.place}
		again := len(times[k]) > 1
		if m.recipient == "" {
			k.place = accounts(m.channel)
		}
		if !c.recalled[k.update] || !c.recallable(m.channel) {
			continue
		}
		if named[k] > 0 {
			named[k]--
			continue
		}
		c.counts.unnamed++
		crashed := slices.ContainsFunc(crashes, func(x crash) bool { return x.covers(m.at) && c.hurts(&x, m.channel) })
		if !again && !crashed && !c.misbehaved(m.provider, m.at) {
			c.found("recalls", "%s has a message of %s for %s since %s which the ledger has no name of, and no fault lost it", m.provider, m.mark, m.address, clock(m.at))
		}
	}
}

// named counts the messages that the ledger has names of.
func (c *checker) named() map[goal]int {
	all := map[goal]int{}
	for k, n := range c.rows {
		for a := range n.Attempts() {
			if a.Recall < notification.RecallKept && !a.CanBeRecalled() {
				continue
			}
			at := c.placeOf(n, a.Channel)
			if account(k.recipient) {
				k.recipient = "" // as the witness has it
			}
			all[goal{k, at}]++
		}
	}
	return all
}

// misbehaved reports whether a provider was out of order when it took a message.
func (c *checker) misbehaved(provider string, at time.Time) bool {
	return slices.ContainsFunc(c.faults, func(f inflicted) bool {
		return f.Kind == Conduct && f.Target == provider && !at.Before(f.From) && !at.After(f.To.Add(underway))
	})
}
