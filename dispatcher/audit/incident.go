package audit

import (
	"context"
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// book is what is gathered of one update while its rows go by.
type book struct {
	*ledger.KeptUpdate
	rows, open int64
	count      recount
	ended      []ledger.TrailOutcome // those of the rows that have an outcome
	texts      []ledger.FrozenText
	said       []ledger.ApprovalSaid
}

// pass is one incident's audit, in one view.
type pass struct {
	*auditor
	view    ledger.View
	key     ledger.IncidentKey
	books   map[int64]*book
	order   []int64        // updates, oldest first
	pending map[int64]bool // updates whose pages wait to supersede what is older
}

// incident audits one incident.
func (a *auditor) incident(ctx context.Context, v ledger.View, k ledger.IncidentKey) error {
	p := &pass{auditor: a, view: v, key: k, books: map[int64]*book{}, pending: map[int64]bool{}}
	a.sum.Incidents++
	if err := p.open(ctx); err != nil {
		return err
	}
	for after := int64(0); ; {
		ns, next, err := v.NotificationsOf(ctx, p.order, after, rowsAPage)
		if err != nil {
			return err
		}
		if len(ns) == 0 {
			break
		}
		if err := p.page(ctx, ns); err != nil {
			return err
		}
		after = next
	}
	for _, id := range p.order {
		if err := p.close(ctx, p.books[id]); err != nil {
			return err
		}
	}
	return nil
}

// open reads the updates and checks their texts.
func (p *pass) open(ctx context.Context) error {
	us, err := p.view.KeptUpdates(ctx, p.key)
	if err != nil {
		return err
	}
	for i := range us {
		u := &us[i]
		b := &book{KeptUpdate: u, count: newRecount()}
		if b.texts, err = p.view.KeptTexts(ctx, u.ID); err != nil {
			return err
		}
		if p.pending[u.ID], err = p.view.PendingSupersession(ctx, u.ID); err != nil {
			return err
		}
		if b.said, err = p.view.Approvals(ctx, u.ID); err != nil {
			return err
		}
		p.books[u.ID], p.order = b, append(p.order, u.ID)
		p.seen.updates[u.ID] = true
		p.sum.Updates++
		p.frozen(b)
	}
	return nil
}

// frozen: a text is what it was when it was frozen.
func (p *pass) frozen(b *book) {
	for _, x := range b.texts {
		p.sum.Texts++
		if is := ledger.Digest(x.Content); is != x.Hash {
			p.says(Texts, b.ID, 0, x.Hash, "the text for %s in %s has hash %s", x.Kind, x.Locale, is)
		}
	}
}

// says tells of a violation in this incident.
func (p *pass) says(i Invariant, update, n int64, want, is string, args ...any) {
	p.found(Violation{Invariant: i, Incident: p.key.String(), Update: update, Notification: n, Is: fmt.Sprintf(is, args...), Want: want})
}

// close checks what an update's rows add up to, its batches and what the trail says of it.
func (p *pass) close(ctx context.Context, b *book) error {
	tallies, err := p.view.Tallies(ctx, b.ID)
	if err != nil {
		return err
	}
	if b.Dropped == nil {
		b.ended = b.count.outcomes()
		b.count.compare(tallies, func(want, is string) { p.says(Tallies, b.ID, 0, want, "%s", is) })
	} else {
		p.dropped(b)
		p.keptTallies(b, tallies)
	}
	p.sums(b)
	p.approved(b)
	if err := p.batches(ctx, b); err != nil {
		return err
	}
	return p.trail(ctx, b)
}

// sums: the audience and the open ones are those that there are, and the state goes with them.
func (p *pass) sums(b *book) {
	if b.Audience != b.rows {
		p.says(Sums, b.ID, 0, fmt.Sprint(b.rows), "an audience of %d", b.Audience)
	}
	if b.Open != b.open {
		p.says(Sums, b.ID, 0, fmt.Sprint(b.open), "%d open", b.Open)
	}
	for _, rule := range []struct {
		states []ledger.UpdateState
		holds  bool
		want   string
	}{
		{[]ledger.UpdateState{ledger.Held, ledger.Approved, ledger.NotAnnounced}, b.rows == 0, "no notifications"},
		{[]ledger.UpdateState{ledger.Sending}, b.open > 0, "some open, or closed"},
		{[]ledger.UpdateState{ledger.Closed}, b.open == 0, "none open"},
	} {
		if slices.Contains(rule.states, b.State) && !rule.holds {
			p.says(Sums, b.ID, 0, rule.want, "%s with %d notifications, %d of them open", b.State, b.rows, b.open)
		}
	}
}

// batches: a batch has words to say, and the addresses to say them to until the lanes' queue has them.
func (p *pass) batches(ctx context.Context, b *book) error {
	for after := int64(0); ; {
		all, err := p.view.BatchesOf(ctx, b.ID, after, rowsAPage)
		if err != nil || len(all) == 0 {
			return err
		}
		for i := range all {
			after = all[i].ID
			p.sum.Batches++
			p.batch(b, &all[i])
		}
	}
}

func (p *pass) batch(b *book, k *ledger.KeptBatch) {
	if !slices.ContainsFunc(b.texts, func(x ledger.FrozenText) bool { return x.Kind == k.Kind && x.Locale == k.Locale }) {
		p.says(Texts, b.ID, 0, "one", "batch %d speaks to %s in %s, for which no text was frozen", k.ID, k.Kind, k.Locale)
	}
	switch want := len(k.Members); {
	case want == 0:
		p.says(Batches, b.ID, 0, "some", "batch %d has no members", k.ID)
	case k.SentAt.IsZero() && k.Items != want:
		p.says(Batches, b.ID, 0, fmt.Sprint(want), "batch %d waits for its lane with %d addresses", k.ID, k.Items)
	case !k.SentAt.IsZero() && k.Items != 0:
		p.says(Batches, b.ID, 0, "none", "batch %d was handed over and keeps %d addresses", k.ID, k.Items)
	}
}

// deadlines: there is a batch behind each.
func (a *auditor) deadlines(ctx context.Context, v ledger.View) error {
	for after := int64(0); ; {
		all, err := v.Deadlines(ctx, after, rowsAPage)
		if err != nil || len(all) == 0 {
			return err
		}
		var ids []int64
		for _, d := range all {
			a.sum.Deadlines++
			after, ids = d.Batch, append(ids, d.Batch)
		}
		known, err := batchesByID(ctx, v, ids)
		if err != nil {
			return err
		}
		for _, d := range all {
			if known[d.Batch] == nil {
				a.found(Violation{Invariant: Awaited, Is: fmt.Sprintf("a deadline of batch %d, which does not exist", d.Batch), Want: "no such deadline"})
			}
		}
	}
}

func batchesByID(ctx context.Context, v ledger.View, ids []int64) (map[int64]*ledger.KeptBatch, error) {
	slices.Sort(ids)
	all, err := v.BatchesByID(ctx, slices.Compact(ids))
	byID := make(map[int64]*ledger.KeptBatch, len(all))
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	return byID, err
}

// isOpen reports whether a notification has no outcome yet.
func isOpen(n *notification.Notification) bool { return n.Outcome == notification.Open }
