// Package audit holds a ledger to what must always be true of one, row by row, and exports what it
// says as evidence. It only reads, through a [ledger.View], and knows nothing of how the rows are kept.
//
// # What is checked
//
// [Run] checks one incident or all, and the trail as a whole. Each thing that must hold is an
// [Invariant]; each row that doesn't keep it is a [Violation]. It goes through an incident's recipients
// in the order of their numbers, with all that the incident's updates have for each, so that memory
// does not grow with the audience. An incident is read as it was at one moment: the check is as good
// beside a server at work as on a ledger at rest.
//
// # What can't be read
//
//   - Whether there was consent when an attempt was queued: the directory holds what is consented to
//     now. So what is still queued is held against that. What has left is held against what its recipient
//     has withdrawn, which the directory keeps with its time; not against consents that an import took away.
//   - When a step's later tries were queued: tries share the time of the first.
//   - How often an attempt was in a state that it has left: counts of those are held against how often
//     it can have been.
//   - What became of each recipient of an update whose rows were dropped as too old (ledger.keep). What was
//     counted of them stands in their place: it has the hash that the trail has entered, and the running
//     counts and the trail's other entries must agree with it.
//   - That the trail's end was cut off, together with the rows it speaks of: Options.Head, a head that was
//     noted elsewhere, shows that.
package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Ledger is what is audited.
type Ledger interface {
	View(ctx context.Context, f func(ledger.View) error) error
}

// Invariant is something that must hold in every ledger at every moment.
type Invariant string

// The invariants.
const (
	// OnePerRecipient: an update has one notification for each recipient.
	OnePerRecipient Invariant = "one_per_recipient"
	// Sums: an update's audience is the number of its notifications, its open ones are those without an
	// outcome, and its state is what those allow: closed is one that has none open.
	Sums Invariant = "sums"
	// Tallies: the running counts say what the rows say.
	Tallies Invariant = "tallies"
	// Legal: a notification and its attempts are in a combination of states that the engine can produce
	// (notification.Illegalities).
	Legal Invariant = "legal"
	// Order: a cascade's steps were queued one after the other, and settled after that.
	Order Invariant = "order"
	// Batched: an attempt is in a batch that exists, has it as a member, and is for it.
	Batched Invariant = "batched"
	// Batches: a batch keeps its addresses as long as it waits for the lanes' queue, and no longer.
	Batches Invariant = "batches"
	// Awaited: nothing is open without something that will bring it on: an attempt that has left has a
	// deadline, and deadlines are those of batches that exist.
	Awaited Invariant = "awaited"
	// NoStaleNews: once a newer update's notification was committed for a recipient, the older ones of
	// the same incident are marked or waiting to be, and queue nothing more.
	NoStaleNews Invariant = "no_stale_news"
	// Consent: what is still queued is on channels to which its recipient consents, or there is word to the
	// engine that one has left; and nothing was queued and sent after they had.
	Consent Invariant = "consent"
	// Approvals: an update that was let go has as many different people's approvals as its terms ask for, or
	// somebody broke the glass and said why, or it was not approved in time and its terms send it then.
	Approvals Invariant = "approvals"
	// Texts: a frozen text has the hash that was frozen with it, and every batch's text is there.
	Texts Invariant = "texts"
	// Trail: the chain of hashes holds, and what the trail says is what the ledger says.
	Trail Invariant = "trail"
)

// Invariants lists all invariants, in the order in which they are reported.
func Invariants() []Invariant {
	return []Invariant{OnePerRecipient, Sums, Tallies, Legal, Order, Batched, Batches, Awaited, NoStaleNews, Consent, Approvals, Texts, Trail}
}

// Violation is a row that does not keep an invariant.
type Violation struct {
	Invariant Invariant `json:"invariant"`
	// Incident is TEAM/INCIDENT; Update and Notification are ids, 0 where there is none in particular.
	Incident     string `json:"incident,omitempty"`
	Update       int64  `json:"update,omitempty"`
	Notification int64  `json:"notification,omitempty"`
	Is           string `json:"is"`
	Want         string `json:"want"`
}

