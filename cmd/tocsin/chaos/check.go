package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// facts are what a drill's checks go by: pure values, so that the checks can be tested.
type facts struct {
	*books
	customers map[string]*audience.Recipient
	published map[string]published
	faults    []inflicted
	cancelled map[int64]bool // updates that were called off, or may have been
	recalled  map[int64]bool // updates that were to be taken back
	// inDoubt is how many attempts on a channel one crash of its lane leaves in doubt.
	inDoubt func(channel string) int
	// public says of which channels everybody reads the messages.
	public func(channel string) bool
	// recallable says which channels' providers can take messages back.
	recallable func(channel string) bool
	// lanes are the processes that send, and tenures which channels each of them sent on, and when.
	lanes   []string
	tenures tenures
}

// finding is something that is not as Tocsin promises.
type finding struct{ check, what string }

// result is what the checks came to.
type result struct {
	findings []finding
	notes    []string // what is within bounds, but may be of interest
	counts   counts
}

// counts are the drill's figures.
type counts struct {
	messages, delivered       int
	repeats                   int
	repeatBound               int           // messages that crashes can have left in doubt
	crashes                   int           // that can leave attempts in doubt
	unrecorded                time.Duration // the longest time before a crash at which something was sent that was sent again
	minorRepeats, calmRepeats int
	stale                     int           // sent more than two seconds after newer news was planned
	staleBeyond               int           // of those, not explained by faults
	latest                    time.Duration // the longest after
	doubleReach               int
	unheard                   int // unreachable by the ledger, though a provider delivered
	recalledUpdates           int // that were told
	recalled, kept            int // messages that providers took back, and that they say they can't
	unnamed                   int // messages that were to be taken back, and of which the ledger has no name
	outcomes                  map[string]int
	notifications             int
}

// checker holds one drill's books to the promises.
type checker struct {
	facts
	result
	byMark map[string]int64             // updates by the marks in their texts
	update map[int64]*ledger.KeptUpdate // updates by id
	sent   map[told][]*seen             // messages by whom they were for, and of which update
	rows   map[told]*notification.Notification
}

// told is one update for one recipient.
type told struct {
	update    int64
	recipient string
}

// check holds the books to the promises.
func check(f facts) result {
	c := &checker{facts: f, byMark: map[string]int64{}, update: map[int64]*ledger.KeptUpdate{}, sent: map[told][]*seen{}, rows: map[told]*notification.Notification{}}
	c.counts.outcomes = map[string]int{}
	c.index()
	for i := range c.incidents {
		c.everybody(&c.incidents[i])
		c.outcomes(&c.incidents[i])
		c.stale(&c.incidents[i])
	}
	c.soonQuiet()
	c.consent()
	c.repeats()
	c.recalls()
	return c.result
}

func (c *checker) found(check, format string, args ...any) {
	c.findings = append(c.findings, finding{check, fmt.Sprintf(format, args...)})
}

func (c *checker) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

// index joins both books.
func (c *checker) index() {
	for i := range c.incidents {
		k := &c.incidents[i]
		for j := range k.updates {
			u := &k.updates[j]
			c.update[u.ID] = u
			if _, ours := c.published[u.Update.Update.EventID]; ours && u.RetryOf == 0 {
				c.byMark[u.Update.Update.EventID] = u.ID
			}
		}
		for j := range k.rows {
			n := &k.rows[j]
			c.rows[told{n.Update, c.recipients[n.Recipient]}] = n
		}
		c.counts.notifications += len(k.rows)
	}
	for i := range c.messages {
		m := &c.messages[i]
		c.counts.messages++
		if m.delivered {
			c.counts.delivered++
		}
		if id := c.byMark[m.mark]; id != 0 {
			k := told{id, m.recipient}
			c.sent[k] = append(c.sent[k], m)
		} else {
			c.found("nobody lost", "%s took a message for %s at %s with the mark %q, which is no update's", m.provider, m.address, clock(m.at), m.mark)
		}
	}
}

// everybody: whoever an update affects has a notification for it.
func (c *checker) everybody(k *kept) {
	for i := range k.updates {
		u := &k.updates[i]
		if u.State == ledger.NotAnnounced {
			if u.Update.Update.MergedInto == "" && !c.merged(k) && !c.cancelled[u.ID] {
				c.found("nobody lost", "update %s of %s was not announced: %s", u.Update.Update.EventID, k.key, u.Reason)
			}
			continue
		}
		if c.cancelled[u.ID] || u.RetryOf != 0 || u.Update.Update.Status == incident.Correction {
			continue // called off, it may end before everybody is planned; the others are for some only
		}
		selector := audience.NewSelector(u.Update.Update.Affects)
		for id, r := range c.customers {
			if selector.Matches(r) && c.rows[told{u.ID, id}] == nil {
				c.found("nobody lost", "%s is affected by update %s of %s, and has no notification", id, u.Update.Update.EventID, k.key)
			}
		}
	}
}

// merged reports whether an incident was merged into another one.
func (c *checker) merged(k *kept) bool {
	return slices.ContainsFunc(k.updates, func(u ledger.KeptUpdate) bool { return u.Update.Update.MergedInto != "" })
}

// outcomes: what the ledger says of a notification is what the witness saw.
func (c *checker) outcomes(k *kept) {
	for i := range k.rows {
		n := &k.rows[i]
		id := c.recipients[n.Recipient]
		sent := c.sent[told{n.Update, id}]
		name := n.Outcome.String()
		if n.Reason != "" {
			name += " (" + string(n.Reason) + ")"
		}
		c.counts.outcomes[name]++
		if arrivedTwice(n) {
			c.counts.doubleReach++
		}
		if n.Outcome == notification.Unreachable && slices.ContainsFunc(sent, func(m *seen) bool { return m.delivered }) {
			c.counts.unheard++
		}
		c.claims(n, id, sent)
		c.excuse(n, id, k)
	}
}

