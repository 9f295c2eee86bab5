package ledgertest

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func applyStores(w *world) {
	w.people(2)
	u, ns := w.announce(update("a", 1), 2)
	var f ledger.Fold
	f.Now = at(60)
	change(&f, ns[0], func(n *notification.Notification) {
		reach("email", notification.Read, at(60))(n)
		n.Attempt.ProviderID, n.Stop = "p-1", notification.NewerNews
	})
	w.apply(f)
	want := f.Changed[0]
	want.Version++
	got, err := w.Notifications(w.ctx, []int64{ns[0].ID, ns[1].ID, 4711})
	w.must(err)
	w.equal("notifications", got, []notification.Notification{want, ns[1]})
	up, err := w.Update(w.ctx, u.ID)
	w.must(err)
	if !up.FirstNoticeAt.Equal(at(60)) {
		w.Errorf("first notice at %v, want %v", up.FirstNoticeAt, at(60))
	}
	f = ledger.Fold{Now: at(70)}
	change(&f, ns[1], reach("email", notification.Accepted, at(70)))
	w.apply(f)
	if up, err = w.Update(w.ctx, u.ID); err != nil || !up.FirstNoticeAt.Equal(at(60)) {
		w.Errorf("first notice moved to %v, %v", up.FirstNoticeAt, err)
	}
	w.apply(ledger.Fold{Now: at(80)}) // nothing changed is fine
}

func applyStale(w *world) {
	w.people(2)
	u, ns := w.announce(update("a", 1), 2)
	var f ledger.Fold
	f.Now = at(60)
	change(&f, ns[0], reach("email", notification.Delivered, at(60)))
	w.apply(f)
	before := w.snapshot(u.ID)
	// One good change, one of a version that is gone, and everything that could be left behind.
	f = ledger.Fold{Now: at(70)}
	change(&f, ns[1], next(notification.Failed, "x", at(70)))
	f.Batches = []ledger.AttemptBatch{further(&f.Changed[0])}
	change(&f, ns[0], giveUp(notification.Rejected, at(70)))
	f.Deadlines = []ledger.Deadline{{Batch: 1, Due: at(71)}}
	f.Early = []ledger.EarlyReceipt{{Channel: "sms", ProviderID: "x", State: channels.ReceiptRead, At: at(1)}}
	f.ProviderIDs = []ledger.ProviderAttempt{{Channel: "sms", ProviderID: "y", Attempt: notification.ID{Notification: 1}}}
	f.DoubleReached = []ledger.Occurrence{{Update: u.ID, Channel: "sms"}}
	w.wantErr(w.Apply(w.ctx, f), ledger.ErrConflict)
	w.equal("ledger after a refused fold", w.snapshot(u.ID), before)
	if early, err := w.EarlyReceipts(w.ctx, "sms", []string{"x"}); err != nil || len(early) != 0 {
		w.Errorf("early receipts left behind: %v, %v", early, err)
	}
	if ids, err := w.AttemptsByProviderID(w.ctx, "sms", []string{"y"}); err != nil || len(ids) != 0 {
		w.Errorf("provider ids left behind: %v, %v", ids, err)
	}
	if due, err := w.NextDeadline(w.ctx); err != nil || !due.IsZero() {
		w.Errorf("deadline left behind: %v, %v", due, err)
	}
	// A notification that doesn't exist is a conflict as well, not a silent nothing.
	ghost := ns[1]
	ghost.ID = 4711
	f = ledger.Fold{Now: at(80)}
	change(&f, ghost, giveUp(notification.Rejected, at(80)))
	w.wantErr(w.Apply(w.ctx, f), ledger.ErrConflict)
}

// snapshot is what there is to see of an update.
type snapshot struct {
	Notifications []notification.Notification
	Batches       []ledger.Batch
	Progress      []ledger.UpdateProgress
}

func (w *world) snapshot(update int64) snapshot {
	w.Helper()
	s, err := w.Incident(w.ctx, "payments", "a")
	w.must(err)
	batches, err := w.UnsentBatches(w.ctx, at(1<<20), 1000)
	w.must(err)
	return snapshot{w.of(update), batches, s.Progress}
}