// Options say what is audited.
type Options struct {
	// Incident is the one to audit; the zero key is all of them.
	Incident ledger.IncidentKey
	// Tolerance is by how much times may be out of their order: as far as the clocks of the processes
	// that wrote them may differ, and for NoStaleNews as long as the engine may take to hear of a page
	// of planning. It hears of it between two transactions, each of some thousands of events, and first of
	// all when it starts. DefaultTolerance is plenty for that; where product time runs faster than the
	// clock on the wall, it is to be that much longer.
	Tolerance time.Duration
	// Head must be in the trail; the zero head is in every trail.
	Head ledger.TrailHead
	// Found is called for each violation, at most Most times for each invariant; 0 is no limit.
	Found func(Violation)
	Most  int
}

// DefaultTolerance is for ledgers whose time is that of the clock on the wall.
const DefaultTolerance = 30 * time.Second

// Summary is what an audit went through and what it found.
type Summary struct {
	Incidents     int64 `json:"incidents"`
	Updates       int64 `json:"updates"`
	Notifications int64 `json:"notifications"`
	Attempts      int64 `json:"attempts"`
	Batches       int64 `json:"batches"`
	Deadlines     int64 `json:"deadlines"`
	Texts         int64 `json:"texts"`
	TrailEntries  int64 `json:"trail_entries"`
	// Violations counts by invariant, only those that there are.
	Violations map[Invariant]int64 `json:"violations"`
	// TrailHead is the newest entry of the trail that was checked.
	TrailHead ledger.TrailHead `json:"trail_head"`
}

// Clean reports whether nothing was found.
func (s *Summary) Clean() bool { return len(s.Violations) == 0 }

// auditor is an audit under way.
type auditor struct {
	Options
	sum  Summary
	seen seen
}

// seen is what the trail says that there is; it grows with updates, not with recipients.
type seen struct {
	before  int64                        // updates up to this one are older than the trail
	entered map[int64]ledger.IncidentKey // updates of which the trail says that they were recorded
	updates map[int64]bool               // updates that there are
}

// Run audits a ledger. It returns ledger.ErrNotFound if the incident asked for isn't there; an error is
// that the audit could not be brought to its end, never that something was found.
func Run(ctx context.Context, l Ledger, o Options) (Summary, error) {
	a := &auditor{
		Options: o,
		sum:     Summary{Violations: map[Invariant]int64{}},
		seen:    seen{entered: map[int64]ledger.IncidentKey{}, updates: map[int64]bool{}},
	}
	var keys []ledger.IncidentKey
	err := l.View(ctx, func(v ledger.View) (err error) {
		if err = a.chain(ctx, v); err == nil {
			keys, err = a.keys(ctx, v)
		}
		return err
	})
	if err != nil {
		return a.sum, err
	}
	for _, k := range keys {
		if err := l.View(ctx, func(v ledger.View) error { return a.incident(ctx, v, k) }); err != nil {
			return a.sum, fmt.Errorf("incident %s: %w", k, err)
		}
	}
	if o.Incident == (ledger.IncidentKey{}) {
		a.missing()
		err = l.View(ctx, func(v ledger.View) error { return a.deadlines(ctx, v) })
	}
	return a.sum, err
}

// keys lists the incidents that are to be audited.
func (a *auditor) keys(ctx context.Context, v ledger.View) ([]ledger.IncidentKey, error) {
	all, err := v.Incidents(ctx)
	if err != nil || a.Incident == (ledger.IncidentKey{}) {
		return all, err
	}
	for _, k := range all {
		if k == a.Incident {
			return []ledger.IncidentKey{k}, nil
		}
	}
	return nil, ledger.ErrNotFound
}

// found counts a violation and tells of it.
func (a *auditor) found(v Violation) {
	a.sum.Violations[v.Invariant]++
	if a.Found != nil && (a.Most == 0 || a.sum.Violations[v.Invariant] <= int64(a.Most)) {
		a.Found(v)
	}
}

// rowsAPage is how many rows, or recipients' numbers, are read at once.
const rowsAPage = 1000
