package ledgertest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// day is a moment of a day after the tests' own.
func day(n int) time.Time { return at(n * 86400) }

// announceOn is announce on a day, in a week of its own if the days are.
func (w *world) announceOn(n int, key string, nth, people int) (ledger.Update, []notification.Notification) {
	w.Helper()
	u := update(key, nth)
	u.Time = day(n)
	next := w.begin(u)
	p := page(next, 1, people, true)
	p.Now = day(n)
	w.must(w.CommitPage(w.ctx, p))
	return next, w.of(next.ID)
}

// reachAll settles notifications on a day.
func (w *world) reachAll(n int, ns []notification.Notification) {
	w.Helper()
	f := ledger.Fold{Now: day(n)}
	for _, one := range ns {
		change(&f, one, reach("email", notification.Delivered, day(n)))
	}
	w.apply(f)
}

// retain drops what is older than a day, a hundred days after the tests' own.
func (w *world) retain(before int) ledger.Dropped {
	w.Helper()
	d, err := w.Retain(w.ctx, day(before), day(100))
	w.must(err)
	return d
}

// retained: what is old and ended is dropped, with all that belongs to it; what the report counts, the
// texts and the trail stay, and so does all that is younger, or has not ended.
func retained(w *world) {
	w.people(3)
	old, ns := w.announceOn(0, "old", 1, 3)
	first := ns[0]
	f := ledger.Fold{Now: day(0), ProviderIDs: []ledger.ProviderAttempt{{Channel: "email", ProviderID: "mail-1", Attempt: notification.ID{Notification: first.ID}}},
		Early: []ledger.EarlyReceipt{{Channel: "email", ProviderID: "nobody", State: channels.ReceiptDelivered, At: day(0)}}}
	change(&f, first, next(notification.Failed, "550", day(0)))
	f.Batches = []ledger.AttemptBatch{further(&f.Changed[0])}
	f.Deadlines = []ledger.Deadline{{Batch: first.Attempt.Batch, Due: day(0)}}
	w.apply(f)
	ns = w.of(old.ID)
	f = ledger.Fold{Now: day(0).Add(time.Minute)}
	change(&f, ns[0], giveUp(notification.Undelivered, f.Now))
	change(&f, ns[1], reach("email", notification.Delivered, f.Now))
	change(&f, ns[2], reach("email", notification.Read, f.Now))
	w.apply(f)
	busy, _ := w.announceOn(14, "busy", 1, 2)
	young, ns := w.announceOn(60, "young", 1, 2)
	w.reachAll(60, ns)
	want, err := w.Report(w.ctx, "payments", "old")
	w.must(err)
	if !want.Balanced {
		w.Fatalf("before: %+v", want)
	}

	d := w.retain(40)
	if d.Nothing() || d.Updates != 1 || !d.OldestKept.Equal(day(14)) {
		w.Errorf("dropped %+v, want one update, and the oldest left to be of %v", d, day(14))
	}
	got, err := w.Report(w.ctx, "payments", "old")
	w.must(err)
	want.Updates[0].Dropped, want.TrailHead = true, got.TrailHead
	w.equal("report of what was dropped", got, want)
	w.gone(old.ID, &first)
	w.keptOf(&old, want.Updates[0].Audience)
	if n := len(w.of(busy.ID)) + len(w.of(young.ID)); n != 4 {
		w.Errorf("%d notifications are left of the others, want 4", n)
	}
	if d := w.retain(40); !d.Nothing() {
		w.Errorf("a second time: %+v", d)
	}
	r, err := w.CarryOut(w.ctx, ledger.Order{ID: "r", Verb: ledger.Retry, Update: old.ID, By: "ana", Why: "x", At: day(99)}, day(99))
	if w.must(err); !r.Refused {
		w.Errorf("retried though whom it reached is gone: %+v", r)
	}
	r, err = w.CarryOut(w.ctx, ledger.Order{ID: "b", Verb: ledger.Recall, Update: old.ID, By: "ana", Why: "x", At: day(99)}, day(99))
	if w.must(err); !r.Refused || !strings.Contains(r.Result, "so old that whom it reached is not kept") {
		w.Errorf("recalled though whom it reached is gone: %+v", r)
	}
}

// gone: nothing is left that grows with the messages.
func (w *world) gone(update int64, first *notification.Notification) {
	w.Helper()
	if ns := w.of(update); len(ns) != 0 {
		w.Errorf("notifications are left: %+v", ns)
	}
	if early, err := w.EarlyReceipts(w.ctx, "email", []string{"nobody"}); err != nil || len(early) != 0 {
		w.Errorf("early receipts: %+v, %v", early, err)
	}
	if ids, err := w.AttemptsByProviderID(w.ctx, "email", []string{"mail-1"}); err != nil || len(ids) != 0 {
		w.Errorf("providers' ids: %+v, %v", ids, err)
	}
	for r, err := range w.RecipientReports(w.ctx, "payments", "old") {
		w.Errorf("what became of each: %+v, %v", r, err)
	}
	w.must(w.View(w.ctx, func(v ledger.View) error {
		if bs, err := v.BatchesOf(w.ctx, update, 0, 10); err != nil || len(bs) != 0 {
			w.Errorf("batches: %+v, %v", bs, err)
		}
		if ids, err := v.AwaitedBatches(w.ctx, []int64{first.Attempt.Batch}); err != nil || len(ids) != 0 {
			w.Errorf("deadlines of %v, %v", ids, err)
		}
		return nil
	}))
}

