package ledgertest

import (
	"fmt"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func planOrder(w *world) {
	w.people(1)
	_, err := w.NextToPlan(w.ctx, 0)
	w.wantErr(err, ledger.ErrNotFound)
	held := w.record(update("a", 1), ledger.Held)
	w.record(update("b", 1), ledger.NotAnnounced)
	first := w.record(update("c", 1), ledger.Approved)
	for range 2 { // once begun, it stays the next until its last page
		u, err := w.NextToPlan(w.ctx, 0)
		w.must(err)
		if u.ID != first || u.State != ledger.Planning || u.Until != 1 || u.Cursor != 0 {
			w.Fatalf("next to plan: %+v", u)
		}
	}
	w.must(w.approve(held, "ana", at(3)))
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: first, Cursor: 1, Last: true, Now: at(4)}))
	u, err := w.NextToPlan(w.ctx, 0)
	w.must(err)
	if u.ID != held {
		w.Errorf("next to plan is %d, want the one just approved, %d", u.ID, held)
	}
}

func audienceFrozen(w *world) {
	w.people(2)
	u := w.begin(update("a", 1))
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{person(3)}))
	if u.Until != 2 {
		w.Errorf("planning goes until %d, want 2", u.Until)
	}
	again, err := w.NextToPlan(w.ctx, 0)
	w.must(err)
	if again.Until != 2 {
		w.Errorf("resumed planning goes until %d, want 2 as it began", again.Until)
	}
}

func pagesResume(w *world) {
	w.people(6)
	u := w.begin(update("a", 1))
	w.must(w.CommitPage(w.ctx, page(u, 1, 2, false)))
	u, err := w.NextToPlan(w.ctx, 0)
	w.must(err)
	if u.Cursor != 2 || u.Audience != 2 || u.State != ledger.Planning {
		w.Fatalf("after the first page: %+v", u)
	}
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: u.ID, From: 2, Cursor: 4, Now: at(11)})) // nobody of them is affected
	w.must(w.CommitPage(w.ctx, page(u, 5, 6, true)))
	_, err = w.NextToPlan(w.ctx, 0)
	w.wantErr(err, ledger.ErrNotFound)
	u, err = w.Update(w.ctx, u.ID)
	w.must(err)
	if u.State != ledger.Sending || u.Audience != 4 || u.Cursor != 6 {
		w.Errorf("planned update: %+v", u)
	}
}

func pagesGuarded(w *world) {
	w.people(4)
	u := w.begin(update("a", 1))
	w.must(w.CommitPage(w.ctx, page(u, 1, 2, false)))
	for name, p := range map[string]ledger.Page{
		"the same page again":          page(u, 1, 2, false),
		"a page that leaves a gap":     page(u, 4, 4, true),
		"a page of an unknown update":  page(ledger.Update{ID: 77}, 3, 4, true),
		"the same page, with an error": page(u, 1, 4, true),
	} {
		if err := w.CommitPage(w.ctx, p); err == nil {
			w.Errorf("%s was committed", name)
		} else {
			w.wantErr(err, ledger.ErrConflict)
		}
	}
	if n := len(w.of(u.ID)); n != 2 {
		w.Errorf("%d notifications, want 2: refused pages leave nothing", n)
	}
	w.must(w.CommitPage(w.ctx, page(u, 3, 4, true)))
	w.wantErr(w.CommitPage(w.ctx, ledger.Page{Update: u.ID, From: 4, Cursor: 4, Last: true, Now: at(12)}), ledger.ErrConflict)
}

func pageNumbers(w *world) {
	w.people(5)
	u := w.begin(update("a", 1))
	// Pages are laid out by batch, not by recipient: ids ascend in the order of the page.
	p := ledger.Page{Update: u.ID, Cursor: 5, Last: true, Now: at(10)}
	for _, r := range []int64{4, 1, 5, 2, 3} {
		p.Notifications = append(p.Notifications, ledger.NewNotification{Recipient: r, Locale: "ro", Steps: notification.Steps("email", "sms")})
	}
	p.Notifications[4].Steps = notification.Steps("sms")
	for _, cut := range []struct {
		from, to int
		channel  string
	}{{0, 2, "email"}, {2, 4, "email"}, {4, 5, "sms"}} {
		b := ledger.NewBatch{From: cut.from, To: cut.to, Batch: head(u.ID, cut.channel)}
		for i := cut.from; i < cut.to; i++ {
			b.Items = append(b.Items, ledger.Item{Address: fmt.Sprint("address ", i)})
		}
		p.Batches = append(p.Batches, b)
	}
	w.must(w.CommitPage(w.ctx, p))

	ns := w.of(u.ID)
	batches, err := w.UnsentBatches(w.ctx, at(20), 10)
	w.must(err)
	if len(ns) != 5 || len(batches) != 3 {
		w.Fatalf("%d notifications in %d batches", len(ns), len(batches))
	}
	i := 0
	for _, b := range batches {
		for _, it := range b.Items {
			n := ns[i]
			want := notification.Notification{
				ID: it.Notification, Update: u.ID, Recipient: p.Notifications[i].Recipient, Locale: "ro",
				Steps:   p.Notifications[i].Steps,
				Attempt: notification.Attempt{Channel: b.Channel, State: notification.Queued, Batch: b.ID, QueuedAt: at(10)},
			}
			w.equal("notification", n, want)
			if i > 0 && n.ID != ns[i-1].ID+1 {
				w.Errorf("id %d follows %d", n.ID, ns[i-1].ID)
			}
			if it.Address != fmt.Sprint("address ", i) {
				w.Errorf("item %d goes to %q", i, it.Address)
			}
			i++
		}
	}
}

