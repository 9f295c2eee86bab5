package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// around is what a page of notifications refers to.
type around struct {
	batches  map[int64]*ledger.KeptBatch
	awaited  map[int64]bool              // batches that have a deadline
	consents map[int64]*ledger.Recipient // recipients for whom something is queued
	left     map[int64][]audience.Withdrawal
	leaving  map[int64]bool // recipients for whom the engine is still to stop what they have left
}

// page checks the notifications of some recipients, those of one recipient side by side.
func (p *pass) page(ctx context.Context, ns []notification.Notification) error {
	all, err := p.around(ctx, ns)
	if err != nil {
		return err
	}
	for i := range ns {
		n := &ns[i]
		b := p.books[n.Update]
		b.rows++
		if isOpen(n) {
			b.open++
		}
		b.count.add(n)
		p.sum.Notifications++
		p.notification(n, all)
	}
	for from := 0; from < len(ns); {
		to := from + 1
		for to < len(ns) && ns[to].Recipient == ns[from].Recipient {
			to++
		}
		p.recipient(ns[from:to], all.batches)
		from = to
	}
	return nil
}

// around reads what a page refers to.
func (p *pass) around(ctx context.Context, ns []notification.Notification) (all around, err error) {
	var batches, waiting, numbers, everybody []int64
	for i := range ns {
		n := &ns[i]
		everybody = append(everybody, n.Recipient)
		for a := range n.Attempts() {
			batches = append(batches, a.Batch)
		}
		if isOpen(n) && n.Attempt.State != notification.Queued {
			waiting = append(waiting, n.Attempt.Batch)
		}
		if isQueued(n) {
			numbers = append(numbers, n.Recipient)
		}
	}
	if all.batches, err = batchesByID(ctx, p.view, batches); err != nil {
		return all, err
	}
	if all.awaited, err = p.awaited(ctx, waiting); err != nil {
		return all, err
	}
	if all.consents, err = recipients(ctx, p.view, numbers); err != nil {
		return all, err
	}
	return all, p.withdrawals(ctx, &all, slices.Compact(everybody))
}

func isQueued(n *notification.Notification) bool {
	return isOpen(n) && n.Attempt.State == notification.Queued
}

func (p *pass) awaited(ctx context.Context, batches []int64) (map[int64]bool, error) {
	slices.Sort(batches)
	ids, err := p.view.AwaitedBatches(ctx, slices.Compact(batches))
	awaited := make(map[int64]bool, len(ids))
	for _, id := range ids {
		awaited[id] = true
	}
	return awaited, err
}

func recipients(ctx context.Context, v ledger.View, numbers []int64) (map[int64]*ledger.Recipient, error) {
	slices.Sort(numbers)
	rs, err := v.RecipientsKept(ctx, slices.Compact(numbers))
	byNumber := make(map[int64]*ledger.Recipient, len(rs))
	for i := range rs {
		byNumber[rs[i].Number] = &rs[i]
	}
	return byNumber, err
}

// notification checks one, with what it refers to.
func (p *pass) notification(n *notification.Notification, all around) {
	for _, bad := range notification.Illegalities(n) {
		p.says(Legal, n.Update, n.ID, bad.Want, "%s", bad.Is)
	}
	if n.Attempt.State == notification.NoAttempt {
		return
	}
	p.inOrder(n, all.batches)
	for a := range n.Attempts() {
		p.sum.Attempts++
		p.batched(n, a, all.batches[a.Batch])
		p.notLeft(n, a, all.left[n.Recipient])
	}
	if isOpen(n) && n.Attempt.State != notification.Queued && !all.awaited[n.Attempt.Batch] {
		p.says(Awaited, n.Update, n.ID, "a deadline of its batch", "open, %v since batch %d, and nothing will bring it on", n.Attempt.State, n.Attempt.Batch)
	}
	if isQueued(n) && !all.leaving[n.Recipient] {
		p.consented(n, all.consents[n.Recipient])
	}
}

