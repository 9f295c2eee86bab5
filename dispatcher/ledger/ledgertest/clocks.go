package ledgertest

import (
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

func clockState(due int, change func(*promise.State)) promise.State {
	s := promise.State{Clock: promise.Clock{Name: promise.NextUpdate, Due: at(due), Remind: at(due - 600)}}
	if change != nil {
		change(&s)
	}
	return s
}

func stopped(s *promise.State) { s.StoppedAt = at(70) }

func (w *world) watched() []ledger.Watched {
	w.Helper()
	all, err := w.Watched(w.ctx)
	w.must(err)
	return all
}

// Clocks and the messages about them are kept together, once.
func clocksAreKept(w *world) {
	w.record(update("a", 1), ledger.Approved)
	row := w.watched()[0].Row
	first := []promise.State{clockState(1800, nil)}
	moved := []promise.State{clockState(1800, func(s *promise.State) { s.RemindedAt = at(1200) }), clockState(3600, nil)}
	out := []ledger.Outgoing{
		{Subject: "outcomes.payments.a", Message: "m-1", Body: []byte(`{"a":1}`)},
		{Subject: "incidents.payments", Message: "m-2", Body: []byte(`{}`), Until: at(3600)},
	}
	w.must(w.KeepClocks(w.ctx, row, nil, first, nil))
	w.must(w.KeepClocks(w.ctx, row, first, moved, out))
	w.wantErr(w.KeepClocks(w.ctx, row, first, moved, out), ledger.ErrConflict)
	w.wantErr(w.KeepClocks(w.ctx, row+100, nil, moved, out), ledger.ErrConflict)
	w.equal("clocks", w.watched()[0].Clocks, moved)
	s, err := w.Incident(w.ctx, "payments", "a")
	w.must(err)
	w.equal("clocks of the incident", s.Clocks, moved)
	waiting, err := w.Outbox(w.ctx, 10)
	w.must(err)
	if len(waiting) != 2 {
		w.Fatalf("outbox %+v", waiting)
	}
	out[0], out[1] = out[1], out[0] // what can come too late goes first
	one, err := w.Outbox(w.ctx, 1)
	w.must(err)
	w.equal("the first of the outbox", one, waiting[:1])
	out[0].ID, out[1].ID = waiting[0].ID, waiting[1].ID
	w.equal("outbox", waiting, out)
	w.must(w.Published(w.ctx, []int64{waiting[0].ID}))
	left, err := w.Outbox(w.ctx, 10)
	w.must(err)
	w.equal("outbox", left, out[1:])
	w.record(update("a", 2), ledger.Approved) // which leaves the clocks alone
	w.equal("clocks", w.watched()[0].Clocks, moved)
}

// Of many who move the same clocks, one does.
func clocksRace(w *world) {
	w.record(update("a", 1), ledger.Approved)
	row := w.watched()[0].Row
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			errs[i] = w.KeepClocks(w.ctx, row, nil, []promise.State{clockState(1800, nil)}, []ledger.Outgoing{{Subject: "x", Message: "m", Body: []byte("{}")}})
		})
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
		} else {
			w.wantErr(err, ledger.ErrConflict)
		}
	}
	waiting, err := w.Outbox(w.ctx, 100)
	w.must(err)
	if done != 1 || len(waiting) != 1 {
		w.Errorf("%d have moved the clock, %d messages wait; want 1 of each", done, len(waiting))
	}
}

// Watched are incidents that go on, and those of which a clock runs.
func watchedIncidents(w *world) {
	w.people(2)
	first, _ := w.announce(update("cards", 1), 2)
	w.record(update("cards", 2), ledger.Held)
	w.record(update("b", 1), ledger.Approved)
	w.record(merging("b", 2, "cards"), ledger.NotAnnounced)
	over := update("o", 1)
	over.Status = incident.Resolved
	w.record(over, ledger.Approved)
	all := w.watched()
	if len(all) != 1 || all[0].Incident.ID != "cards" || len(all[0].Updates) != 2 || all[0].Paused {
		w.Fatalf("watched %+v, want cards alone with two updates", all)
	}
	a := all[0]
	for i := range a.Updates {
		full, err := w.Update(w.ctx, a.Updates[i].ID)
		w.must(err)
		got := a.Updates[i].Update
		w.equal("update", []any{got.ID, got.Update, got.State, got.ReceivedAt, got.ApprovedAt, got.FirstNoticeAt, got.Terms},
			[]any{full.ID, full.Update, full.State, full.ReceivedAt, full.ApprovedAt, full.FirstNoticeAt, full.Terms})
	}
	w.obeyed(ledger.Order{Verb: ledger.Pause, Update: first.ID})
	if u := w.watched()[0].Updates; !u[0].Paused || u[1].Paused {
		w.Errorf("the first is paused, not %v and %v", u[0].Paused, u[1].Paused)
	}
	w.obeyed(ledger.Order{Verb: ledger.Pause, Team: "payments", Incident: "cards"})
	if !w.watched()[0].Paused {
		w.Error("the incident is paused")
	}
	end := update("cards", 3)
	end.Status = incident.Resolved
	w.must(w.KeepClocks(w.ctx, a.Row, nil, []promise.State{clockState(1800, nil)}, nil))
	w.record(end, ledger.Held)
	if all = w.watched(); len(all) != 1 {
		w.Errorf("%d watched, want the one of which a clock runs", len(all))
	}
	w.must(w.KeepClocks(w.ctx, a.Row, []promise.State{clockState(1800, nil)}, []promise.State{clockState(1800, stopped)}, nil))
	if all = w.watched(); len(all) != 0 {
		w.Errorf("watched %+v, although it is over and its clocks have stopped", all)
	}
}

