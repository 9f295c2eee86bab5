package ledgertest

import (
	"fmt"
	"slices"
	"sync"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// trailOfOrders: what operators order is entered with what it comes to, after what it makes; what is
// refused, or comes again, is not.
func trailOfOrders(w *world) {
	w.people(1)
	u, ns := w.announce(update("cards", 1), 1)
	f := ledger.Fold{Now: at(20)}
	change(&f, ns[0], giveUp(notification.Rejected, at(20)))
	w.apply(f)
	before := len(w.trail())
	retry := ledger.Order{Verb: ledger.Retry, Update: u.ID}
	w.obeyed(retry)
	w.obeyed(retry) // carried out before
	again, err := w.NextToPlan(w.ctx, 0)
	w.must(err)
	w.obeyed(ledger.Order{Verb: ledger.Pause})
	if r := w.order(ledger.Order{ID: "too-late", Verb: ledger.Retry, Update: u.ID}); !r.Refused {
		w.Errorf("a retry of old news: %+v", r)
	}
	held := w.record(update("cards", 2), ledger.Held)
	w.obeyed(ledger.Order{Verb: ledger.Cancel})
	got := w.trail()[before:]
	var said []string
	for _, e := range got {
		said = append(said, fmt.Sprintf("%d %s by %q: %s", e.Update-u.ID, e.Kind, e.By, e.Order))
	}
	second, third := again.ID-u.ID, held-u.ID
	w.equal("what the trail says", said, []string{
		fmt.Sprintf(`%d update_recorded by "": `, second), fmt.Sprintf(`%d approved by "Ana": `, second),
		fmt.Sprintf(`0 order by "Ana": retry: told again as update %d, to 1 customers`, again.ID),
		fmt.Sprintf(`%d order by "Ana": pause: payments/cards is paused`, -u.ID),
		fmt.Sprintf(`%d update_recorded by "": `, third),
		fmt.Sprintf(`%d order by "Ana": cancel: 2 updates cancelled, with 0 notifications still open`, second),
		fmt.Sprintf(`%d order by "Ana": cancel: 2 updates cancelled, with 0 notifications still open`, third),
	})
	w.equal("the texts of what is told again", got[0].Texts, w.digests())
	kept := w.kept("cards")
	if len(kept) != 3 || kept[1].RetryOf != u.ID || ledger.Digest(kept[1].Value) != got[0].Digest {
		w.Errorf("updates kept: %+v", kept)
	}
}

// kept are the updates of an incident as a view shows them.
func (w *world) kept(key string) []ledger.KeptUpdate {
	w.Helper()
	return read(w, func(v ledger.View) ([]ledger.KeptUpdate, error) {
		return v.KeptUpdates(w.ctx, ledger.IncidentKey{Team: "payments", Incident: key})
	})
}

// trailSaysWhatIsKept: a name that a store can't take as it is, is in the trail as it is kept.
func trailSaysWhatIsKept(w *world) {
	const odd = "Ana\x00"
	id := w.record(update("a", 1), ledger.Held)
	w.must(w.approve(id, odd, at(5)))
	u := update("a", 2)
	u.Summary = incident.Text{"ro": "Bancomatele <nu> merg & \u2028 „azi” 🏧\\u0000"}
	_, err := w.RecordUpdate(w.ctx, u, func(before *incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{Update: u, Incident: *before, State: ledger.Approved, ApprovedBy: odd, ReceivedAt: at(6), Texts: texts()}, nil
	})
	w.must(err)
	kept, entries := w.kept("a"), w.trail()
	if len(kept) != 2 || len(entries) != 5 {
		w.Fatalf("%d updates, %d entries", len(kept), len(entries))
	}
	said, err := w.Approvals(w.ctx, id)
	w.must(err)
	w.equal("who said yes", entries[1].By, said[0].By)
	entries = slices.Delete(entries, 1, 2)
	for i := range kept {
		came, approved := entries[2*i], entries[2*i+1]
		w.equal("what the update says", ledger.Digest(kept[i].Value), came.Digest)
		w.equal("who approved it", approved.By, kept[i].ApprovedBy)
	}
	w.equal("the summary", kept[1].Update.Update.Summary, u.Summary)
}

// manyAppend: all who write to the trail do so at once, each in a transaction that locks other things
// first. Nobody gets into a circle, and nothing is entered twice or not at all.
func manyAppend(w *world) {
	const incidents = 6
	w.people(1)
	var open []notification.Notification
	var held []int64
	for i := range incidents {
		key := fmt.Sprint("incident-", i)
		_, ns := w.announce(update(key, 1), 1)
		open, held = append(open, ns...), append(held, w.record(update(key, 2), ledger.Held))
	}
	before := len(w.trail())
	var all sync.WaitGroup
	do := func(what string, f func() error) {
		all.Go(func() {
			if err := f(); err != nil {
				w.Errorf("%s: %v", what, err)
			}
		})
	}
	for i := range incidents {
		team, key := "payments", fmt.Sprint("incident-", i)
		do("approving", func() error { return w.approve(held[i], "Ana", at(20)) })
		do("folding", func() error {
			f := ledger.Fold{Now: at(21), Deadlines: []ledger.Deadline{{Batch: 1, Due: at(30 + i)}}}
			change(&f, open[i], giveUp(notification.Rejected, at(21)))
			return w.Apply(w.ctx, f)
		})
		do("ordering", func() error {
			o := ledger.Order{ID: key, Verb: ledger.Budget, Team: team, Incident: key, Segments: 5, By: "Ana", Why: "a reason", At: at(22)}
			_, err := w.CarryOut(w.ctx, o, at(22))
			return err
		})
		do("rejecting", func() error {
			return w.RecordRejection(w.ctx, ledger.Rejection{Team: team, At: at(23), Faults: []incident.Fault{}, Body: []byte(key)})
		})
	}
	all.Wait()
	count := map[ledger.TrailKind]int{}
	for _, e := range w.trail()[before:] {
		count[e.Kind]++
	}
	w.equal("entries", count, map[ledger.TrailKind]int{
		ledger.TrailApproval: incidents, ledger.TrailApproved: incidents, ledger.TrailClosed: incidents, ledger.TrailOrder: incidents, ledger.TrailRejected: incidents,
	})
}
