package ledgertest

import (
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
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

// correction is the n-th update of an incident, and corrects the one of the event named.
func correction(key string, n int, corrects string) incident.Update {
	u := update(key, n)
	u.Status, u.Corrects = incident.Correction, corrects
	return u
}

// refused records an update and wants it to be refused for what is at a path.
func (w *world) refused(u incident.Update, state ledger.UpdateState, path string) {
	w.Helper()
	before, err := w.Incidents(w.ctx, 100)
	w.must(err)
	_, err = w.RecordUpdate(w.ctx, u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{Update: u, State: state, ReceivedAt: u.Time, Incident: incident.Incident{
			Team: u.Team, ID: u.Incident, MergedInto: u.MergedInto,
		}}, nil
	})
	if bad, ok := errors.AsType[*incident.FaultError](err); !ok || len(bad.Faults) != 1 || bad.Faults[0].Path != path {
		w.Errorf("update %s: error %v, want a fault at %s", u.EventID, err, path)
	}
	after, err := w.Incidents(w.ctx, 100)
	w.must(err)
	w.equal("incidents after a refusal", after, before)
}

func corrections(w *world) {
	w.people(2)
	first, _ := w.announce(update("a", 1), 2)
	second, _ := w.announce(update("a", 2), 2)
	w.announce(update("b", 1), 2)
	one := w.record(correction("a", 3, "a-1"), ledger.Held)
	all := w.record(correction("a", 4, ""), ledger.Held)
	w.equal("past of a correction of the first", w.past(one).Updates, []ledger.PastUpdate{{ID: first.ID}})
	w.equal("past of a correction of everything", w.past(all).Updates, []ledger.PastUpdate{{ID: second.ID}, {ID: first.ID}})
	w.refused(correction("a", 5, "b-1"), ledger.Held, "data.corrects")
	w.record(correction("a", 5, "b-1"), ledger.NotAnnounced) // corrects nothing, being told to nobody
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
	w.equal("nobody asked about", told(), []ledger.Told{})
}

// merging is the n-th update of an incident, which merges it into another.
func merging(key string, n int, into string) incident.Update {
	u := update(key, n)
	u.MergedInto = into
	return u
}

func mergedPast(w *world) {
	w.people(2)
	grandchild, _ := w.announce(update("c", 1), 2)
	child, _ := w.announce(update("b", 1), 2)
	own, _ := w.announce(update("a", 1), 2)
	w.announce(update("d", 1), 2)
	other := merging("c", 2, "b")
	other.Affects = incident.Audience{Regions: []string{"south"}}
	w.record(other, ledger.NotAnnounced)
	w.record(merging("b", 2, "a"), ledger.NotAnnounced)
	late := w.record(merging("e", 1, "c"), ledger.NotAnnounced) // follows to the root, and was never told
	next := w.record(update("a", 2), ledger.Approved)
	w.equal("past of the root", w.past(next), ledger.Past{
		Updates: []ledger.PastUpdate{{ID: own.ID}, {ID: child.ID, Merged: true}, {ID: grandchild.ID, Merged: true}},
		Affects: []incident.Audience{{Regions: []string{"south"}}, {Services: []string{"cards"}}, {Services: []string{"cards"}}},
	})
	w.equal("past of what came before", w.past(child.ID).Updates, []ledger.PastUpdate{{ID: grandchild.ID, Merged: true}})
	w.equal("past of a merged one", w.past(late), ledger.Past{})
	for key, into := range map[string]string{"a": "", "b": "a", "c": "b", "e": "a"} {
		s, err := w.Incident(w.ctx, "payments", key)
		w.must(err)
		if s.MergedInto != into {
			w.Errorf("%s is merged into %q, want %q", key, s.MergedInto, into)
		}
	}
}

