package ledgertest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func recordUpdateOnce(w *world) {
	u := update("a", 1)
	id := w.record(u, ledger.Held)
	recorded, err := w.RecordUpdate(w.ctx, u, func(*incident.Incident) (ledger.NewUpdate, error) {
		w.Error("decide was called for an update that is there")
		return ledger.NewUpdate{}, nil
	})
	w.must(err)
	if recorded {
		w.Error("the same update was recorded twice")
	}
	other := u
	other.Incident = "b"
	_, err = w.RecordUpdate(w.ctx, other, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{}, errors.New("decide was called for an id that is taken")
	})
	w.wantErr(err, ledger.ErrReused)
	later := u
	later.Time = at(99) // the same file, published again
	recorded, err = w.RecordUpdate(w.ctx, later, nil)
	if recorded || err != nil {
		w.Errorf("the same update at another time: recorded %v, %v", recorded, err)
	}
	got, err := w.Update(w.ctx, id)
	w.must(err)
	w.equal("update", got, ledger.Update{ID: id, Update: u, State: ledger.Held, ReceivedAt: at(1), Terms: terms()})
	_, err = w.Update(w.ctx, id+1)
	w.wantErr(err, ledger.ErrNotFound)
}

// What one team calls its events must not hide another's.
func recordUpdateByTeam(w *world) {
	u := update("a", 1)
	w.record(u, ledger.Held)
	u.Team = "loans"
	w.record(u, ledger.Held)
	s, err := w.Incident(w.ctx, "loans", "a")
	w.must(err)
	if len(s.Progress) != 1 || s.Progress[0].EventID != u.EventID {
		w.Errorf("the second team's incident: %+v", s)
	}
}

func recordUpdateFolds(w *world) {
	w.record(update("a", 1), ledger.Held)
	w.record(update("b", 1), ledger.Held)
	u := update("a", 2)
	_, err := w.RecordUpdate(w.ctx, u, func(before *incident.Incident) (ledger.NewUpdate, error) {
		if before == nil || before.ID != "a" || before.Updates != 1 || !before.Time.Equal(at(1)) {
			w.Errorf("decide got %+v, want the incident as it was after the first update", before)
		}
		return ledger.NewUpdate{Update: u, Incident: incident.Incident{Team: u.Team, ID: u.Incident, Status: incident.Resolved, Updates: 2},
			State: ledger.NotAnnounced, Reason: "older", ReceivedAt: at(5)}, nil
	})
	w.must(err)
	s, err := w.Incident(w.ctx, "payments", "a")
	w.must(err)
	if s.Status != incident.Resolved || s.Updates != 2 || len(s.Progress) != 2 || !s.ChangedAt.Equal(at(5)) {
		w.Errorf("incident after two updates: %+v", s)
	}
	if p := s.Progress[1]; p.State != ledger.NotAnnounced || p.Reason != "older" || p.EventID != "a-2" || !p.ReceivedAt.Equal(at(5)) {
		w.Errorf("progress of the second update: %+v", p)
	}
	// The same key of another team is another incident.
	other := update("a", 3)
	other.Team = "loans"
	_, err = w.RecordUpdate(w.ctx, other, func(before *incident.Incident) (ledger.NewUpdate, error) {
		if before != nil {
			w.Errorf("another team's incident is %+v", before)
		}
		return ledger.NewUpdate{}, errors.New("enough")
	})
	if err == nil {
		w.Error("decide's error is lost")
	}
}

func recordUpdateRefused(w *world) {
	refused := &incident.FaultError{Faults: []incident.Fault{{Path: "data.status", Problem: "no"}}}
	recorded, err := w.RecordUpdate(w.ctx, update("a", 1), func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{}, refused
	})
	if got, ok := errors.AsType[*incident.FaultError](err); !ok || got != refused || recorded {
		w.Errorf("recorded %v, error %v; want decide's own error", recorded, err)
	}
	_, err = w.Incident(w.ctx, "payments", "a")
	w.wantErr(err, ledger.ErrNotFound)
	w.record(update("a", 1), ledger.Approved) // it may come again, better
}