// What the clocks are decided by says who was told what, and when first.
func watchedCase(w *world) {
	w.people(2)
	first, ns := w.announce(update("cards", 1), 2)
	var f ledger.Fold
	f.Now = at(90)
	change(&f, ns[0], reach("email", notification.Delivered, at(90)))
	change(&f, ns[1], giveUp(notification.Rejected, at(90)))
	w.apply(f)
	w.obeyed(ledger.Order{Verb: ledger.Retry, Update: first.ID})
	w.record(update("cards", 2), ledger.Held)
	all := w.watched()
	c := all[0].Case(promise.Day{})
	if len(c.Words) != 1 || c.Words[0].EventID != "cards-1" || c.Words[0].At.IsZero() || !c.FirstNoticeAt.Equal(at(90)) || c.CalledOff {
		w.Errorf("case %+v", c)
	}
	w.equal("cadence", c.Cadence, terms().Cadence)
	w.obeyed(ledger.Order{Verb: ledger.Cancel, Team: "payments", Incident: "cards"})
	if c = w.watched()[0].Case(promise.Day{}); !c.CalledOff {
		w.Error("called off, but its clocks run on")
	}
}

// pastDates tells announcements of a maintenance's date from all else.
func pastDates(w *world) {
	w.people(2)
	zone := time.FixedZone("", 3*3600)
	plan := func(n, begins int, status incident.Status) incident.Update {
		u := update("m", n)
		u.Kind, u.Status, u.StartedAt = incident.Maintenance, status, at(begins).In(zone)
		return u
	}
	first, _ := w.announce(plan(1, 7200, incident.Scheduled), 2)
	second, _ := w.announce(plan(2, 9000, incident.Scheduled), 2)
	third, _ := w.announce(plan(3, 9000, incident.InProgress), 2)
	past := w.past(w.record(plan(4, 9000, incident.Completed), ledger.Held)).Updates
	if len(past) != 3 || past[0].ID != third.ID || !past[0].Date.IsZero() || past[1].ID != second.ID || !past[1].Date.Equal(at(9000)) ||
		past[2].ID != first.ID || !past[2].Date.Equal(at(7200)) {
		w.Errorf("past %+v", past)
	}
}

// The audience of updates is read in order of the recipients, each with all that was planned for them.
func audienceInPages(w *world) {
	w.people(5)
	account := person(6)
	account.ID = "account:mastodon:bank"
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{account}))
	first, ns := w.announce(update("a", 1), 6)
	second := w.begin(update("a", 2))
	p := page(second, 3, 4, true)
	p.From = 0
	w.must(w.CommitPage(w.ctx, p))
	var f ledger.Fold
	f.Now = at(90)
	change(&f, ns[1], reach("email", notification.Delivered, at(90)))
	w.apply(f)
	w.must(w.DeleteRecipient(w.ctx, "c-005"))
	member := func(n int, update int64, outcome string) ledger.Member {
		return ledger.Member{Number: int64(n), Recipient: person(n).ID, Update: update, Outcome: outcome}
	}
	want := []ledger.Member{
		member(1, first.ID, "open"), member(2, first.ID, "reached"), member(3, first.ID, "open"), member(3, second.ID, "open"),
		member(4, first.ID, "open"), member(4, second.ID, "open"), member(5, first.ID, "open"),
	}
	for _, limit := range []int{1, 2, 100} {
		var got []ledger.Member
		for after := int64(0); ; {
			some, next, err := w.AudienceAfter(w.ctx, []int64{first.ID, second.ID}, after, limit)
			w.must(err)
			if next == after {
				break
			}
			got, after = append(got, some...), next
		}
		w.equal("audience", got, want)
	}
	none, next, err := w.AudienceAfter(w.ctx, nil, 0, 10)
	if err != nil || len(none) != 0 || next != 0 {
		w.Errorf("the audience of nothing: %+v, %d, %v", none, next, err)
	}
}