// keptOf: an update whose rows were dropped says so, with the counts, and the trail has their hash.
func (w *world) keptOf(u *ledger.Update, audience int64) {
	w.Helper()
	w.must(w.View(w.ctx, func(v ledger.View) error {
		us, err := v.KeptUpdates(w.ctx, ledger.IncidentKey{Team: u.Update.Team, Incident: u.Update.Incident})
		w.must(err)
		texts, err := v.KeptTexts(w.ctx, u.ID)
		w.must(err)
		links, err := v.TrailOf(w.ctx, u.ID)
		w.must(err)
		last, err := (&ledger.TrailVerifier{Head: ledger.TrailHead{Seq: links[len(links)-1].Seq - 1, Hash: links[len(links)-1].Prev}}).Check(&links[len(links)-1])
		w.must(err)
		if len(texts) != 3 || last.Kind != ledger.TrailDropped || *last.Audience != audience || last.Digest != ledger.Digest(us[0].Dropped) {
			w.Errorf("kept are %d texts and %s, the trail ends with %+v", len(texts), us[0].Dropped, last)
		}
		return nil
	}))
}

// retainedWhileLive: as long as something is said of an incident, who was told of it stays known, also of
// what was merged into it.
func retainedWhileLive(w *world) {
	w.people(2)
	told, ns := w.announceOn(0, "a", 1, 2)
	w.reachAll(0, ns)
	merged, ns := w.announceOn(7, "b", 1, 2)
	w.reachAll(7, ns)
	into := update("b", 2)
	into.Time, into.MergedInto = day(8), "a"
	w.record(into, ledger.NotAnnounced)
	end := update("a", 2)
	end.Time, end.Status = day(80), incident.Resolved
	w.record(end, ledger.Held)
	if d := w.retain(40); d.Updates != 0 || len(w.of(told.ID)) != 2 || len(w.of(merged.ID)) != 2 {
		w.Errorf("dropped %+v of an incident that is alive", d)
	}
	if d := w.retain(90); d.Updates != 2 || len(w.of(told.ID))+len(w.of(merged.ID)) != 0 {
		w.Errorf("dropped %+v, want both updates", d)
	}
}

// retainedIDs: what was dropped keeps its ids to itself, also where nothing younger is left.
func retainedIDs(w *world) {
	w.people(2)
	_, ns := w.announceOn(0, "a", 1, 2)
	w.reachAll(0, ns)
	if d := w.retain(40); d.Updates != 1 || !d.OldestKept.IsZero() {
		w.Fatalf("dropped %+v", d)
	}
	_, again := w.announceOn(60, "b", 1, 2)
	for i := range again {
		if again[i].ID <= ns[len(ns)-1].ID || again[i].Attempt.Batch <= ns[0].Attempt.Batch {
			w.Errorf("notification %d in batch %d, after %d in batch %d was dropped", again[i].ID, again[i].Attempt.Batch, ns[1].ID, ns[0].Attempt.Batch)
		}
	}
}

// retainedByMany: several processes drop at once, while others plan and settle: each update is entered
// once, and everything else comes out as ever.
func retainedByMany(w *world) {
	const updates, places = 6, 3
	w.people(4)
	for i := range updates {
		_, ns := w.announceOn(0, fmt.Sprint("old-", i), 1, 4)
		w.reachAll(0, ns)
	}
	var total [places]int64
	together(places+1, func(place int) {
		if place == places {
			for i := range updates {
				_, ns := w.announceOn(60, fmt.Sprint("young-", i), 1, 4)
				w.reachAll(60, ns)
			}
			return
		}
		for total[place] = 0; w.ctx.Err() == nil; {
			d, err := w.Retain(context.WithoutCancel(w.ctx), day(40), day(100))
			if err != nil {
				w.Error(err)
				return
			}
			if total[place] += d.Updates; d.Nothing() {
				return
			}
		}
	})
	if sum := total[0] + total[1] + total[2]; sum != updates {
		w.Errorf("%d updates were dropped, want %d", sum, updates)
	}
	for i := range updates {
		for _, key := range []string{fmt.Sprint("old-", i), fmt.Sprint("young-", i)} {
			if r, err := w.Report(w.ctx, "payments", key); err != nil || !r.Balanced || r.Updates[0].Balance.Reached != 4 {
				w.Errorf("%s: %+v, %v", key, r, err)
			}
		}
	}
}
