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

// manyOrder gives the same orders from several places at once: each is carried out once, and all are
// told the same.
func manyOrder(w *world) {
	const places = 4
	w.people(3)
	u, ns := w.announce(update("cards", 1), 3)
	var f ledger.Fold
	change(&f, ns[0], giveUp(notification.Rejected, at(20)))
	w.apply(f)
	orders := []ledger.Order{
		{ID: "pause", Verb: ledger.Pause},
		{ID: "budget", Verb: ledger.Budget, Segments: 100},
		{ID: "move", Verb: ledger.Move, Channel: "email"},
		{ID: "again", Verb: ledger.Retry, Update: u.ID},
		{ID: "nonsense", Verb: ledger.Pause, Update: 4711},
	}
	reports := make([][]ledger.OrderReport, places)
	together(places, func(place int) {
		reports[place] = make([]ledger.OrderReport, len(orders))
		for i := range orders {
			k := (i + place) % len(orders)
			var err error
			if reports[place][k], err = w.give(orders[k]); err != nil {
				w.Error(err)
			}
		}
	})
	for place := range places {
		w.equal("reports of the same orders", reports[place], reports[0])
	}
	for i, r := range reports[0] {
		if r.Refused != (orders[i].ID == "nonsense") {
			w.Errorf("%s: %+v", orders[i].ID, r)
		}
	}
	s, err := w.Incident(w.ctx, "payments", "cards")
	w.must(err)
	if !s.Paused || s.Spending.Cap != 100 || len(s.Progress) != 2 {
		w.Errorf("paused %v, cap %d, %d updates; want paused, 100 and 2", s.Paused, s.Spending.Cap, len(s.Progress))
	}
	errands, err := w.Errands(w.ctx, 0, 10)
	w.must(err)
	all, err := w.Orders(w.ctx, "payments", "cards")
	w.must(err)
	if len(errands) != 1 || len(all) != 3 {
		w.Errorf("%d errands and %d orders kept about the incident, want 1 and 3", len(errands), len(all))
	}
}

// manySpend has several publishers count the same batches at once, in orders of their own: never more
// is spent than may be, each batch is counted once, and nobody is told otherwise.
func manySpend(w *world) {
	const people, places, bound = 24, 4, 21 // at two segments each, ten fit
	w.people(people)
	u := w.begin(update("cards", 1))
	w.must(w.CommitPage(w.ctx, oneSMSEach(u, people)))
	bs, err := w.UnsentBatches(w.ctx, at(100), people)
	w.must(err)
	var mu sync.Mutex
	beyond := map[int64]int{}
	together(places, func(place int) {
		for i := 0; i < people; i += 3 {
			var ids []int64
			for j := range 3 {
				ids = append(ids, bs[(i+j+place*people/places)%people].ID)
			}
			over, err := w.Spend(w.ctx, ids, bound)
			if err != nil {
				w.Error(err)
			}
			mu.Lock()
			for _, id := range over {
				beyond[id]++
			}
			mu.Unlock()
		}
	})
	s, err := w.Incident(w.ctx, "payments", "cards")
	w.must(err)
	w.equal("the spending", s.Spending, ledger.Spending{Spent: 20, Cap: bound, Waiting: 2*people - 20})
	left, err := w.UnsentBatches(w.ctx, at(100), people)
	w.must(err)
	if len(left) != 10 || len(beyond) != people-10 {
		w.Errorf("%d batches may be sent and %d not, want 10 and %d", len(left), len(beyond), people-10)
	}
	for _, b := range left {
		if beyond[b.ID] != 0 {
			w.Errorf("batch %d may be sent, and %d publishers were told that it may not", b.ID, beyond[b.ID])
		}
	}
	for id, times := range beyond {
		if times != places {
			w.Errorf("batch %d is beyond the budget for %d publishers of %d", id, times, places)
		}
	}
}

// oneSMSEach is a page that tells people 1..n by one SMS each, in a batch of its own.
func oneSMSEach(u ledger.Update, n int) ledger.Page {
	p := page(u, 1, n, true)
	items := p.Batches[0].Items
	p.Batches = nil
	for i := range n {
		p.Notifications[i].Steps = notification.Steps("sms")
		p.Batches = append(p.Batches, ledger.NewBatch{From: i, To: i + 1, Batch: head(u.ID, "sms"), Items: items[i : i+1]})
	}
	return p
}

