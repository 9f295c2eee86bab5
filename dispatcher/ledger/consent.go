package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

// Consent is word on whether a channel may be used for somebody: of a customer, or of an operator.
type Consent struct {
	Channel string
	// On says that it may be used (again).
	On bool
	// Of whom it speaks, one of the three: of every customer who has an address on the channel, which
	// several may share; of the customer with an id; or of the one with the directory's number.
	Address   string
	Recipient string
	Number    int64

	Source audience.Source
	// By and Why say which operator it is, and for what reason.
	By, Why string
	At      time.Time
}

// Validate says what is wrong with a consent, nil if nothing is.
func (c *Consent) Validate() error {
	switch {
	case c.Channel == "":
		return fmt.Errorf("consent: it names no channel")
	case (c.Address != "") == (c.Recipient != "" || c.Number != 0) || (c.Recipient != "" && c.Number != 0):
		return fmt.Errorf("consent: it must speak of an address or of one customer")
	case !slices.Contains(audience.Sources(), c.Source):
		return fmt.Errorf("consent: %q is no source", c.Source)
	case c.Source == audience.ByOperator && (c.By == "" || c.Why == ""):
		return fmt.Errorf("consent: an operator's needs a name and a reason")
	}
	return nil
}

// ConsentReport is what came of a Consent.
type ConsentReport struct {
	// Customers is how many it spoke of, Changed for how many of them it was news.
	Customers int `json:"customers"`
	Changed   int `json:"changed"`
}

// Consents is what a store keeps of a customer's consents.
type Consents struct {
	Number int64
	ID     string
	// Imported are the channels that the directory was told of, Withdrawn those that the customer left.
	Imported  []string
	Withdrawn []audience.Withdrawal
	// Dead are the addresses that a provider has refused as invalid.
	Dead []audience.Address
}

// Heed returns what is kept after c, and whether that is another thing than before. A withdrawal is
// noted whether or not there was a consent: the next import may bring one. A customer's word gives
// back what they had withdrawn and nothing else: that somebody who shares the number never agreed
// stays so. An operator's gives in any case. Either revives the address, which some providers refuse as
// invalid while its owner has opted out.
func (c *Consent) Heed(h Consents) (after Consents, changed bool) {
	at := slices.IndexFunc(h.Withdrawn, func(w audience.Withdrawal) bool { return w.Channel == c.Channel })
	if c.On {
		return c.give(h, at)
	}
	after = h
	if at < 0 {
		after.Withdrawn = append(slices.Clone(h.Withdrawn), audience.Withdrawal{Channel: c.Channel, At: c.At, Source: c.Source})
		slices.SortFunc(after.Withdrawn, func(a, b audience.Withdrawal) int { return strings.Compare(a.Channel, b.Channel) })
	}
	return after, at < 0
}

// give is Heed of a consent that is given; at is the place of the channel's withdrawal, -1 if there is none.
func (c *Consent) give(h Consents, at int) (after Consents, changed bool) {
	after = h
	if at >= 0 {
		after.Withdrawn, changed = slices.Delete(slices.Clone(h.Withdrawn), at, at+1), true
	}
	if (at >= 0 || c.Source == audience.ByOperator) && !slices.Contains(h.Imported, c.Channel) {
		after.Imported, changed = append(slices.Clone(h.Imported), c.Channel), true
	}
	after.Dead = slices.DeleteFunc(slices.Clone(h.Dead), func(a audience.Address) bool { return a.Channel == c.Channel })
	return after, changed || len(after.Dead) < len(h.Dead)
}

// Entry is the trail's entry about one customer whose consent c has changed.
func (c *Consent) Entry(id string) TrailEntry {
	e := TrailEntry{At: c.At, Kind: TrailConsent, Order: "withdrawn", By: c.By, Why: c.Why, Recipient: id, Channel: c.Channel, Source: string(c.Source)}
	if c.On {
		e.Order = "given"
	}
	return e
}

// Withdrawer is a customer who has left channels.
type Withdrawer struct {
	Number    int64
	Withdrawn []audience.Withdrawal
}

// Withdrawn is the verb of errands that a withdrawal leaves, no operator's order: First to Last are
// numbers of recipients, for whom nothing is to stay queued on a channel that they have left.
const Withdrawn Verb = "withdrawn"

// LookBack is how far before a transaction that queues attempts a withdrawal may have come and yet not
// have been seen when they were decided on, in product time: a page is planned within seconds.
const LookBack = time.Hour

// Queued says for which recipients something is being queued, on which channels.
type Queued map[int64][]string

// Queued returns what a page queues.
func (p *Page) Queued() Queued {
	q := Queued{}
	for i := range p.Notifications {
		if n := &p.Notifications[i]; len(n.Steps) > 0 {
			q[n.Recipient] = append(q[n.Recipient], n.Steps[0].Channel)
		}
	}
	return q
}

// Queued returns what a fold queues.
func (f *Fold) Queued() Queued {
	if len(f.Batches) == 0 {
		return nil
	}
	members := map[int64]bool{}
	for i := range f.Batches {
		for j := range f.Batches[i].Items {
			members[f.Batches[i].Items[j].Notification] = true
		}
	}
	q := Queued{}
	for i := range f.Changed {
		if n := &f.Changed[i]; members[n.ID] {
			q[n.Recipient] = append(q[n.Recipient], n.Attempt.Channel)
		}
	}
	return q
}

// Recipients lists those for whom something is queued, in ascending order.
func (q Queued) Recipients() []int64 {
	all := make([]int64, 0, len(q))
	for number := range q {
		all = append(all, number)
	}
	slices.Sort(all)
	return all
}

// Overlooked returns which of the withdrawers something is queued for on a channel that they have left:
// the engine is to look at them again.
func (q Queued) Overlooked(ws []Withdrawer) []int64 {
	var all []int64
	for _, w := range ws {
		if slices.ContainsFunc(w.Withdrawn, func(left audience.Withdrawal) bool { return slices.Contains(q[w.Number], left.Channel) }) {
			all = append(all, w.Number)
		}
	}
	return all
}
