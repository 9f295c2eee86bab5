package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// together runs f several times at once and returns when all have ended.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// manyRecord records the updates of one incident from several places at once, each update from all
// of them: every update is folded once, onto the one before it.
func manyRecord(w *world) {
	const places, updates = 4, 10
	var mu sync.Mutex
	recorded := map[string]int{}
	together(places, func(place int) {
		for i := range updates {
			u := update("a", 1+(i+place*3)%updates)
			isNew, err := w.RecordUpdate(w.ctx, u, func(before *incident.Incident) (ledger.NewUpdate, error) {
				after := incident.Incident{Team: u.Team, ID: u.Incident, Updates: 1}
				if before != nil {
					after.Updates = before.Updates + 1
				}
				return ledger.NewUpdate{Update: u, Incident: after, State: ledger.Held, ReceivedAt: at(after.Updates), Texts: texts()}, nil
			})
			if err != nil {
				w.Error(err)
			}
			mu.Lock()
			if isNew {
				recorded[u.EventID]++
			}
			mu.Unlock()
		}
	})
	s, err := w.Incident(w.ctx, "payments", "a")
	w.must(err)
	if s.Updates != updates || len(s.Progress) != updates || len(recorded) != updates {
		w.Errorf("%d updates folded, %d kept, %d recorded; want %d", s.Updates, len(s.Progress), len(recorded), updates)
	}
	for i, p := range s.Progress {
		if recorded[p.EventID] != 1 || !p.ReceivedAt.Equal(at(i+1)) {
			w.Errorf("update %s was recorded %d times, and folded at place %v, want %v", p.EventID, recorded[p.EventID], p.ReceivedAt, at(i+1))
		}
	}
}

// plan plans what there is to plan in small pages, beside others who do the same, until there is no more.
func (w *world) plan() {
	for {
		u, err := w.NextToPlan(w.ctx, 0)
		if errors.Is(err, ledger.ErrNotFound) {
			return
		}
		if err != nil {
			w.Error(err)
			return
		}
		from, to := int(u.Cursor)+1, int(min(u.Cursor+4, u.Until))
		if err := w.CommitPage(w.ctx, page(u, from, to, int64(to) == u.Until)); err != nil && !errors.Is(err, ledger.ErrConflict) {
			w.Error(err)
			return
		}
	}
}

func manyPlan(w *world) {
	const people = 40
	w.people(people)
	ids := []int64{w.record(update("a", 1), ledger.Approved), w.record(update("a", 2), ledger.Approved), w.record(update("b", 1), ledger.Approved)}
	together(3, func(int) { w.plan() })
	for _, id := range ids {
		u, err := w.Update(w.ctx, id)
		w.must(err)
		var recipients []int64
		for _, n := range w.of(id) {
			recipients = append(recipients, n.Recipient)
		}
		slices.Sort(recipients)
		if n := len(slices.Compact(recipients)); u.State != ledger.Sending || u.Audience != people || u.Cursor != people || n != people || len(recipients) != people {
			w.Errorf("update %d: %s, audience %d, cursor %d, %d notifications for %d people; want %d each", id, u.State, u.Audience, u.Cursor, len(recipients), n, people)
		}
	}
	batches, err := w.UnsentBatches(w.ctx, at(20), 100)
	w.must(err)
	if len(batches) != 3*people/4 {
		w.Errorf("%d batches, want %d", len(batches), 3*people/4)
	}
}

// manyFold settles two updates from several places at once, in small folds that overlap and are in
// no common order: who comes too late reads again. Everything is counted once.
func manyFold(w *world) {
	const people, places = 30, 4
	w.people(people)
	_, first := w.announce(update("a", 1), people)
	_, second := w.announce(update("b", 1), people)
	together(places, func(place int) {
		for i := range people {
			k := (i*7 + place*people/places) % people
			ids := []int64{first[k].ID, first[(k+1)%people].ID, second[k].ID}
			for {
				err := w.settle(ids)
				if err == nil {
					break
				}
				if !errors.Is(err, ledger.ErrConflict) {
					w.Error(err)
					return
				}
			}
		}
	})
	for _, key := range []string{"a", "b"} {
		r, err := w.Report(w.ctx, "payments", key)
		w.must(err)
		if u := r.Updates[0]; !r.Balanced || u.State != ledger.Closed || u.Balance.Reached != people || u.Count("email", "delivered") != people {
			w.Errorf("incident %s: %s, %+v, tallies %+v", key, u.State, u.Balance, u.Tallies)
		}
	}
}

// settle lets those of some notifications that are open be reached.
func (w *world) settle(ids []int64) error {
	ns, err := w.Notifications(w.ctx, ids)
	if err != nil {
		return err
	}
	f := ledger.Fold{Now: at(60)}
	for _, n := range ns {
		if n.Outcome == notification.Open {
			change(&f, n, reach("email", notification.Delivered, at(60)))
			f.Deadlines = append(f.Deadlines, ledger.Deadline{Batch: n.Attempt.Batch, Due: at(90)})
		}
	}
	return w.Apply(w.ctx, f)
}

// importBesidePlanning imports from several places while planning begins, again and again: who is in
// an audience by their number is there when it is frozen.
func importBesidePlanning(w *world) {
	const updates = 20
	w.people(1)
	for i := range updates {
		w.record(update(fmt.Sprint("import-", i), 1), ledger.Approved)
	}
	planned := make(chan struct{})
	together(4, func(place int) {
		if place == 0 {
			defer close(planned)
			for range updates {
				w.freeze()
			}
			return
		}
		for i := 0; ; i++ {
			var rs []audience.Recipient
			for n := range 50 {
				rs = append(rs, person(100_000*place+50*i+n))
			}
			if err := w.PutRecipients(w.ctx, rs); err != nil {
				w.Error(err)
			}
			select {
			case <-planned:
				return
			default:
			}
		}
	})
}

// freeze begins to plan the next update, looks whether its audience is there, and lets it be.
func (w *world) freeze() {
	u, err := w.NextToPlan(w.ctx, 0)
	if err != nil {
		w.Error(err)
		return
	}
	there, err := w.RecipientsAfter(w.ctx, 0, u.Until, 1<<20, nil)
	if err != nil || len(there) != int(u.Until) {
		w.Errorf("%d recipients up to number %d, at which the audience was frozen, %v: some come later", len(there), u.Until, err)
	}
	if err := w.CommitPage(w.ctx, ledger.Page{Update: u.ID, Cursor: u.Until, Last: true, Now: at(10)}); err != nil {
		w.Error(err)
	}
}
