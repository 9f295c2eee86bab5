package ledgertest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// approve has somebody say yes to an update, having seen what there is to see, with an account of their own.
func (w *world) approve(id int64, by string, now time.Time) error {
	_, err := w.Approve(w.ctx, id, ledger.Approval{By: by, Account: "account of " + by, Seen: w.seen(id), At: now})
	return err
}

// seen is what there is to see of an update.
func (w *world) seen(id int64) string {
	texts, err := w.Texts(w.ctx, id)
	w.must(err)
	forecast, err := w.Forecast(w.ctx, id)
	if !errors.Is(err, ledger.ErrNotFound) { // of what is not there nobody has seen anything
		w.must(err)
	}
	var digests []ledger.TextDigest
	for i := range texts {
		digests = append(digests, texts[i].Digest())
	}
	return ledger.Seen(digests, forecast)
}

// hold records an update that is held under a rule.
func (w *world) hold(u incident.Update, rule playbook.Approval) int64 {
	w.Helper()
	var terms playbook.Terms
	terms.Approval = rule
	_, err := w.RecordUpdate(w.ctx, u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{Update: u, Incident: incident.Incident{Team: u.Team, ID: u.Incident, Updates: 1},
			State: ledger.Held, ReceivedAt: u.Time, Texts: texts(), Terms: terms}, nil
	})
	w.must(err)
	s, err := w.Incident(w.ctx, u.Team, u.Incident)
	w.must(err)
	return s.Progress[len(s.Progress)-1].ID
}

// stands is an update's state, who let it go and why it is told to nobody.
func (w *world) stands(id int64) string {
	u, err := w.Update(w.ctx, id)
	w.must(err)
	return fmt.Sprintf("%s by %q, %q", u.State, u.ApprovedBy, u.Reason)
}

func two() playbook.Approval { return playbook.Approval{People: 2} }

func within(minutes int, then playbook.TimedOut) playbook.Approval {
	return playbook.Approval{People: 2, TimeOut: clock.Span(time.Duration(minutes) * time.Minute), Then: then}
}

