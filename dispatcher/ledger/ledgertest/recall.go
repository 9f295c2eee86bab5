package ledgertest

import (
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// pending are the notifications that an errand is about, by id.
func (w *world) pending(e ledger.Errand) []int64 {
	w.Helper()
	ns, _, err := w.Pending(w.ctx, e)
	w.must(err)
	return slices.Sorted(slices.Values(idsOf(ns)))
}

func idsOf(ns []notification.Notification) []int64 {
	ids := make([]int64, len(ns))
	for i := range ns {
		ids[i] = ns[i].ID
	}
	return ids
}

// saidOf is the state of an update, with the reason.
func (w *world) saidOf(update int64) string {
	w.Helper()
	u, err := w.Update(w.ctx, update)
	w.must(err)
	return fmt.Sprintf("%s %q", u.State, u.Reason)
}

// recalledLive: what may still be sent of a recalled update is cancelled at once, and errands say so before
// any takes back what was sent.
func recalledLive(w *world) {
	w.people(4)
	u := w.begin(update("cards", 1))
	w.must(w.CommitPage(w.ctx, page(u, 1, 3, false)))
	ns := w.of(u.ID)
	w.reachAll(0, ns[:1])
	before := len(w.trail())
	w.obeyed(ledger.Order{Verb: ledger.Recall, Update: u.ID})
	w.equal("the update", w.saidOf(u.ID), `cancelled "recalled by Ana: a reason"`)
	w.wantErr(w.CommitPage(w.ctx, page(ledger.Update{ID: u.ID}, 4, 4, true)), ledger.ErrConflict)
	if w.unsent() != 0 {
		w.Errorf("%d batches of a recalled update may be sent", w.unsent())
	}
	first, err := w.Errands(w.ctx, 0, 1)
	w.must(err)
	rest, err := w.Errands(w.ctx, first[0].ID, 10)
	w.must(err)
	if len(first) != 1 || len(rest) != 1 || first[0].Verb != ledger.Cancel || rest[0].Verb != ledger.Recall || rest[0].Update != u.ID {
		w.Fatalf("errands %+v, then %+v", first, rest)
	}
	if none, err := w.Errands(w.ctx, rest[0].ID, 10); err != nil || len(none) != 0 {
		w.Errorf("after the last errand: %+v, %v", none, err)
	}
	w.equal("to be cancelled", w.pending(first[0]), idsOf(ns[1:]))
	w.equal("to be taken back", w.pending(rest[0]), idsOf(ns))
	if _, unsent, err := w.Pending(w.ctx, rest[0]); err != nil || !unsent[ns[1].ID] {
		w.Errorf("of a batch that was not handed over: %v, %v", unsent, err)
	}
	w.apply(ledger.Fold{Now: at(70), ErrandsDone: []int64{first[0].ID}})
	w.equal("errands left", w.errandsOf(u.ID), rest)
	left := ledger.Errand{Verb: ledger.Recall, Update: u.ID, Channel: "sms", First: ns[1].ID, Last: ns[2].ID}
	w.apply(ledger.Fold{Now: at(71), ErrandsDone: []int64{rest[0].ID}, Errands: []ledger.Errand{left}})
	got := w.errandsOf(u.ID)
	w.equal("what the engine leaves is about", w.pending(got[0]), idsOf(ns[1:]))
	got[0].ID = 0
	w.equal("errands left", got, []ledger.Errand{left})
	said := w.trail()[before:]
	want := "recall: 1 update recalled, with 2 notifications still open; what was sent is taken back where its provider can, and the report counts it"
	if len(said) != 1 || said[0].Kind != ledger.TrailOrder || said[0].Update != u.ID || said[0].By != "Ana" || said[0].Order != want {
		w.Errorf("the trail says %+v", said)
	}
}

// recalledClosed: an update that is over stays what it is, with an errand about all whom it told. Given again,
// the order leaves another.
func recalledClosed(w *world) {
	w.people(4)
	u := w.begin(update("cards", 1))
	w.must(w.CommitPage(w.ctx, page(u, 1, 2, false)))
	w.must(w.CommitPage(w.ctx, page(u, 3, 4, true)))
	ns := w.of(u.ID)
	w.reachAll(0, ns)
	was := w.saidOf(u.ID)
	w.obeyed(ledger.Order{ID: "1", Verb: ledger.Recall, Update: u.ID})
	w.equal("the update", w.saidOf(u.ID), was)
	w.obeyed(ledger.Order{ID: "1", Verb: ledger.Recall, Update: u.ID}) // carried out before
	errands := w.errandsOf(u.ID)
	var all []int64
	for _, e := range errands {
		all = append(all, w.pending(e)...)
		if e.Verb != ledger.Recall {
			w.Errorf("errand %+v", e)
		}
		e.Verb = ledger.Cancel
		w.equal("of the same range, to be cancelled", w.pending(e), []int64{})
	}
	w.equal("to be taken back", all, idsOf(ns))
	w.obeyed(ledger.Order{ID: "2", Verb: ledger.Recall, Update: u.ID})
	if again := w.errandsOf(u.ID); len(again) != 2*len(errands) {
		w.Errorf("ordered again, errands %+v", again)
	}
	r, err := w.Report(w.ctx, "payments", "cards")
	w.must(err)
	if !r.Balanced || len(r.Orders) != 2 || !r.Updates[0].Recalling {
		w.Errorf("balance %+v, orders %+v, being recalled: %v", r.Updates[0].Balance, r.Orders, r.Updates[0].Recalling)
	}
	done := ledger.Fold{Now: at(80)}
	for _, e := range w.errandsOf(u.ID) {
		done.ErrandsDone = append(done.ErrandsDone, e.ID)
	}
	w.apply(done)
	s, err := w.Incident(w.ctx, "payments", "cards")
	w.must(err)
	w.equal("being recalled, when it was asked for all", s.Progress[0].Recalling, false)
}

// recalledIncident: of an incident, each update is dealt with as it stands, and entered in the trail.
func recalledIncident(w *world) {
	w.people(2)
	over, ns := w.announce(update("cards", 1), 2)
	w.reachAll(0, ns)
	untold := w.record(update("cards", 2), ledger.NotAnnounced)
	live, open := w.announce(update("cards", 3), 2)
	held := w.record(update("cards", 4), ledger.Held)
	other, _ := w.announce(update("loans", 1), 2)
	untouched := []string{w.saidOf(over.ID), w.saidOf(untold), w.saidOf(other.ID)}
	before := len(w.trail())
	w.obeyed(ledger.Order{Verb: ledger.Recall})
	w.equal("those that stay", []string{w.saidOf(over.ID), w.saidOf(untold), w.saidOf(other.ID)}, untouched)
	for _, id := range []int64{live.ID, held} {
		w.equal("one that ends", w.saidOf(id), `cancelled "recalled by Ana: a reason"`)
	}
	errands, err := w.Errands(w.ctx, 0, 10)
	w.must(err)
	var left []string
	for _, e := range errands {
		left = append(left, fmt.Sprint(e.Verb, " ", e.Update, " ", w.pending(e)))
	}
	w.equal("errands", left, []string{
		fmt.Sprint("cancel ", live.ID, " ", idsOf(open)), fmt.Sprint("recall ", over.ID, " ", idsOf(ns)), fmt.Sprint("recall ", live.ID, " ", idsOf(open)),
	})
	var said []int64
	for _, e := range w.trail()[before:] {
		said = append(said, e.Update)
	}
	w.equal("updates that the trail has it of", said, []int64{over.ID, live.ID, held})
}

// recallsAreKept: how far a recall is, of the attempt under way and of those before it, is stored beside what
// the attempts proved.
func recallsAreKept(w *world) {
	w.people(2)
	u, _ := w.announce(update("cards", 1), 2)
	fold := func(second int, by ...func(*notification.Notification)) {
		w.Helper()
		f := ledger.Fold{Now: at(second)}
		before := w.of(u.ID)
		for i := range by {
			change(&f, before[i], by[i])
			if f.Changed[i].Attempt.Step != before[i].Attempt.Step {
				f.Batches = append(f.Batches, further(&f.Changed[i]))
			}
		}
		w.apply(f)
		want := f.Changed
		for i := range want {
			want[i].Version++
		}
		w.equal(fmt.Sprint("notifications at ", second), w.of(u.ID)[:len(want)], want)
	}
	current := func(r notification.Recall) func(*notification.Notification) {
		return func(n *notification.Notification) { n.Attempt.Recall = r }
	}
	past := func(r notification.Recall) func(*notification.Notification) {
		return func(n *notification.Notification) { n.Past[0].Recall = r }
	}
	fold(20, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Accepted, true }, next(notification.Expired, "", at(20)))
	fold(21, current(notification.RecallAsked), past(notification.RecallWanted)) // and nothing else of them
	fold(22, reach("email", notification.Delivered, at(22)), func(n *notification.Notification) {
		n.Past[0].Took, n.Past[0].Recall, n.Attempt.Recall = true, notification.RecallAsked, notification.RecallWanted
	})
	fold(23, current(notification.Recalled), past(notification.RecallKept))
	fold(24, func(n *notification.Notification) {
		n.Attempt.State, n.Proof = notification.Read, notification.Read.Proof()
	})
	got := read(w, func(v ledger.View) ([]notification.Notification, error) {
		ns, _, err := v.NotificationsOf(w.ctx, []int64{u.ID}, 0, 10)
		return ns, err
	})
	w.equal("what an audit reads", got, w.of(u.ID))
	r, err := w.Report(w.ctx, "payments", "cards")
	w.must(err)
	c := r.Updates[0].Channels[slices.IndexFunc(r.Updates[0].Channels, func(c ledger.ChannelReport) bool { return c.Channel == "email" })]
	w.equal("asked back, kept and recalled", []int64{c.RecallAsked, c.RecallKept, c.Recalled}, []int64{2, 1, 1})
}