func mergedSuperseding(w *world) {
	w.people(3)
	_, child := w.announce(update("b", 1), 3)
	_, own := w.announce(update("a", 1), 3)
	if pages, err := w.SupersedingPages(w.ctx, 10); err != nil || len(pages) != 0 {
		w.Fatalf("before the merging: %+v, %v", pages, err)
	}
	w.record(merging("b", 2, "a"), ledger.NotAnnounced)
	newer, _ := w.announce(update("a", 2), 2)
	pages, err := w.SupersedingPages(w.ctx, 10)
	w.must(err)
	if len(pages) != 1 || pages[0].Update != newer.ID {
		w.Fatalf("superseding pages: %+v", pages)
	}
	outdated, err := w.Outdated(w.ctx, pages[0])
	w.must(err)
	w.equal("outdated", outdated, []notification.Notification{child[0], child[1], own[0], own[1]})
	// The child's own updates stop nothing of the incident it was merged into.
	last := w.begin(update("b", 3))
	w.must(w.CommitPage(w.ctx, page(last, 1, 3, true)))
	if pages, err = w.SupersedingPages(w.ctx, 10); err != nil || len(pages) != 2 {
		w.Fatalf("superseding pages: %+v, %v", pages, err)
	}
	outdated, err = w.Outdated(w.ctx, pages[1])
	w.must(err)
	w.equal("outdated by the child", outdated, child)
}

func mergeRefused(w *world) {
	for _, key := range []string{"a", "b", "c"} {
		w.record(update(key, 1), ledger.Held)
	}
	over := update("o", 1)
	over.Status = incident.Resolved
	w.record(over, ledger.Held)
	foreign := update("f", 1)
	foreign.Team = "loans"
	w.record(foreign, ledger.Held)
	w.refused(merging("a", 2, "nothing"), ledger.NotAnnounced, "data.merged_into")
	w.refused(merging("a", 2, "f"), ledger.NotAnnounced, "data.merged_into")
	w.refused(merging("a", 2, "o"), ledger.NotAnnounced, "data.merged_into")
	w.refused(merging("new", 1, "new"), ledger.NotAnnounced, "data.merged_into")
	w.record(merging("c", 2, "b"), ledger.NotAnnounced)
	w.record(merging("b", 2, "a"), ledger.NotAnnounced)
	for _, into := range []string{"a", "b", "c"} { // itself, a child and a grandchild
		w.refused(merging("a", 2, into), ledger.NotAnnounced, "data.merged_into")
	}
	w.record(merging("b", 3, "nothing"), ledger.NotAnnounced) // it is merged already: nothing is asked of it
}

func mergedApproval(w *world) {
	child, own := w.record(update("b", 1), ledger.Held), w.record(update("a", 1), ledger.Held)
	w.record(merging("b", 2, "a"), ledger.NotAnnounced)
	w.must(w.Approve(w.ctx, w.record(update("b", 3), ledger.Held), "ana", at(9))) // its last word of its own
	w.must(w.Approve(w.ctx, own, "ana", at(9)))                                   // which is not about the other's
	w.wantErr(w.Approve(w.ctx, child, "bob", at(10)), ledger.ErrStale)
}

