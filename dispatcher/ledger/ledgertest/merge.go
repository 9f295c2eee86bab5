package ledgertest

import (
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

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

// What Tocsin says by itself may say what was let go, and nothing else: it may go out though nobody has seen it.
func automatic(w *world) {
	says := func(n int, follows string, change func(*incident.Update)) incident.Update {
		u := update("a", 1)
		u.EventID, u.Time, u.Automatic, u.Follows = update("a", n).EventID, at(n), incident.Holding, follows
		if change != nil {
			change(&u)
		}
		return u
	}
	w.record(update("a", 1), ledger.Approved)
	w.record(update("b", 1), ledger.Approved)
	w.record(says(2, "a-1", func(u *incident.Update) { u.NextUpdateAt = new(at(3600)) }), ledger.Approved)
	w.refused(says(3, "a-1", func(u *incident.Update) { u.Summary = incident.Text{"en": "Nobody has seen this."} }), ledger.Approved, "data.automatic")
	w.refused(says(3, "b-1", nil), ledger.Approved, "data.follows")
	w.record(update("a", 4), ledger.Held)
	w.refused(says(5, "a-4", nil), ledger.Approved, "data.follows") // repeats what nobody has let go
	w.record(says(6, "a-4", nil), ledger.NotAnnounced)              // is told to nobody
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
	w.must(w.approve(w.record(update("b", 3), ledger.Held), "ana", at(9))) // its last word of its own
	w.must(w.approve(own, "ana", at(9)))                                   // which is not about the other's
	w.wantErr(w.approve(child, "bob", at(10)), ledger.ErrStale)
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

// retriedCorrection: told again, a correction of one update stops no more than it did the first time.
func retriedCorrection(w *world) {
	w.people(2)
	_, first := w.announce(update("a", 1), 2)
	w.announce(update("a", 2), 2)
	corrected, ns := w.announce(correction("a", 3, "a-1"), 2)
	var f ledger.Fold
	change(&f, ns[0], giveUp(notification.Rejected, at(20)))
	pages, err := w.SupersedingPages(w.ctx, 10)
	w.must(err)
	for _, p := range pages {
		f.Superseded = append(f.Superseded, p.ID)
	}
	w.apply(f)
	w.obeyed(ledger.Order{Verb: ledger.Retry, Update: corrected.ID})
	again, err := w.NextToPlan(w.ctx, 0)
	w.must(err)
	w.must(w.CommitPage(w.ctx, page(again, 1, 1, true)))
	if pages, err = w.SupersedingPages(w.ctx, 10); err != nil || len(pages) != 1 {
		w.Fatalf("superseding pages: %+v, %v", pages, err)
	}
	outdated, err := w.Outdated(w.ctx, pages[0])
	w.must(err)
	w.equal("outdated by the correction told again", outdated, first[:1])
}
