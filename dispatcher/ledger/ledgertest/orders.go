package ledgertest

import (
	"fmt"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// order carries out an order about payments/cards, or about an update.
func (w *world) order(o ledger.Order) ledger.OrderReport {
	w.Helper()
	r, err := w.give(o)
	w.must(err)
	return r
}

func (w *world) give(o ledger.Order) (ledger.OrderReport, error) {
	if o.ID == "" {
		o.ID = fmt.Sprint(o.Verb, "-", o.Update)
	}
	if o.Update == 0 && o.Verb != ledger.Move {
		o.Team, o.Incident = "payments", "cards"
	}
	o.By, o.Why, o.At = "Ana", "a reason", at(50)
	return w.CarryOut(w.ctx, o, at(60))
}

// obeyed carries out an order that must be.
func (w *world) obeyed(o ledger.Order) {
	w.Helper()
	if r := w.order(o); r.Refused {
		w.Fatalf("%s is refused: %s", o.Verb, r.Result)
	}
}

func (w *world) unsent() int {
	w.Helper()
	bs, err := w.UnsentBatches(w.ctx, at(100), 100)
	w.must(err)
	return len(bs)
}

// orderOnce: an order that comes again changes nothing, and is answered the same.
func orderOnce(w *world) {
	w.people(3)
	u, _ := w.announce(update("cards", 1), 3)
	first := w.order(ledger.Order{ID: "x", Verb: ledger.Pause, Update: u.ID})
	w.obeyed(ledger.Order{Verb: ledger.Resume, Update: u.ID})
	again := w.order(ledger.Order{ID: "x", Verb: ledger.Pause, Update: u.ID})
	w.equal("the report", again, first)
	if first.Team != "payments" || first.Incident != "cards" || first.Refused || !strings.Contains(first.Result, "paused") {
		w.Errorf("report %+v", first)
	}
	if w.unsent() != 1 {
		w.Error("paused by an order that was carried out before")
	}
	stored, err := w.Order(w.ctx, "x")
	w.must(err)
	w.equal("the stored report", stored, first)
	all, err := w.Orders(w.ctx, "payments", "cards")
	w.must(err)
	if len(all) != 2 {
		w.Errorf("%d orders, want 2", len(all))
	}
	_, err = w.Order(w.ctx, "unknown")
	w.wantErr(err, ledger.ErrNotFound)
}

// orderRefused: an order that makes no sense changes nothing and says why.
func orderRefused(w *world) {
	w.people(3)
	u, ns := w.announce(update("cards", 1), 3)
	f := ledger.Fold{Now: at(20)}
	for _, n := range ns {
		change(&f, n, reach("email", notification.Delivered, at(20)))
	}
	w.apply(f)
	untold := w.record(update("cards", 2), ledger.NotAnnounced)
	for i, tt := range []struct {
		order ledger.Order
		want  string
	}{
		{ledger.Order{Verb: ledger.Pause, Update: 99}, "no update 99"},
		{ledger.Order{Verb: ledger.Recall, Update: 99}, "no update 99"},
		{ledger.Order{Verb: ledger.Recall, Update: untold}, "nothing was sent"},
		{ledger.Order{Verb: ledger.Pause, Update: u.ID}, "closed"},
		{ledger.Order{Verb: ledger.Cancel, Update: u.ID}, "nothing is left"},
		{ledger.Order{Verb: ledger.Retry, Update: u.ID}, "nobody unreached"},
		{ledger.Order{Verb: ledger.Resume}, "already"},
		{ledger.Order{Verb: ledger.Budget}, "segments"},
		{ledger.Order{Verb: "dance"}, "dance"},
	} {
		tt.order.ID = fmt.Sprint(i)
		if r := w.order(tt.order); !r.Refused || !strings.Contains(r.Result, tt.want) {
			w.Errorf("%+v: %+v, want a refusal that says %q", tt.order, r, tt.want)
		}
	}
}

// paused: nothing of a paused incident or update is planned or handed to lanes.
func paused(w *world) {
	w.people(3)
	u, _ := w.announce(update("cards", 1), 3)
	w.obeyed(ledger.Order{ID: "1", Verb: ledger.Pause, Update: u.ID})
	due, err := w.NextBatchDue(w.ctx)
	w.must(err)
	if w.unsent() != 0 || !due.IsZero() {
		w.Errorf("a batch of a paused update is due at %v", due)
	}
	s, err := w.Incident(w.ctx, "payments", "cards")
	w.must(err)
	if s.Paused || !s.Progress[0].Paused {
		w.Errorf("incident paused %v, update paused %v", s.Paused, s.Progress[0].Paused)
	}
	w.obeyed(ledger.Order{ID: "2", Verb: ledger.Resume, Update: u.ID})
	w.obeyed(ledger.Order{ID: "3", Verb: ledger.Pause})
	next := w.record(update("cards", 2), ledger.Approved)
	if _, err := w.NextToPlan(w.ctx, 0); w.unsent() != 0 || err == nil {
		w.Error("a paused incident goes on")
	}
	w.obeyed(ledger.Order{ID: "4", Verb: ledger.Resume})
	planned, err := w.NextToPlan(w.ctx, 0)
	w.must(err)
	if planned.ID != next || w.unsent() != 1 {
		w.Errorf("resumed, update %d is planned, %d batches are unsent", planned.ID, w.unsent())
	}
}

// pausedBetweenPages: a page that was being planned when its update was paused is committed, and the
// next one when it goes on.
func pausedBetweenPages(w *world) {
	w.people(4)
	u := w.begin(update("cards", 1))
	w.obeyed(ledger.Order{ID: "1", Verb: ledger.Pause, Update: u.ID})
	w.must(w.CommitPage(w.ctx, page(u, 1, 2, false)))
	_, err := w.NextToPlan(w.ctx, 0)
	w.wantErr(err, ledger.ErrNotFound)
	w.obeyed(ledger.Order{ID: "2", Verb: ledger.Resume, Update: u.ID})
	u, err = w.NextToPlan(w.ctx, 0)
	w.must(err)
	if u.Cursor != 2 || w.unsent() != 1 {
		w.Errorf("goes on after number %d with %d batches unsent, want 2 and 1", u.Cursor, w.unsent())
	}
	w.must(w.CommitPage(w.ctx, page(u, 3, 4, true)))
}

// cancelled: a cancelled update is planned no further, and its open notifications are an errand.
func cancelled(w *world) {
	w.people(4)
	u := w.begin(update("cards", 1))
	w.must(w.CommitPage(w.ctx, page(u, 1, 2, false)))
	w.obeyed(ledger.Order{Verb: ledger.Cancel})
	w.wantErr(w.CommitPage(w.ctx, page(ledger.Update{ID: u.ID}, 3, 4, true)), ledger.ErrConflict)
	got, err := w.Update(w.ctx, u.ID)
	w.must(err)
	if got.State != ledger.Cancelled || !strings.Contains(got.Reason, "Ana") {
		w.Errorf("state %s, reason %q", got.State, got.Reason)
	}
	errands, err := w.Errands(w.ctx, 0, 10)
	w.must(err)
	if len(errands) != 1 || errands[0].Verb != ledger.Cancel || errands[0].Update != u.ID {
		w.Fatalf("errands %+v", errands)
	}
	ns, unsent, err := w.Pending(w.ctx, errands[0])
	w.must(err)
	if len(ns) != 2 || !unsent[ns[0].ID] || w.unsent() != 0 {
		w.Errorf("%d pending, unsent %v, %d batches to be sent", len(ns), unsent, w.unsent())
	}
	f := ledger.Fold{Now: at(70), ErrandsDone: []int64{errands[0].ID}}
	for _, n := range ns {
		change(&f, n, func(n *notification.Notification) {
			n.Stop, n.Attempt.State = notification.CalledOff, notification.Revoked
			n.Outcome, n.Reason, n.SettledAt = notification.Suppressed, notification.Cancelled, at(70)
		})
	}
	w.apply(f)
	for _, n := range w.of(u.ID) {
		if n.Stop != notification.CalledOff {
			w.Errorf("stop %v", n.Stop)
		}
	}
	if errands, err = w.Errands(w.ctx, 0, 10); err != nil || len(errands) != 0 {
		w.Errorf("errands left: %+v, %v", errands, err)
	}
	r, err := w.Report(w.ctx, "payments", "cards")
	w.must(err)
	if !r.Balanced || len(r.Orders) != 1 {
		w.Errorf("balance %+v, orders %+v", r.Updates[0].Balance, r.Orders)
	}
}

// errandsCoverAll: errands are ranges that together cover what is open.
func errandsCoverAll(w *world) {
	w.people(6)
	u := w.begin(update("cards", 1))
	w.must(w.CommitPage(w.ctx, page(u, 1, 3, false)))
	w.must(w.CommitPage(w.ctx, page(u, 4, 6, true)))
	w.must(w.MarkSent(w.ctx, []int64{w.of(u.ID)[0].Attempt.Batch}, at(20)))
	w.obeyed(ledger.Order{Verb: ledger.Move, Channel: "email"})
	errands, err := w.Errands(w.ctx, 0, 10)
	w.must(err)
	seen, waits := map[int64]bool{}, 0
	for _, e := range errands {
		if e.Verb != ledger.Move || e.Channel != "email" {
			w.Errorf("errand %+v", e)
		}
		ns, unsent, err := w.Pending(w.ctx, e)
		w.must(err)
		waits += len(unsent)
		for _, n := range ns {
			seen[n.ID] = true
		}
	}
	if len(seen) != 6 || waits != 3 {
		w.Errorf("%d notifications, of which %d wait unsent; want 6 and 3", len(seen), waits)
	}
}

// retried: an update told again is one of its own, for those alone who were not reached.
func retried(w *world) {
	w.people(3)
	u, ns := w.announce(update("cards", 1), 3)
	f := ledger.Fold{Now: at(20)}
	change(&f, ns[0], reach("email", notification.Delivered, at(20)))
	change(&f, ns[1], giveUp(notification.Rejected, at(20)))
	change(&f, ns[2], giveUp(notification.Rejected, at(20)))
	w.apply(f)
	w.must(w.DeleteRecipient(w.ctx, person(2).ID))
	w.obeyed(ledger.Order{Verb: ledger.Retry, Update: u.ID})
	again, err := w.NextToPlan(w.ctx, 0)
	w.must(err)
	if again.RetryOf != u.ID || again.ApprovedBy != "Ana" || again.Update.EventID == u.Update.EventID {
		w.Errorf("told again as %+v", again)
	}
	rs, err := w.UnreachedAfter(w.ctx, u.ID, 0, again.Until, 10)
	w.must(err)
	if len(rs) != 1 || rs[0].Number != 3 {
		w.Errorf("told again to %+v, want number 3", rs)
	}
	before, err := w.Texts(w.ctx, u.ID)
	w.must(err)
	after, err := w.Texts(w.ctx, again.ID)
	w.must(err)
	w.equal("the texts", after, before)
	w.equal("the terms", again.Terms, terms())
	old := update("cards", 1)
	if recorded, err := w.RecordUpdate(w.ctx, old, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{}, nil
	}); recorded || err != nil {
		w.Errorf("the original came again: recorded %v, %v", recorded, err)
	}
	if r := w.order(ledger.Order{ID: "again", Verb: ledger.Retry, Update: u.ID}); !r.Refused || !strings.Contains(r.Result, "newer") {
		w.Errorf("a retry beside another: %+v", r)
	}
}

