package ledgertest

import (
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func (w *world) past(update int64) ledger.Past {
	w.Helper()
	p, err := w.Past(w.ctx, update)
	w.must(err)
	return p
}

func past(w *world) {
	w.people(2)
	first, _ := w.announce(update("a", 1), 2)
	w.equal("past of the first update", w.past(first.ID), ledger.Past{})
	w.announce(update("b", 1), 2)
	w.record(update("a", 2), ledger.NotAnnounced)
	w.record(update("a", 3), ledger.Held)
	empty := w.begin(update("a", 4))
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: empty.ID, Cursor: 2, Last: true, Now: at(10)}))
	third, _ := w.announce(update("a", 5), 1)
	w.equal("past without what nobody was told", w.past(third.ID).Updates, []ledger.PastUpdate{{ID: first.ID}})
	last := w.record(update("a", 6), ledger.Approved)
	w.equal("past, newest first", w.past(last), ledger.Past{Updates: []ledger.PastUpdate{{ID: third.ID}, {ID: first.ID}}})
}

func toldBy(w *world) {
	w.people(9)
	u := w.begin(update("a", 1))
	p := page(u, 1, 7, true)
	p.Cursor = 9
	p.Notifications = append(p.Notifications,
		ledger.NewNotification{Recipient: 8, Locale: "ro", Outcome: notification.Suppressed, Reason: notification.NoConsent})
	w.must(w.CommitPage(w.ctx, p))
	ns := w.of(u.ID)
	f := ledger.Fold{Now: at(20)}
	change(&f, ns[1], reach("email", notification.Delivered, at(20)))
	change(&f, ns[2], giveUp(notification.Rejected, at(20))) // no provider ever took it
	change(&f, ns[3], func(n *notification.Notification) {
		n.Attempt.Took = true
		giveUp(notification.Undelivered, at(20))(n)
	})
	change(&f, ns[4], func(n *notification.Notification) { // in doubt to the end
		n.Attempt.State = notification.Expired
		n.Outcome, n.Reason, n.SettledAt = notification.Unreachable, notification.Silence, at(20)
	})
	change(&f, ns[5], func(n *notification.Notification) {
		n.Attempt.Took = true
		next(notification.Failed, "550", at(20))(n)
	})
	f.Batches = []ledger.AttemptBatch{further(&f.Changed[4])}
	change(&f, ns[6], func(n *notification.Notification) { // stopped before it left
		n.Attempt.State, n.Outcome, n.Reason, n.SettledAt = notification.Revoked, notification.Superseded, notification.NewerUpdate, at(20)
	})
	w.apply(f)
	f = ledger.Fold{Now: at(30)}
	change(&f, w.of(u.ID)[5], giveUp(notification.Rejected, at(30)))
	w.apply(f)
	told := func(recipients ...int64) []ledger.Told {
		w.Helper()
		all, err := w.ToldBy(w.ctx, u.ID, recipients)
		w.must(err)
		return all
	}
	w.equal("told", told(9, 8, 7, 6, 5, 4, 3, 2, 1, 77), []ledger.Told{{Recipient: 1}, {Recipient: 2, Channel: "email"}, {Recipient: 4}, {Recipient: 5}, {Recipient: 6}})
	w.equal("told of those asked about", told(2, 3), []ledger.Told{{Recipient: 2, Channel: "email"}})
	w.equal("told of those in between and not asked about", told(1, 4, 5), []ledger.Told{{Recipient: 1}, {Recipient: 4}, {Recipient: 5}})
	w.equal("told of those far apart", told(2, 900, 6), []ledger.Told{{Recipient: 2, Channel: "email"}, {Recipient: 6}})
	w.equal("nobody asked about", told(), []ledger.Told{})
}

func countMessages(w *world) {
	w.people(3)
	var ids []int64
	for i, key := range []string{"a", "b", "c", "d"} { // let go at 18:00:01, …04
		u, _ := w.announce(update(key, i+1), 2)
		ids = append(ids, u.ID)
	}
	u := w.begin(update("e", 5))
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: u.ID, Cursor: 3, Last: true, Now: at(10), Notifications: []ledger.NewNotification{
		{Recipient: 1, Locale: "ro", Outcome: notification.Suppressed, Reason: notification.FrequencyCap},
	}}))
	f := ledger.Fold{Now: at(20)}
	change(&f, w.of(ids[1])[0], reach("email", notification.Delivered, at(20)))
	change(&f, w.of(ids[2])[0], giveUp(notification.Rejected, at(20))) // reached nobody, so bothered nobody
	change(&f, w.of(ids[3])[1], func(n *notification.Notification) {
		n.Attempt.Took = true
		giveUp(notification.Undelivered, at(20))(n)
	})
	w.apply(f)
	for _, tt := range []struct {
		update int64
		since  int
		of     []int64
		want   map[int64]int
	}{
		{u.ID, 0, []int64{1, 2, 3}, map[int64]int{1: 3, 2: 4}},
		{u.ID, 1, []int64{1, 2, 3}, map[int64]int{1: 2, 2: 3}},
		{ids[3], 0, []int64{1, 2}, map[int64]int{1: 2, 2: 3}}, // itself doesn't count
		{u.ID, 0, []int64{2}, map[int64]int{2: 4}},
		{u.ID, 9, []int64{1, 2}, nil},
		{u.ID, 0, nil, nil},
	} {
		got, err := w.CountMessages(w.ctx, tt.update, at(tt.since), tt.of)
		w.must(err)
		w.equal("messages", got, tt.want)
	}
}

func deferredPage(w *world) {
	w.people(4)
	u := w.begin(update("a", 1))
	p := page(u, 1, 4, true)
	late := p.Batches[0]
	late.Batch.NotBefore = at(500)
	late.From, late.Items = 2, late.Items[2:]
	p.Batches[0].To, p.Batches[0].Items = 2, p.Batches[0].Items[:2]
	p.Batches = append(p.Batches, late)
	w.must(w.CommitPage(w.ctx, p))
	ns := w.of(u.ID)
	for i, want := range []int{10, 10, 500, 500} { // a step's wait begins when it may leave
		if !ns[i].Attempt.QueuedAt.Equal(at(want)) {
			w.Errorf("notification %d is queued at %v, want %v", i, ns[i].Attempt.QueuedAt, at(want))
		}
	}
	now, err := w.UnsentBatches(w.ctx, at(499), 10)
	w.must(err)
	then, err := w.UnsentBatches(w.ctx, at(500), 10)
	w.must(err)
	if len(now) != 1 || len(then) != 2 || then[1].Items[0].Notification != ns[2].ID {
		w.Errorf("before the time %+v, then %+v", now, then)
	}
}