func applyFurther(w *world) {
	w.people(2)
	u, ns := w.announce(update("a", 1), 2)
	var f ledger.Fold
	f.Now = at(60)
	for i := range ns {
		change(&f, ns[i], next(notification.Failed, "550", at(60)))
	}
	b := further(&f.Changed[0])
	b.Items = append(b.Items, ledger.Item{Notification: ns[1].ID, Address: "+37369000002"})
	f.Batches = []ledger.AttemptBatch{b}
	w.apply(f)
	got := w.of(u.ID)
	batches, err := w.UnsentBatches(w.ctx, at(61), 10)
	w.must(err)
	if len(batches) != 2 || batches[1].Channel != "sms" || batches[1].Step != 1 || len(batches[1].Items) != 2 {
		w.Fatalf("batches: %+v", batches)
	}
	w.equal("content", batches[1].Content, texts()[2].Content)
	for i := range got {
		if got[i].Attempt.Batch != batches[1].ID || len(got[i].Past) != 1 || got[i].Past[0].Code != "550" {
			w.Errorf("notification after a further attempt: %+v", got[i])
		}
	}
	if f.Changed[0].Attempt.Batch != batches[1].ID {
		w.Error("Apply doesn't tell its caller the new batch, so that what it keeps would be wrong")
	}
	// The past attempt is rewritten when word of it comes late.
	f = ledger.Fold{Now: at(90)}
	change(&f, got[0], func(n *notification.Notification) {
		n.Past[0].State, n.Past[0].Took, n.Past[0].ProviderID = notification.Delivered, true, "p-9"
		n.Outcome, n.Proof, n.ReachedBy, n.SettledAt = notification.Reached, channels.Delivered, "email", at(90)
	})
	w.apply(f)
	want := f.Changed[0]
	want.Version++
	w.equal("notification with a late receipt", w.of(u.ID)[0], want)
	s, err := w.Incident(w.ctx, "payments", "a")
	w.must(err)
	p := s.Progress[0]
	for _, c := range []struct {
		channel, what string
		want          int64
	}{{"email", "accepted", 1}, {"email", "delivered", 1}, {"email", "failed", 2}, {"sms", "queued", 2}, {"email", "reached", 1}, {"*", ledger.Fallback, 0}} {
		if n := p.Count(c.channel, c.what); n != c.want {
			w.Errorf("%s %s: %d, want %d", c.channel, c.what, n, c.want)
		}
	}
}

func waiting(w *world) {
	w.people(3)
	u, ns := w.announce(update("a", 1), 3)
	first := ns[0].Attempt.Batch
	var f ledger.Fold
	f.Now = at(60)
	change(&f, ns[0], reach("email", notification.Delivered, at(60)))
	change(&f, ns[1], next(notification.Failed, "x", at(60)))
	f.Batches = []ledger.AttemptBatch{further(&f.Changed[1])}
	w.apply(f)
	inFirst, err := w.Waiting(w.ctx, first)
	w.must(err)
	if len(inFirst) != 1 || inFirst[0].ID != ns[2].ID {
		w.Errorf("waiting in the first batch: %+v, want the third alone", inFirst)
	}
	inSecond, err := w.Waiting(w.ctx, w.of(u.ID)[1].Attempt.Batch)
	w.must(err)
	if len(inSecond) != 1 || inSecond[0].ID != ns[1].ID || len(inSecond[0].Past) != 1 {
		w.Errorf("waiting in the second batch: %+v", inSecond)
	}
	if none, err := w.Waiting(w.ctx, 4711); err != nil || len(none) != 0 {
		w.Errorf("waiting in no batch: %v, %v", none, err)
	}
}