func textsFrozen(w *world) {
	id := w.record(update("a", 1), ledger.Held)
	want := texts() // in the order of kind and locale
	for i := range want {
		body, err := json.Marshal(want[i].Content)
		w.must(err)
		sum := sha256.Sum256(body)
		want[i].Hash = hex.EncodeToString(sum[:])
	}
	got, err := w.Texts(w.ctx, id)
	w.must(err)
	w.equal("texts", got, want)
	none, err := w.Texts(w.ctx, id+1)
	w.must(err)
	w.equal("texts of no update", none, []ledger.Text{})
}

func rejections(w *world) {
	first := ledger.Rejection{Team: "payments", At: at(1), Faults: []incident.Fault{{Path: "data", Problem: "is missing"}}, Body: []byte("{\x00\xff")}
	second := ledger.Rejection{Team: "loans", At: at(2), Faults: []incident.Fault{{Path: "body", Problem: "is not JSON"}}, Body: []byte("{\x00\xff")}
	for _, r := range []ledger.Rejection{first, second, first} {
		w.must(w.RecordRejection(w.ctx, r))
	}
	got, err := w.Rejections(w.ctx, 10)
	w.must(err)
	if len(got) != 2 {
		w.Fatalf("%d rejections kept, want 2: the same message is kept once", len(got))
	}
	if got[0].ID <= got[1].ID {
		w.Error("the newest isn't first")
	}
	got[0].ID, got[1].ID = 0, 0
	w.equal("rejections", got, []ledger.Rejection{second, first})
	if one, err := w.Rejections(w.ctx, 1); err != nil || len(one) != 1 || one[0].Team != "loans" {
		w.Errorf("the last one: %v, %v", one, err)
	}
}

func approve(w *world) {
	held := w.record(update("a", 1), ledger.Held)
	w.must(w.approve(held, "ana", at(7)))
	u, err := w.Update(w.ctx, held)
	w.must(err)
	if u.State != ledger.Approved || u.ApprovedBy != "ana" || !u.ApprovedAt.Equal(at(7)) {
		w.Errorf("approved update: %+v", u)
	}
	w.wantErr(w.approve(held, "bob", at(8)), ledger.ErrConflict)
	w.wantErr(w.approve(held+100, "bob", at(8)), ledger.ErrNotFound)
	untold := w.record(update("b", 1), ledger.NotAnnounced)
	w.wantErr(w.approve(untold, "bob", at(8)), ledger.ErrConflict)
	if u, err = w.Update(w.ctx, held); err != nil || u.ApprovedBy != "ana" {
		w.Errorf("a refused approval left %+v, %v", u, err)
	}
}

func approveStale(w *world) {
	old, newer := w.record(update("a", 1), ledger.Held), w.record(update("a", 2), ledger.Held)
	other := w.record(update("b", 1), ledger.Held)
	w.must(w.approve(newer, "ana", at(7)))
	w.wantErr(w.approve(old, "bob", at(8)), ledger.ErrStale)
	u, err := w.Update(w.ctx, old)
	w.must(err)
	if u.State != ledger.NotAnnounced || u.Reason != "older than update 2, which was approved before it" || u.ApprovedBy != "" || !u.ApprovedAt.IsZero() {
		w.Errorf("the old news is %+v", u)
	}
	w.wantErr(w.approve(old, "bob", at(9)), ledger.ErrConflict)
	w.must(w.approve(other, "ana", at(9))) // another incident's
	third, fourth := w.record(update("a", 3), ledger.Held), w.record(update("a", 4), ledger.Held)
	w.must(w.approve(third, "ana", at(10))) // in order, both may go
	w.must(w.approve(fourth, "ana", at(10)))
}

func incidents(w *world) {
	for i, key := range []string{"a", "b", "c"} {
		w.record(update(key, i+1), ledger.Held)
	}
	w.record(update("a", 9), ledger.Held)
	got, err := w.Incidents(w.ctx, 2)
	w.must(err)
	if len(got) != 2 || got[0].ID != "a" || got[1].ID != "c" || len(got[0].Progress) != 2 {
		w.Errorf("the last two incidents: %+v", got)
	}
	if got[0].Progress[0].ReceivedAt.After(got[0].Progress[1].ReceivedAt) {
		w.Error("progress isn't oldest first")
	}
	_, err = w.Incident(w.ctx, "loans", "a")
	w.wantErr(err, ledger.ErrNotFound)
	_, err = w.Report(w.ctx, "payments", "zzz")
	w.wantErr(err, ledger.ErrNotFound)
}