// cancelBesidePlanning cancels an update while it is being planned, at any moment: no page comes after
// it, and what had been planned by then is an errand.
func cancelBesidePlanning(w *world) { w.endBesidePlanning(ledger.Cancel) }

// recallBesidePlanning does the same with a recall, which leaves a second errand of what had been planned.
func recallBesidePlanning(w *world) { w.endBesidePlanning(ledger.Recall) }

func (w *world) endBesidePlanning(v ledger.Verb) {
	const people = 40
	w.people(people)
	for round := range 5 {
		key := fmt.Sprint(v, "-", round)
		id := w.record(update(key, 1), ledger.Approved)
		together(3, func(place int) {
			if place > 0 {
				w.plan()
				return
			}
			o := ledger.Order{ID: key, Verb: v, Update: id, By: "Ana", Why: "a reason", At: at(50)}
			if r, err := w.CarryOut(w.ctx, o, at(60)); err != nil || r.Refused {
				w.Errorf("%s: %+v, %v", v, r, err)
			}
		})
		u, err := w.Update(w.ctx, id)
		w.must(err)
		if planned := int64(len(w.ids[id])); u.State != ledger.Cancelled || u.Audience != planned {
			w.Errorf("%s: an audience of %d, with %d planned", u.State, u.Audience, planned)
		}
		pending := map[ledger.Verb][]int64{}
		for _, e := range w.errandsOf(id) {
			pending[e.Verb] = append(pending[e.Verb], w.pending(e)...)
		}
		planned := slices.Sorted(slices.Values(w.ids[id]))
		want := map[ledger.Verb][]int64{}
		if len(planned) > 0 {
			want[ledger.Cancel], want[v] = planned, planned
		}
		w.equal("pending, of those planned", pending, want)
	}
}

func (w *world) errandsOf(update int64) []ledger.Errand {
	w.Helper()
	all, err := w.Errands(w.ctx, 0, 1000)
	w.must(err)
	return slices.DeleteFunc(all, func(e ledger.Errand) bool { return e.Update != update })
}

// manyMerge merges incidents into each other at once: never in a circle, and what is not refused ends at
// one that is not merged itself.
func manyMerge(w *world) {
	keys := []string{"a", "b", "c"}
	for _, key := range keys {
		w.record(update(key, 1), ledger.Held)
	}
	together(len(keys), func(i int) {
		u := merging(keys[i], 2, keys[(i+1)%len(keys)])
		_, err := w.RecordUpdate(w.ctx, u, func(before *incident.Incident) (ledger.NewUpdate, error) {
			after := *before
			after.MergedInto = u.MergedInto
			return ledger.NewUpdate{Update: u, Incident: after, State: ledger.NotAnnounced, ReceivedAt: u.Time}, nil
		})
		if _, refused := errors.AsType[*incident.FaultError](err); err != nil && !refused {
			w.Error(err)
		}
	})
	var roots []string
	for _, key := range keys {
		s, err := w.Incident(w.ctx, "payments", key)
		w.must(err)
		if s.MergedInto == "" {
			roots = append(roots, key)
		}
	}
	if len(roots) != 1 {
		w.Errorf("merged in a circle, all but %v are merged; want all but one", roots)
	}
}

// manyBury has dead addresses reported from two places, in contrary orders, beside imports of the same
// people in a third: all are remembered.
func manyBury(w *world) {
	const people = 20
	w.people(people)
	_, ns := w.announce(update("a", 1), people)
	everybody := make([]audience.Recipient, people)
	for i := range everybody {
		everybody[i] = person(people - i)
	}
	bury := func(channel string, numbers ...int) error {
		f := ledger.Fold{Now: at(20)}
		for _, n := range numbers {
			f.Dead = append(f.Dead, ledger.DeadAddress{Recipient: int64(n), Channel: channel, Batch: ns[0].Attempt.Batch})
		}
		return w.Apply(w.ctx, f)
	}
	together(3, func(place int) {
		for i := range people / 2 {
			low, high := 1+i, people-i
			var err error
			switch place {
			case 0:
				err = bury("email", low, high)
			case 1:
				err = bury("sms", high, low)
			default:
				err = w.PutRecipients(w.ctx, everybody)
			}
			if err != nil {
				w.Error(err)
			}
		}
	})
	rs, err := w.RecipientsAfter(w.ctx, 0, people, people, nil)
	w.must(err)
	for _, r := range rs {
		w.equal("dead of "+r.ID, r.Dead, r.Addresses)
	}
}