// addressesSent: where a message went is known as long as the directory has not changed since, for whatever
// reason; never is another address given out.
func addressesSent(w *world) {
	account := audience.Recipient{ID: audience.AccountPrefix + "email", Addresses: audience.Addresses{{Channel: "email", Address: "@bank"}}}
	w.people(4)
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{account}))
	_, ns := w.announce(update("a", 1), 5)
	old := ns[0].Attempt.Batch
	sent := func(batch int64, want map[string]string) { // by recipient and channel
		w.Helper()
		var to []ledger.SentTo
		for n := range int64(6) {
			for _, channel := range []string{"sms", "fax", "email"} {
				to = append(to, ledger.SentTo{Recipient: 6 - n, Channel: channel, Batch: batch})
			}
		}
		got, err := w.AddressesSent(w.ctx, append(to, to[0], to[3]))
		w.must(err)
		known := map[string]string{}
		for i := range to {
			if got[i] != "" {
				known[fmt.Sprint(to[i].Recipient, " ", to[i].Channel)] = got[i]
			}
		}
		w.equal("addresses", known, want)
		w.equal("those asked for twice", got[len(to):], []string{got[0], got[3]})
	}
	address := func(number, i int) string { return person(number).Addresses[i].Address }
	want := map[string]string{"5 email": "@bank"}
	for n := 1; n <= 4; n++ {
		want[fmt.Sprint(n, " email")], want[fmt.Sprint(n, " sms")] = address(n, 0), address(n, 1)
	}
	sent(old, want)

	moved, renamed := person(1), person(2)
	moved.Addresses, renamed.Name = audience.Addresses{moved.Addresses[0], {Channel: "sms", Address: "+37369999999"}}, "Other"
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{moved, renamed, account}))
	w.must(w.DeleteRecipient(w.ctx, person(3).ID))
	w.must(w.DeleteRecipient(w.ctx, person(4).ID))
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{person(4)})) // forgotten, and known again
	w.apply(ledger.Fold{Now: at(20), Dead: []ledger.DeadAddress{{Recipient: 2, Channel: "sms", Batch: old}}})
	for _, gone := range []string{"1 email", "1 sms", "3 email", "3 sms", "4 email", "4 sms"} {
		delete(want, gone)
	}
	sent(old, want)

	_, ns = w.announce(update("a", 2), 2)
	want["1 email"], want["1 sms"], want["4 email"], want["4 sms"] = address(1, 0), "+37369999999", address(4, 0), address(4, 1)
	sent(ns[0].Attempt.Batch, want)
	if none, err := w.AddressesSent(w.ctx, nil); err != nil || len(none) != 0 {
		w.Errorf("of nothing: %v, %v", none, err)
	}
}