func arrivedTwice(n *notification.Notification) bool {
	arrived := 0
	for a := range n.Attempts() {
		if a.State == notification.Delivered || a.State == notification.Read {
			arrived++
		}
	}
	return arrived > 1
}

// claims: whatever a provider is said to have taken or delivered, it has.
func (c *checker) claims(n *notification.Notification, id string, sent []*seen) {
	on := func(channel string, delivered bool) bool {
		return account(id) || slices.ContainsFunc(sent, func(m *seen) bool { return m.channel == channel && (m.delivered || !delivered) })
	}
	for a := range n.Attempts() {
		arrived := a.State == notification.Delivered || a.State == notification.Read
		switch {
		case (a.Took || a.State == notification.Accepted) && !on(a.Channel, false):
			c.found("witness", "notification %d for %s: step %d on %s is %v, and no provider took it", n.ID, id, a.Step, a.Channel, a.State)
		case arrived && !on(a.Channel, true):
			c.found("witness", "notification %d for %s: step %d on %s is %v, and no provider delivered it", n.ID, id, a.Step, a.Channel, a.State)
		}
	}
	if n.Outcome == notification.Reached && !on(n.ReachedBy, false) {
		c.found("witness", "notification %d for %s is reached on %s, and no provider took it", n.ID, id, n.ReachedBy)
	}
}

func account(id string) bool {
	return strings.HasPrefix(id, audience.AccountPrefix)
}

// excuse: who was not reached has a reason that holds.
func (c *checker) excuse(n *notification.Notification, id string, k *kept) {
	why := ""
	switch n.Outcome {
	case notification.Open:
		why = "it is open"
	case notification.Superseded:
		if !c.succeeded(n, id) {
			why = "there is no newer news"
		}
	case notification.Unreachable, notification.Suppressed:
		why = c.reason(n, id)
	case notification.Reached:
	}
	if why != "" {
		c.found("nobody lost", "notification %d of update %s of %s for %s is %v (%s): %s",
			n.ID, c.update[n.Update].Update.Update.EventID, k.key, id, n.Outcome, n.Reason, why)
	}
}

// reason says what is wrong with the reason of somebody who was not told, "" if nothing.
func (c *checker) reason(n *notification.Notification, id string) string {
	r := c.customers[id]
	switch n.Reason {
	case notification.NoAddress, notification.NoConsent:
		if r != nil && slices.ContainsFunc(r.Consents, func(ch string) bool { return r.Address(ch) != "" }) {
			return "there is an address, and consent to use it"
		}
	case notification.Cancelled:
		if !c.cancelled[n.Update] {
			return "nobody has called it off"
		}
	case notification.InvalidAddress, notification.Rejected:
		if !c.wasRefused(id, r) {
			return "no provider has refused an address"
		}
	case notification.Silence, notification.Unavailable, notification.OutOfDate, notification.Undelivered:
		// Of providers that were down, silent, or slower than the news was useful.
	default:
		return "no reason that a drill gives"
	}
	return ""
}

// wasRefused reports whether a provider has refused somebody: a customer's address, or a public account.
func (c *checker) wasRefused(id string, r *audience.Recipient) bool {
	if r == nil {
		channel, address, _ := strings.Cut(strings.TrimPrefix(id, audience.AccountPrefix), ":")
		return c.refused[place{channel, address}]
	}
	return slices.ContainsFunc(r.Addresses, func(a audience.Address) bool { return c.refused[place{a.Channel, a.Address}] })
}

// succeeded reports whether there is a newer notification for the same recipient, in the incident or in
// the one that it was merged into.
func (c *checker) succeeded(n *notification.Notification, id string) bool {
	into := c.family(c.update[n.Update])
	for u, other := range c.update {
		if u > n.Update && c.family(other) == into && c.rows[told{u, id}] != nil {
			return true
		}
	}
	return false
}

// family is the incident that an update's customers hear of: its own, or the one that was merged into.
func (c *checker) family(u *ledger.KeptUpdate) ledger.IncidentKey {
	key := ledger.IncidentKey{Team: u.Update.Update.Team, Incident: u.Update.Update.Incident}
	for i := range c.incidents {
		if c.incidents[i].key != key {
			continue
		}
		for j := range c.incidents[i].updates {
			if m := c.incidents[i].updates[j].Update.Update.MergedInto; m != "" {
				return ledger.IncidentKey{Team: key.Team, Incident: m}
			}
		}
	}
	return key
}

// longestWait is how long it may take from the last message until everything has ended: an attempt in
// doubt waits until its provider can be asked, and for the answer, which may take as long again.
const longestWait = time.Minute

// soonQuiet: once the last message was taken, nothing but waits keeps anything open.
func (c *checker) soonQuiet() {
	if late := c.quiet.Sub(c.last()); len(c.messages) > 0 && late > longestWait {
		c.found("quiet", "it took %.1fs from the last message until everything had ended", late.Seconds())
	}
}

// consent: nothing went to where somebody has no address or gave no consent.
func (c *checker) consent() {
	for i := range c.messages {
		m := &c.messages[i]
		if m.recipient == "" {
			continue // a public account, or an address that nobody has
		}
		if !slices.Contains(c.customers[m.recipient].Consents, m.channel) {
			c.found("consent", "%s was told on %s at %s without consent", m.recipient, m.channel, clock(m.at))
		}
	}
}