func deadlines(w *world) {
	if due, err := w.NextDeadline(w.ctx); err != nil || !due.IsZero() {
		w.Errorf("next deadline of an empty ledger: %v, %v", due, err)
	}
	set := func(ds ...ledger.Deadline) { w.apply(ledger.Fold{Now: at(1), Deadlines: ds}) }
	due := func(now time.Time, limit int) []ledger.Deadline {
		ds, err := w.DueDeadlines(w.ctx, now, limit)
		w.must(err)
		return ds
	}
	silence, bounce := ledger.Deadline{Batch: 1, Due: at(100)}, ledger.Deadline{Batch: 1, Kind: ledger.Bounce, Due: at(50)}
	other := ledger.Deadline{Batch: 2, Kind: ledger.Inquiry, Due: at(70)}
	set(silence, bounce, other)
	later, earlier := silence, silence
	later.Due, earlier.Due = at(120), at(90)
	set(later)
	set(earlier) // does not take back what was given
	w.equal("due at 119", due(at(119), 10), []ledger.Deadline{bounce, other})
	w.equal("due at 120", due(at(120), 10), []ledger.Deadline{bounce, other, later})
	w.equal("the earliest", due(at(120), 1), []ledger.Deadline{bounce})
	if next, err := w.NextDeadline(w.ctx); err != nil || !next.Equal(at(50)) {
		w.Errorf("next deadline %v, %v; want %v", next, err, at(50))
	}
	// Done and moved on by another attempt of the batch meanwhile: it stays.
	w.apply(ledger.Fold{Now: at(60), Done: []ledger.Deadline{bounce, {Batch: 2, Kind: ledger.Inquiry, Due: at(69)}}})
	w.equal("after the bounce window", due(at(200), 10), []ledger.Deadline{other, later})
	again := other
	again.Due = at(300)
	w.apply(ledger.Fold{Now: at(60), Done: []ledger.Deadline{other}, Deadlines: []ledger.Deadline{again}})
	w.equal("done and set again in one fold", due(at(300), 10), []ledger.Deadline{later, again})
}

func earlyReceipts(w *world) {
	early := []ledger.EarlyReceipt{
		{Channel: "viber", ProviderID: "v1", State: channels.ReceiptDelivered, Code: "1", At: at(1)},
		{Channel: "viber", ProviderID: "v1", State: channels.ReceiptRead, At: at(2)},
		{Channel: "viber", ProviderID: "v2", State: channels.ReceiptFailed, Code: "9", At: at(3)},
		{Channel: "sms", ProviderID: "v1", State: channels.ReceiptRead, At: at(4)},
	}
	w.apply(ledger.Fold{Now: at(5), Early: early})
	got, err := w.EarlyReceipts(w.ctx, "viber", []string{"v1", "v3"})
	w.must(err)
	if len(got) != 2 || got[0].ID >= got[1].ID {
		w.Fatalf("early receipts: %+v", got)
	}
	ids := []int64{got[0].ID, got[1].ID}
	got[0].ID, got[1].ID = 0, 0
	w.equal("early receipts", got, early[:2])
	w.apply(ledger.Fold{Now: at(6), Claimed: ids[:1]})
	if got, err = w.EarlyReceipts(w.ctx, "viber", []string{"v1", "v2"}); err != nil || len(got) != 2 || got[0].State != channels.ReceiptRead {
		w.Errorf("after one was claimed: %+v, %v", got, err)
	}
}

func providerIDs(w *world) {
	first := ledger.ProviderAttempt{Channel: "viber", ProviderID: "v1", Attempt: notification.ID{Notification: 7, Step: 1, Try: 2}}
	thief := ledger.ProviderAttempt{Channel: "viber", ProviderID: "v1", Attempt: notification.ID{Notification: 8}}
	other := ledger.ProviderAttempt{Channel: "sms", ProviderID: "v1", Attempt: notification.ID{Notification: 9}}
	w.apply(ledger.Fold{Now: at(1), ProviderIDs: []ledger.ProviderAttempt{first, other}})
	w.apply(ledger.Fold{Now: at(2), ProviderIDs: []ledger.ProviderAttempt{first, thief}})
	got, err := w.AttemptsByProviderID(w.ctx, "viber", []string{"v1", "v2", "it's"})
	w.must(err)
	w.equal("attempts by provider's id", got, []ledger.ProviderAttempt{first})
}