func pageSettled(w *world) {
	w.people(3)
	u := w.begin(update("a", 1))
	p := page(u, 1, 1, true)
	p.Cursor = 3
	p.Notifications = append(p.Notifications,
		ledger.NewNotification{Recipient: 2, Locale: "ro", Outcome: notification.Unreachable, Reason: notification.NoAddress},
		ledger.NewNotification{Recipient: 3, Locale: "ro", Outcome: notification.Suppressed, Reason: notification.NoConsent})
	w.must(w.CommitPage(w.ctx, p))
	ns := w.of(u.ID)
	for i, want := range []notification.Outcome{notification.Open, notification.Unreachable, notification.Suppressed} {
		if ns[i].Outcome != want {
			w.Errorf("notification %d is %v, want %v", i, ns[i].Outcome, want)
		}
	}
	if n := ns[2]; n.Attempt.State != notification.NoAttempt || n.Reason != notification.NoConsent || !n.SettledAt.Equal(at(10)) || n.Attempt.Batch != 0 {
		w.Errorf("settled at planning: %+v", n)
	}
	s, err := w.Incident(w.ctx, "payments", "a")
	w.must(err)
	w.equal("tallies", s.Progress[0].Tallies, []ledger.Tally{
		{Channel: "", What: "suppressed", Count: 1}, {Channel: "", What: "unreachable", Count: 1},
		{Channel: "email", What: "planned", Count: 1}, {Channel: "email", What: "queued", Count: 1},
	})
	if s.Progress[0].Open != 1 || s.Progress[0].Audience != 3 {
		w.Errorf("progress: %+v", s.Progress[0])
	}
}

func emptyAudience(w *world) {
	w.people(1)
	u := w.begin(update("a", 1))
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: u.ID, Cursor: 1, Last: true, Now: at(4)}))
	got, err := w.Update(w.ctx, u.ID)
	w.must(err)
	if got.State != ledger.Closed || got.Reason == "" {
		w.Errorf("an update for nobody is %s, reason %q; want closed with a reason", got.State, got.Reason)
	}
	r, err := w.Report(w.ctx, "payments", "a")
	w.must(err)
	if !r.Balanced {
		w.Errorf("an empty audience doesn't balance: %+v", r.Updates[0].Balance)
	}

	// The same where all were settled at planning; its reason stays its own.
	u = w.begin(update("b", 1))
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: u.ID, Cursor: 1, Last: true, Now: at(4), Notifications: []ledger.NewNotification{
		{Recipient: 1, Locale: "ro", Outcome: notification.Suppressed, Reason: notification.NoConsent},
	}}))
	if got, err = w.Update(w.ctx, u.ID); err != nil || got.State != ledger.Closed || got.Reason != "" {
		w.Errorf("all settled at planning: %+v, %v", got, err)
	}
}

func unsentBatches(w *world) {
	w.people(4)
	u := w.begin(update("a", 1))
	w.must(w.CommitPage(w.ctx, page(u, 1, 2, false)))
	w.must(w.CommitPage(w.ctx, page(u, 3, 4, true)))
	all, err := w.UnsentBatches(w.ctx, at(20), 10)
	w.must(err)
	if len(all) != 2 || all[0].ID >= all[1].ID {
		w.Fatalf("unsent batches: %+v", all)
	}
	first := w.of(u.ID)[0].ID
	w.equal("batch", all[0], ledger.Batch{
		ID: all[0].ID, BatchHead: head(u.ID, "email"), Content: texts()[0].Content,
		Team: "payments", Incident: "a", Impact: "major",
		Items: []ledger.Item{
			{Notification: first, Address: "c1@example.com", Values: map[string]string{"name": "Name 1"}},
			{Notification: first + 1, Address: "c2@example.com", Values: map[string]string{"name": "Name 2"}},
		},
	})
	if one, err := w.UnsentBatches(w.ctx, at(20), 1); err != nil || len(one) != 1 || one[0].ID != all[0].ID {
		w.Errorf("with limit 1: %+v, %v", one, err)
	}
	w.must(w.MarkSent(w.ctx, []int64{all[0].ID}, at(21)))
	w.must(w.MarkSent(w.ctx, nil, at(21)))
	rest, err := w.UnsentBatches(w.ctx, at(22), 10)
	w.must(err)
	if len(rest) != 1 || rest[0].ID != all[1].ID {
		w.Errorf("after marking the first: %+v", rest)
	}
}

func batchesDue(w *world) {
	if due, err := w.NextBatchDue(w.ctx); err != nil || !due.IsZero() {
		w.Errorf("nothing is due at %v, %v", due, err)
	}
	w.people(2)
	_, ns := w.announce(update("a", 1), 2)
	w.must(w.MarkSent(w.ctx, []int64{ns[0].Attempt.Batch}, at(11)))
	var f ledger.Fold
	for i, due := range []int{500, 300} {
		change(&f, ns[i], func(n *notification.Notification) { n.Attempt.Try++ })
		b := further(&f.Changed[i])
		b.Channel, b.Kind, b.NotBefore = "email", "email", at(due)
		f.Batches = append(f.Batches, b)
	}
	f.Now = at(12)
	w.apply(f)
	if none, err := w.UnsentBatches(w.ctx, at(299), 10); err != nil || len(none) != 0 {
		w.Errorf("before their time: %+v, %v", none, err)
	}
	if due, err := w.NextBatchDue(w.ctx); err != nil || !due.Equal(at(300)) {
		w.Errorf("next due at %v, %v; want %v", due, err, at(300))
	}
	both, err := w.UnsentBatches(w.ctx, at(500), 10)
	w.must(err)
	if len(both) != 2 || both[0].Items[0].Notification != ns[1].ID || both[0].Try != 1 {
		w.Errorf("due batches, earliest first: %+v", both)
	}
}