func correctionSuperseding(w *world) {
	w.people(2)
	_, first := w.announce(update("a", 1), 2)
	_, second := w.announce(update("a", 2), 2)
	pages, err := w.SupersedingPages(w.ctx, 10)
	w.must(err)
	w.apply(ledger.Fold{Now: at(20), Superseded: []int64{pages[0].ID}})
	w.announce(correction("a", 3, "a-1"), 2)
	w.announce(correction("a", 4, ""), 2)
	if pages, err = w.SupersedingPages(w.ctx, 10); err != nil || len(pages) != 2 {
		w.Fatalf("superseding pages: %+v, %v", pages, err)
	}
	outdated, err := w.Outdated(w.ctx, pages[0])
	w.must(err)
	w.equal("outdated by the correction of the first", outdated, first)
	outdated, err = w.Outdated(w.ctx, pages[1])
	w.must(err)
	if len(outdated) != 6 || outdated[2].Update != second[0].Update {
		w.Errorf("outdated by the correction of everything: %d notifications, want those of all three", len(outdated))
	}
	var f ledger.Fold
	for i := range first {
		change(&f, first[i], reach("email", notification.Delivered, at(30)))
	}
	f.Superseded = []int64{pages[0].ID, pages[1].ID}
	w.apply(f)
	w.announce(correction("a", 5, "a-1"), 1)
	if pages, err = w.SupersedingPages(w.ctx, 10); err != nil || len(pages) != 0 {
		w.Errorf("what it corrects is closed, yet %+v, %v", pages, err)
	}
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

func deadAddresses(w *world) {
	w.people(3)
	_, ns := w.announce(update("a", 1), 3)
	batch := ns[0].Attempt.Batch
	bury := func(number int64, channel string) {
		w.Helper()
		w.apply(ledger.Fold{Now: at(20), Dead: []ledger.DeadAddress{{Recipient: number, Channel: channel, Batch: batch}}})
	}
	dead := func(id string) audience.Addresses {
		w.Helper()
		r, err := w.Recipient(w.ctx, id)
		w.must(err)
		return r.Dead
	}
	bury(1, "sms")
	bury(1, "email")
	bury(1, "sms") // told again
	bury(2, "fax") // there is no such address
	bury(77, "sms")
	w.equal("dead", dead("c-001"), person(1).Addresses)
	w.equal("dead of another", dead("c-002"), audience.Addresses{})
	rs, err := w.RecipientsAfter(w.ctx, 0, 1, 1, nil)
	w.must(err)
	w.equal("dead, as planning sees it", rs[0].Dead, person(1).Addresses)
	if rs, err = w.RecipientsByNumber(w.ctx, []int64{1}); err != nil || len(rs) != 1 || !rs[0].DeadOn("sms") {
		w.Errorf("dead, as the engine sees it: %+v, %v", rs, err)
	}

	again := person(1)
	again.Name, again.Dead = "Other name, same addresses", audience.Addresses{{Channel: "sms", Address: "nonsense"}}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{again}))
	w.equal("dead after an import of the same addresses", dead("c-001"), person(1).Addresses)
	again.Addresses = audience.Addresses{person(1).Addresses[0], {Channel: "sms", Address: "+37369999999"}}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{again}))
	w.equal("dead after another number came", dead("c-001"), person(1).Addresses[:1])
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{person(1)}))
	w.equal("dead after the dead number came back", dead("c-001"), person(1).Addresses)

	w.must(w.DeleteRecipient(w.ctx, "c-001"))
	bury(1, "sms")
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{person(1)}))
	w.equal("dead after everything was forgotten", dead("c-001"), audience.Addresses{})
}

// deadAccount keeps public accounts alive: what is wrong with one is put right in the configuration, and
// its address stays the same.
func deadAccount(w *world) {
	account := audience.Recipient{ID: audience.AccountPrefix + "email:c1", Addresses: person(1).Addresses}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{account}))
	_, ns := w.announce(update("a", 1), 1)
	w.apply(ledger.Fold{Now: at(20), Dead: []ledger.DeadAddress{{Recipient: 1, Channel: "email", Batch: ns[0].Attempt.Batch}}})
	rs, err := w.RecipientsByNumber(w.ctx, []int64{1})
	w.must(err)
	if len(rs) != 1 || len(rs[0].Dead) != 0 {
		w.Errorf("the account: %+v", rs)
	}
}

// deadSince refuses an address that the directory has no more: the new one is not to blame.
func deadSince(w *world) {
	w.people(1)
	_, ns := w.announce(update("a", 1), 1)
	moved := person(1)
	moved.Addresses = audience.Addresses{person(1).Addresses[0], {Channel: "sms", Address: "+37369999999"}}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{moved}))
	refuse := func(batch int64) audience.Addresses {
		w.Helper()
		w.apply(ledger.Fold{Now: at(20), Dead: []ledger.DeadAddress{{Recipient: 1, Channel: "sms", Batch: batch}}})
		r, err := w.Recipient(w.ctx, "c-001")
		w.must(err)
		return r.Dead
	}
	w.equal("dead by a batch from before the import", refuse(ns[0].Attempt.Batch), audience.Addresses{})
	_, ns = w.announce(update("a", 2), 1)
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{moved})) // the same again changes nothing
	w.equal("dead by a batch from after it", refuse(ns[0].Attempt.Batch), moved.Addresses[1:])

	var f ledger.Fold
	change(&f, ns[0], reach("email", notification.Delivered, at(20)))
	change(&f, ns[0], reach("email", notification.Delivered, at(20))) // of a version that is gone by now
	f.Dead = []ledger.DeadAddress{{Recipient: 1, Channel: "email", Batch: ns[0].Attempt.Batch}}
	w.wantErr(w.Apply(w.ctx, f), ledger.ErrConflict)
	if r, err := w.Recipient(w.ctx, "c-001"); err != nil || r.DeadOn("email") {
		w.Errorf("a refused fold left %+v, %v", r.Dead, err)
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