// budget: what goes beyond an incident's budget waits until it is raised, and nothing is counted twice.
func budget(w *world) {
	w.people(4)
	u := w.begin(update("cards", 1))
	w.must(w.CommitPage(w.ctx, oneSMSEach(u, 4)))
	bs, err := w.UnsentBatches(w.ctx, at(100), 10)
	w.must(err)
	var ids []int64
	for _, b := range bs {
		if b.Units != 2 {
			w.Errorf("batch %d costs %d units, want 2", b.ID, b.Units)
		}
		ids = append(ids, b.ID)
	}
	for range 2 { // asked again after a crash
		beyond, err := w.Spend(w.ctx, ids, 5)
		w.must(err)
		w.equal("beyond the budget", beyond, ids[2:])
	}
	s, err := w.Incident(w.ctx, "payments", "cards")
	w.must(err)
	w.equal("the spending", s.Spending, ledger.Spending{Spent: 4, Cap: 5, Waiting: 4})
	if w.unsent() != 2 {
		w.Errorf("%d batches may be sent, want 2", w.unsent())
	}
	w.obeyed(ledger.Order{Verb: ledger.Budget, Segments: 6})
	beyond, err := w.Spend(w.ctx, ids, 5)
	w.must(err)
	w.equal("beyond the raised budget", beyond, ids[3:])
	r, err := w.Report(w.ctx, "payments", "cards")
	w.must(err)
	w.equal("the reported spending", r.Spending, ledger.Spending{Spent: 6, Cap: 6, Waiting: 2})
}

// givenUp: a batch with an end to its waiting has a deadline for it.
func givenUp(w *world) {
	w.people(2)
	u := w.begin(update("cards", 1))
	p := page(u, 1, 2, true)
	p.Batches[0].Batch.GivenUp = at(500)
	w.must(w.CommitPage(w.ctx, p))
	ds, err := w.DueDeadlines(w.ctx, at(500), 10)
	w.must(err)
	w.equal("deadlines", ds, []ledger.Deadline{{Batch: w.of(u.ID)[0].Attempt.Batch, Kind: ledger.Queue, Due: at(500)}})
}