func approveByTwo(w *world) {
	id := w.hold(update("a", 1), two())
	seen := w.seen(id)
	ana := ledger.Approval{By: "Ana Rusu", Account: "ana", Seen: seen, At: at(5)}
	r, err := w.Approve(w.ctx, id, ana)
	w.must(err)
	said := []ledger.ApprovalSaid{{Word: ledger.SaidYes, At: at(5), By: "Ana Rusu", Account: "ana", Seen: seen}}
	w.equal("report of the first", r, ledger.ApprovalReport{Update: id, State: ledger.Held, ApprovalStanding: ledger.ApprovalStanding{People: 2, Missing: 1, Said: said}})
	for what, again := range map[string]ledger.Approval{
		"the same again":        ana,
		"with another account":  {By: "ana  RUSU", Account: "ana-at-home", Seen: seen, At: at(6)},
		"under another name":    {By: "Ana M. Rusu", Account: "ana", Seen: seen, At: at(6)},
		"by word of an account": {By: "Ion Ceban (by token operations)", Seen: seen, At: at(6)},
	} {
		want := ledger.ErrTwice
		if again.Account == "" {
			want = ledger.ErrNotAPerson
		}
		if _, err := w.Approve(w.ctx, id, again); !errors.Is(err, want) {
			w.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	w.equal("after the first", w.stands(id), `held by "", ""`)
	ion := ledger.Approval{By: "Ion Ceban", Account: "ion", Seen: seen, At: at(7)}
	r, err = w.Approve(w.ctx, id, ion)
	w.must(err)
	if r.State != ledger.Approved || r.Missing != 0 || len(r.Said) != 2 {
		w.Errorf("report of the second: %+v", r)
	}
	w.equal("after the second", w.stands(id), `approved by "Ana Rusu and Ion Ceban", ""`)
	u, err := w.Update(w.ctx, id)
	w.must(err)
	w.equal("let go", u.ApprovedAt, at(7))
	kept, err := w.Approvals(w.ctx, id)
	w.must(err)
	w.equal("what is kept", kept, r.Said)
	w.equal("what the trail says", w.saidInTrail(id), r.Said)
	s, err := w.Incident(w.ctx, "payments", "a")
	w.must(err)
	if p := s.Progress[0].Approval; p == nil || len(p.Said) != 2 {
		w.Errorf("progress says %+v", p)
	}
}

// saidInTrail are the words that the trail knows of an update.
func (w *world) saidInTrail(id int64) []ledger.ApprovalSaid {
	var all []ledger.ApprovalSaid
	for _, e := range w.trail() {
		if s, ok := ledger.SaidInTrail(&e); ok && e.Update == id {
			all = append(all, s)
		}
	}
	return all
}

// Who has seen something else approves nothing; a forecast that is made meanwhile is something else.
func approveSeen(w *world) {
	id, other := w.hold(update("a", 1), playbook.Approval{}), w.hold(update("b", 1), two())
	before := w.seen(id)
	yes := func(id int64, seen string) error {
		_, err := w.Approve(w.ctx, id, ledger.Approval{By: "Ana", Seen: seen, At: at(5)})
		return err
	}
	w.wantErr(yes(id, ""), ledger.ErrUnseen)
	w.must(w.RecordForecast(w.ctx, id, []byte(`{"audience":1}`)))
	w.wantErr(yes(id, before), ledger.ErrUnseen)
	w.wantErr(yes(id, before), ledger.ErrConflict)
	w.equal("unseen", w.stands(id), `held by "", ""`)
	w.must(yes(id, w.seen(id))) // zero terms ask for one, whoever they say they are
	w.equal("seen", w.stands(id), `approved by "Ana", ""`)
	w.wantErr(yes(other, w.seen(other)), ledger.ErrNotAPerson)
	if kept, err := w.Approvals(w.ctx, other); err != nil || len(kept) != 0 {
		w.Errorf("what was refused is kept: %+v, %v", kept, err)
	}
}

func breakGlass(w *world) {
	id := w.hold(update("a", 1), two())
	before := w.seen(id)
	w.must(w.RecordForecast(w.ctx, id, []byte(`{}`)))
	a := ledger.Approval{By: "Ana", Seen: before, BreakGlass: true, At: at(5)}
	_, err := w.Approve(w.ctx, id, a)
	w.wantErr(err, ledger.ErrNoReason)
	a.Why, a.Seen = "nobody else is awake", "something else"
	_, err = w.Approve(w.ctx, id, a)
	w.wantErr(err, ledger.ErrUnseen)
	a.Seen = before // for a forecast nobody waits
	r, err := w.Approve(w.ctx, id, a)
	w.must(err)
	if r.State != ledger.Approved || len(r.Said) != 1 || r.Said[0].Word != ledger.SaidBreakGlass || r.Said[0].Why != a.Why {
		w.Errorf("report %+v", r)
	}
	w.equal("update", w.stands(id), `approved by "Ana (break-glass)", ""`)
	w.equal("what the trail says", w.saidInTrail(id), r.Said)
	// Newer news is newer whoever breaks what.
	old := w.hold(update("b", 1), two())
	newer := w.hold(update("b", 2), playbook.Approval{})
	w.must(w.approve(newer, "Ana", at(6)))
	a.Seen = w.seen(old)
	_, err = w.Approve(w.ctx, old, a)
	w.wantErr(err, ledger.ErrStale)
}

func refused(w *world) {
	id := w.hold(update("a", 1), two())
	w.must(w.approve(id, "Ion", at(4)))
	_, err := w.Refuse(w.ctx, id, ledger.Approval{By: "Ana", At: at(5)})
	w.wantErr(err, ledger.ErrNoReason)
	r, err := w.Refuse(w.ctx, id, ledger.Approval{By: "Ana", Account: "ana", Why: "wrong region", At: at(5)})
	w.must(err)
	if r.State != ledger.NotAnnounced || len(r.Said) != 2 || r.Said[1].Word != ledger.SaidNo {
		w.Errorf("report %+v", r)
	}
	w.equal("update", w.stands(id), `not_announced by "", "refused by Ana: wrong region"`)
	w.equal("what the trail says", w.saidInTrail(id), r.Said)
	w.wantErr(w.approve(id, "Bob", at(6)), ledger.ErrConflict)
	_, err = w.Refuse(w.ctx, id, ledger.Approval{By: "Ana", Why: "again", At: at(7)})
	w.wantErr(err, ledger.ErrConflict)
	_, err = w.Refuse(w.ctx, id+100, ledger.Approval{By: "Ana", Why: "none", At: at(7)})
	w.wantErr(err, ledger.ErrNotFound)
	w.must(w.approve(w.hold(update("a", 2), playbook.Approval{}), "Ana", at(8))) // the right one
}

func timedOut(w *world) {
	send, drop := w.hold(update("send", 1), within(10, playbook.SendIt)), w.hold(update("drop", 1), within(10, playbook.DropIt))
	never := w.hold(update("never", 1), two())
	w.must(w.approve(drop, "Ana", at(2))) // one of two is not enough
	due := at(1).Add(10 * time.Minute)
	for _, id := range []int64{send, drop, never} {
		_, err := w.TimeOut(w.ctx, id, due.Add(-time.Millisecond))
		w.wantErr(err, ledger.ErrConflict)
	}
	_, err := w.TimeOut(w.ctx, never, due.Add(1000*time.Hour))
	w.wantErr(err, ledger.ErrConflict)
	_, err = w.TimeOut(w.ctx, never+100, due)
	w.wantErr(err, ledger.ErrNotFound)
	r, err := w.TimeOut(w.ctx, send, due)
	w.must(err)
	said := []ledger.ApprovalSaid{{Word: ledger.SaidByTime, At: due, Why: "not approved within 10m0s"}}
	w.equal("report", r, ledger.ApprovalReport{Update: send, State: ledger.Approved, ApprovalStanding: ledger.ApprovalStanding{People: 2, Said: said}})
	w.equal("sent", w.stands(send), `approved by "time-out (not approved within 10m0s)", ""`)
	w.equal("what the trail says", w.saidInTrail(send), said)
	r, err = w.TimeOut(w.ctx, drop, due)
	w.must(err)
	if r.State != ledger.NotAnnounced || len(r.Said) != 2 {
		w.Errorf("report %+v", r)
	}
	w.equal("dropped", w.stands(drop), `not_announced by "", "not approved within 10m0s"`)
	for _, id := range []int64{send, drop} {
		_, err := w.TimeOut(w.ctx, id, due)
		w.wantErr(err, ledger.ErrConflict)
	}
}

// timedOutForNewer: what nobody approved doesn't go out once there is newer news; and customers don't go
// without because updates come faster than they are approved.
func timedOutForNewer(w *world) {
	due := at(1).Add(10 * time.Minute)
	send := within(10, playbook.SendIt)
	old, newer := w.hold(update("gone", 1), send), w.hold(update("gone", 2), send)
	w.must(w.approve(newer, "Ana", at(3)))
	w.must(w.approve(newer, "Ion", at(3)))
	r, err := w.TimeOut(w.ctx, old, due)
	w.must(err)
	w.equal("report of what is old news", r.State, ledger.NotAnnounced)
	w.equal("after newer news", w.stands(old), fmt.Sprintf(`not_announced by "", "older than update %d, which was approved before it"`, newer))

	old = w.hold(update("both", 1), send)
	between, newest := w.hold(update("both", 2), two()), w.hold(update("both", 3), send)
	r, err = w.TimeOut(w.ctx, old, due)
	w.must(err)
	w.equal("the one that went", []any{r.Update, r.State, r.Said[0].Instead}, []any{newest, ledger.Approved, old})
	w.equal("old", w.stands(old), fmt.Sprintf(`not_announced by "", "not approved within 10m0s, and update %d is newer"`, newest))
	w.equal("newest", w.stands(newest), fmt.Sprintf(`approved by "time-out (update %d, which is older, was not approved within 10m0s)", ""`, old))
	w.wantErr(w.approve(between, "Ana", at(20)), ledger.ErrStale)

	old, newer = w.hold(update("people", 1), send), w.hold(update("people", 2), within(60, playbook.DropIt))
	r, err = w.TimeOut(w.ctx, old, due)
	w.must(err)
	w.equal("report of what gives way", []any{r.Update, r.State}, []any{old, ledger.NotAnnounced})
	w.equal("one that needs people", w.stands(newer), `held by "", ""`)
}

func heldUpdates(w *world) {
	none, err := w.HeldUpdates(w.ctx)
	w.must(err)
	w.equal("in an empty ledger", none, []ledger.HeldUpdate{})
	a, b := w.hold(update("a", 1), within(10, playbook.SendIt)), w.hold(update("b", 2), playbook.Approval{})
	w.must(w.approve(w.hold(update("c", 3), playbook.Approval{}), "Ana", at(4)))
	w.must(w.approve(a, "Ana", at(5)))
	said, err := w.Approvals(w.ctx, a)
	w.must(err)
	got, err := w.HeldUpdates(w.ctx)
	w.must(err)
	one := ledger.HeldUpdate{ID: a, Team: "payments", Incident: "a", Status: incident.Investigating, Impact: incident.Major, ReceivedAt: at(1),
		ApprovalStanding: ledger.ApprovalStanding{People: 2, Missing: 1, Due: at(1).Add(10 * time.Minute), Then: playbook.SendIt, Said: said}}
	other := ledger.HeldUpdate{ID: b, Team: "payments", Incident: "b", Status: incident.Investigating, Impact: incident.Major, ReceivedAt: at(2),
		ApprovalStanding: ledger.ApprovalStanding{People: 1, Missing: 1}}
	w.equal("held", got, []ledger.HeldUpdate{one, other})
}

// manyApprove: several people approve at once, each of them several times over. Each counts once, and the
// update goes once, when the second has.
func manyApprove(w *world) {
	const updates = 5
	for n := range updates {
		id := w.hold(update(fmt.Sprint("a", n), 1), two())
		seen := w.seen(id)
		var mu sync.Mutex
		taken, went := map[string]int{}, 0
		together(6, func(i int) {
			who := fmt.Sprint("person ", i%3)
			r, err := w.Approve(w.ctx, id, ledger.Approval{By: who, Account: who, Seen: seen, At: at(5)})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && r.State == ledger.Approved:
				went++
				taken[who]++
			case err == nil:
				taken[who]++
			case !errors.Is(err, ledger.ErrTwice) && !errors.Is(err, ledger.ErrConflict):
				w.Error(err)
			}
		})
		kept, err := w.Approvals(w.ctx, id)
		w.must(err)
		if went != 1 || len(taken) != 2 || len(kept) != 2 || kept[0].By == kept[1].By {
			w.Errorf("went %d times, approvals of %v, kept %+v; want once, by two people", went, taken, kept)
		}
	}
}

// manyTimeOut: the time-out is found from several places while people approve. One of them it is.
func manyTimeOut(w *world) {
	due := at(1).Add(10 * time.Minute)
	for n := range 5 {
		id := w.hold(update(fmt.Sprint("a", n), 1), within(10, playbook.SendIt))
		w.must(w.approve(id, "Ana", at(2)))
		seen := w.seen(id)
		var mu sync.Mutex
		won := 0
		together(6, func(i int) {
			var err error
			if i == 0 {
				_, err = w.Approve(w.ctx, id, ledger.Approval{By: "Ion", Account: "ion", Seen: seen, At: due})
			} else {
				_, err = w.TimeOut(w.ctx, id, due)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.Is(err, ledger.ErrConflict) {
				w.Error(err)
			}
		})
		if kept, err := w.Approvals(w.ctx, id); won != 1 || err != nil || len(kept) != 2 {
			w.Errorf("let go %d times, kept %+v, %v; want once", won, kept, err)
		}
	}
}
