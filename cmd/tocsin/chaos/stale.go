package chaos

import (
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// staleAfter is how long after newer news was planned for somebody older news may still be sent, or
// else a window of each batch.
const staleAfter = 2 * time.Second

// takeover is how long it may take after a fault until everything does its work again: until a lease has
// ended, or a process has started.
const takeover = 10 * time.Second

// stale: nobody is told older news well after newer news was planned for them.
func (c *checker) stale(k *kept) {
	byRecipient := map[int64][]*notification.Notification{}
	for i := range k.rows {
		n := &k.rows[i]
		byRecipient[n.Recipient] = append(byRecipient[n.Recipient], n)
	}
	type place struct {
		newer   int64
		channel string
	}
	beyond := map[place]int{}
	for number, ns := range byRecipient {
		for _, n := range ns {
			newer := c.successor(n, ns)
			if newer == nil {
				continue
			}
			planned := newer.Begun()
			for _, m := range c.sent[told{n.Update, c.recipients[number]}] {
				late := m.at.Sub(planned)
				if late <= staleAfter {
					continue
				}
				c.counts.stale++
				c.counts.latest = max(c.counts.latest, late)
				if late-c.disturbed(planned, m.at) > staleAfter {
					c.note("%s was told %s at %s, %.1fs after newer news was planned", m.recipient, m.mark, clock(m.at), late.Seconds())
					beyond[place{newer.Update, m.channel}]++
				}
			}
		}
	}
	for at, n := range beyond {
		c.counts.staleBeyond += n
		if most := c.inDoubt(at.channel); n > most {
			c.found("stale news", "%d messages of older updates were sent on %s more than %v after update %s of %s was planned for their recipients; %d can have been under way",
				n, at.channel, staleAfter, c.update[at.newer].Update.Update.EventID, k.key, most)
		}
	}
}

// successor is the first notification that takes the place of n, nil if there is none.
func (c *checker) successor(n *notification.Notification, ns []*notification.Notification) *notification.Notification {
	var first *notification.Notification
	for _, o := range ns {
		if o.Update > n.Update && !o.Begun().IsZero() && c.supersedes(o.Update, n.Update) && (first == nil || o.Update < first.Update) {
			first = o
		}
	}
	return first
}

// supersedes: a correction of one update stops that and what is older, not newer news.
func (c *checker) supersedes(newer, older int64) bool {
	u := c.update[newer]
	return u.RetryOf == 0 && (u.Update.Update.Corrects == "" || older <= c.byMark[u.Update.Update.Corrects])
}

// disturbed is for how long of a span faults kept the word of newer news from the lanes.
func (c *checker) disturbed(from, to time.Time) time.Duration {
	var sum time.Duration
	at := from
	for at.Before(to) {
		next := to
		covered := false
		for i := range c.faults {
			f := &c.faults[i]
			if !delaysWord(f) {
				continue
			}
			begin, end := f.From, f.To.Add(takeover)
			switch {
			case !begin.After(at) && end.After(at):
				if !covered || end.After(next) {
					next = end
				}
				covered = true
			case begin.After(at) && !covered && begin.Before(next):
				next = begin
			}
		}
		if next.After(to) {
			next = to
		}
		if covered {
			sum += next.Sub(at)
		}
		at = next
	}
	return sum
}

// delaysWord reports whether a fault can keep the lanes from hearing of newer news: all but those of
// providers and of the API. (A lane that was hurt hears of it in the batch's journal.)
func delaysWord(f *inflicted) bool { return f.Kind != Conduct && f.Kind != CutHTTP }