func superseding(w *world) {
	w.people(4)
	_, old := w.announce(update("a", 1), 4)
	var f ledger.Fold
	f.Now = at(20)
	change(&f, old[1], reach("email", notification.Delivered, at(20)))
	w.apply(f)
	newer, _ := w.announce(update("a", 2), 3) // a narrower audience: the fourth keeps the old news
	pages, err := w.SupersedingPages(w.ctx, 10)
	w.must(err)
	if len(pages) != 1 || pages[0].Update != newer.ID || pages[0].Last-pages[0].First != 2 {
		w.Fatalf("superseding pages: %+v", pages)
	}
	outdated := func() []int64 {
		ns, err := w.Outdated(w.ctx, pages[0])
		w.must(err)
		var ids []int64
		for _, n := range ns {
			ids = append(ids, n.ID)
		}
		return ids
	}
	w.equal("outdated", outdated(), []int64{old[0].ID, old[2].ID})
	f = ledger.Fold{Now: at(30)}
	change(&f, old[0], func(n *notification.Notification) { n.Stop = notification.NewerNews })
	change(&f, old[2], func(n *notification.Notification) {
		n.Stop, n.Attempt.State, n.Attempt.Took = notification.NewerNews, notification.Accepted, true
	})
	w.apply(f)
	w.equal("outdated and still queued, so that their lane can be told again", outdated(), []int64{old[0].ID})
	w.apply(ledger.Fold{Now: at(40), Superseded: []int64{pages[0].ID}})
	if pages, err = w.SupersedingPages(w.ctx, 10); err != nil || len(pages) != 0 {
		w.Errorf("pages after they are done: %+v, %v", pages, err)
	}
}

func supersedingOnlyOlder(w *world) {
	w.people(2)
	none := func(why string) {
		w.Helper()
		if pages, err := w.SupersedingPages(w.ctx, 10); err != nil || len(pages) != 0 {
			w.Fatalf("%s: %+v, %v", why, pages, err)
		}
	}
	_, first := w.announce(update("a", 1), 2)
	none("the first update of an incident")
	w.announce(update("b", 1), 2)
	none("another incident")
	var f ledger.Fold
	f.Now = at(20)
	for i := range first {
		change(&f, first[i], reach("email", notification.Delivered, at(20)))
	}
	w.apply(f)
	w.announce(update("a", 2), 2)
	none("the older update is closed")
	w.announce(update("a", 3), 1)
	if pages, err := w.SupersedingPages(w.ctx, 10); err != nil || len(pages) != 1 {
		w.Errorf("an older update is open, pages: %+v, %v", pages, err)
	}
}

func closes(w *world) {
	w.people(2)
	u, ns := w.announce(update("a", 1), 2)
	other, _ := w.announce(update("b", 1), 1)
	for i, want := range []ledger.UpdateState{ledger.Sending, ledger.Closed} {
		var f ledger.Fold
		f.Now = at(20 + i)
		change(&f, ns[i], giveUp(notification.Rejected, at(20+i)))
		w.apply(f)
		if got, err := w.Update(w.ctx, u.ID); err != nil || got.State != want {
			w.Errorf("after %d of 2: %s, %v; want %s", i+1, got.State, err, want)
		}
	}
	if got, err := w.Update(w.ctx, other.ID); err != nil || got.State != ledger.Sending {
		w.Errorf("the other update is %s, %v", got.State, err)
	}
	// While pages are still coming, an update doesn't close though nobody is open.
	third := w.begin(update("c", 1))
	w.must(w.CommitPage(w.ctx, page(third, 1, 1, false)))
	var f ledger.Fold
	f.Now = at(30)
	change(&f, w.of(third.ID)[0], reach("email", notification.Delivered, at(30)))
	w.apply(f)
	if got, err := w.Update(w.ctx, third.ID); err != nil || got.State != ledger.Planning {
		w.Errorf("an update in planning became %s, %v", got.State, err)
	}
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: third.ID, From: 1, Cursor: 2, Last: true, Now: at(31)}))
	if got, err := w.Update(w.ctx, third.ID); err != nil || got.State != ledger.Closed {
		w.Errorf("planned to the end and all settled: %s, %v", got.State, err)
	}
}