// inOrder: each step was queued after the one before, and the end came after that.
func (p *pass) inOrder(n *notification.Notification, batches map[int64]*ledger.KeptBatch) {
	var last time.Time
	for a := range n.Attempts() {
		if a.QueuedAt.IsZero() || a.QueuedAt.Add(p.Tolerance).Before(last) {
			p.says(Order, n.Update, n.ID, "after "+moment(last), "step %d was queued at %s", a.Step, moment(a.QueuedAt))
		}
		last = a.QueuedAt
	}
	if b := batches[firstAttempt(n).Batch]; b != nil && !b.NotBefore.IsZero() {
		return // put off to the end of quiet hours: it may have been settled before it was to leave
	}
	if first := plannedAt(n); !n.SettledAt.IsZero() && n.SettledAt.Add(p.Tolerance).Before(first) {
		p.says(Order, n.Update, n.ID, "after "+moment(first), "settled at %s", moment(n.SettledAt))
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "no time"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// plannedAt is when a notification was committed: that is when its first step was queued.
// Put off to the end of quiet hours, it counts as queued only then.
func plannedAt(n *notification.Notification) time.Time { return firstAttempt(n).QueuedAt }

func firstAttempt(n *notification.Notification) *notification.Attempt {
	if len(n.Past) > 0 {
		return &n.Past[0]
	}
	return &n.Attempt
}

// batched: what an attempt says of its batch, the batch says of it. A try that a lane gave back, and
// that was given up then, stays in the batch of the try before.
func (p *pass) batched(n *notification.Notification, a *notification.Attempt, b *ledger.KeptBatch) {
	if a.Batch == 0 {
		return // whether it may be in none is a question of its state
	}
	if p.withoutBatch(n.Update, b) {
		return
	}
	switch {
	case b == nil:
		p.says(Batched, n.Update, n.ID, "a batch that exists", "step %d is in batch %d, which does not exist", a.Step, a.Batch)
	case !slices.Contains(b.Members, n.ID):
		p.says(Batched, n.Update, n.ID, "a member of it", "step %d is in batch %d, which does not carry it", a.Step, a.Batch)
	case b.Update != n.Update || b.Channel != a.Channel || b.Step != a.Step || b.Locale != n.Locale:
		p.says(Batched, n.Update, n.ID, fmt.Sprintf("update %d, step %d on %s in %s", n.Update, a.Step, a.Channel, n.Locale),
			"batch %d is for update %d, step %d on %s in %s", b.ID, b.Update, b.Step, b.Channel, b.Locale)
	case b.Try > a.Try || (b.Try < a.Try && isQueued(n) && a == &n.Attempt):
		p.says(Batched, n.Update, n.ID, fmt.Sprintf("try %d", a.Try), "batch %d carries try %d", b.ID, b.Try)
	}
}

// consented: what is still queued is consented to, unless there is word to the engine that it no longer is.
func (p *pass) consented(n *notification.Notification, r *ledger.Recipient) {
	if r == nil || !slices.Contains(r.Consents, n.Attempt.Channel) {
		p.says(Consent, n.Update, n.ID, "consent to it", "queued on %s for recipient %d, who does not consent to it", n.Attempt.Channel, n.Recipient)
	}
}

// recipient checks what an incident's updates have for one recipient, in the order of their commits.
func (p *pass) recipient(ns []notification.Notification, batches map[int64]*ledger.KeptBatch) {
	byUpdate := map[int64]int64{}
	for i := range ns {
		n := &ns[i]
		if other := byUpdate[n.Update]; other != 0 {
			p.says(OnePerRecipient, n.Update, n.ID, "one", "a second notification for recipient %d, beside %d", n.Recipient, other)
		}
		byUpdate[n.Update] = n.ID
	}
	for i := range ns {
		if newer := p.successor(ns, &ns[i]); newer != nil {
			p.overtaken(&ns[i], newer, batches)
		}
	}
}

// successor is the first notification for the same recipient of a newer update that supersedes it, nil
// if there is none.
func (p *pass) successor(ns []notification.Notification, n *notification.Notification) *notification.Notification {
	var first *notification.Notification
	for i := range ns {
		if o := &ns[i]; o.Update > n.Update && p.supersedes(o.Update, n.Update) && (first == nil || o.Update < first.Update) {
			first = o
		}
	}
	return first
}

// supersedes reports whether a newer update stops an older one: a correction of one update stops that
// and what is older, not newer news.
func (p *pass) supersedes(newer, older int64) bool {
	corrects := p.books[newer].Update.Update.Corrects
	if corrects == "" {
		return true
	}
	for id, b := range p.books {
		if b.Update.Update.EventID == corrects {
			return older <= id
		}
	}
	return true
}

// overtaken: once a newer notification is committed for the recipient, the older one is to be stopped.
// The page that commits the newer one leaves word of it in the same transaction, and the engine takes
// that away when it has marked the older one: so one that is open is either marked, or there is word.
// Marked, it queues no further step. (What was put off to the end of quiet hours counts as queued only
// then: that its batch is the older one tells.) What was queued in between, by the transaction that the engine was
// at when the page was committed, is what the tolerance is for.
func (p *pass) overtaken(n, newer *notification.Notification, batches map[int64]*ledger.KeptBatch) {
	if isOpen(n) && n.Stop == notification.GoOn && !p.pending[newer.Update] {
		p.says(NoStaleNews, n.Update, n.ID, "marked as stale, or to be marked",
			"open, though update %d is planned for recipient %d", newer.Update, n.Recipient)
	}
	since, batch := plannedAt(newer), firstAttempt(newer).Batch
	for a := range n.Attempts() {
		b := batches[a.Batch]
		if p.withoutBatch(n.Update, b) {
			continue // when it was to leave can't be said any more
		}
		putOff := a.Batch <= batch && b != nil && b.NotBefore.Equal(a.QueuedAt)
		if a.State != notification.NoAttempt && !putOff && a.QueuedAt.After(since.Add(p.Tolerance)) {
			p.says(NoStaleNews, n.Update, n.ID, "nothing after "+moment(since),
				"step %d was queued at %s, after update %d was planned for recipient %d", a.Step, moment(a.QueuedAt), newer.Update, n.Recipient)
		}
	}
}
