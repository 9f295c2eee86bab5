package fallback

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// order publishes an operator's order, twice, as a client would whose first answer got lost.
func (w *world) order(o ledger.Order) {
	w.Helper()
	o.ID, o.By, o.Why = "o-"+string(o.Verb), "Ana", "a reason"
	body, err := json.Marshal(o)
	w.must(err)
	for range 2 {
		w.must(w.bus.PublishMessage(w.Context(), bus.OrderSubject(string(o.Verb)), nil, body))
	}
}

func TestEngineCancels(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 3, "viber", "sms")
	w.run()
	w.lane(ns[0], accepted)
	w.until("acceptance", ns[0].ID, is(notification.Accepted))
	w.must(w.ledger.MarkSent(t.Context(), []int64{ns[1].Attempt.Batch}, time.Now()))
	w.order(ledger.Order{Verb: ledger.Cancel, Update: ns[0].Update})
	w.eventually("the revocation", func() bool { return w.isRevoked(ns[1]) })
	if w.isRevoked(ns[0]) {
		t.Error("revoked what had left")
	}
	w.lane(ns[1], bus.Result{State: bus.ResultRevoked})
	got := w.until("the lane's answer", ns[1].ID, ended(notification.Suppressed))
	if got.Reason != notification.Cancelled {
		t.Errorf("reason %q", got.Reason)
	}
	w.receipt("viber", bus.Receipt{Notification: ns[0].ID, State: "delivered"})
	failed := refused
	failed.Notification, failed.Index = ns[2].ID, 2
	w.lane(ns[2], failed)
	w.until("no fallback for what is cancelled", ns[2].ID, ended(notification.Suppressed))
}

// TestEngineCancelsWhatNoLaneHas: a batch that was never handed over needs no lane's answer.
func TestEngineCancelsWhatNoLaneHas(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 2, "viber", "sms")
	w.run()
	w.order(ledger.Order{Verb: ledger.Cancel, Update: ns[0].Update})
	for _, n := range ns {
		w.until("the end", n.ID, ended(notification.Suppressed))
	}
}

func TestEngineMovesAChannelOn(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 3, "viber", "sms")
	w.run()
	w.lane(ns[0], accepted)
	w.until("acceptance", ns[0].ID, is(notification.Accepted))
	w.order(ledger.Order{Verb: ledger.Move, Channel: "viber"})
	for _, n := range ns[1:] {
		if got := w.until("the next step", n.ID, onStep(1)); got.Past[0].State != notification.Revoked {
			t.Errorf("moved from %v", got.Past[0].State)
		}
	}
	w.eventually("the lane to be told", func() bool { return w.isRevoked(ns[1]) && w.isRevoked(ns[2]) })
	if got := w.get(ns[0].ID); got.Attempt.Step != 0 || w.isRevoked(ns[0]) {
		t.Errorf("moved what had left: %+v", got)
	}
}

// TestEngineGivesUpWhatWaits: a lane that never comes keeps nobody from being told.
func TestEngineGivesUpWhatWaits(t *testing.T) {
	w := newWorld(t)
	w.run() // before there is a deadline: an engine that finds one listens first
	w.givenUp = time.Now().Add(time.Millisecond)
	ns := w.announce("a", 2, "viber", "sms")
	for _, n := range ns {
		if got := w.until("the next step", n.ID, onStep(1)); got.Past[0].State != notification.Expired {
			t.Errorf("given up as %v", got.Past[0].State)
		}
	}
	w.eventually("the lane to be told", func() bool { return w.isRevoked(ns[0]) && w.isRevoked(ns[1]) })
}

func TestEngineDropsAnOrderItCannotRead(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 1, "viber", "sms")
	w.run()
	w.must(w.bus.PublishMessage(t.Context(), bus.OrderSubject("cancel"), nil, []byte("{")))
	w.order(ledger.Order{Verb: ledger.Cancel, Update: ns[0].Update})
	w.until("what came after", ns[0].ID, ended(notification.Suppressed))
}

// TestEnginePausesLanes: the lanes are told of what is paused, and of what no longer is; and a pause uses
// up no step's wait.
func TestEnginePausesLanes(t *testing.T) {
	w := newWorld(t)
	w.engine.Control = w.bus
	said := w.watchWords()
	n := w.announce("a", 1, "viber", "sms")[0]
	w.run()
	key := bus.PausedKey(n.Update)
	w.order(ledger.Order{Verb: ledger.Pause, Team: "payments", Incident: "cards"})
	w.soon("the pause to be told", func() bool { return said.of(key) != "" })
	w.lane(n, bus.Result{State: bus.ResultReturned, Code: notification.HeldBack, RetryAfter: 1000})
	held := w.until("another try", n.ID, func(n notification.Notification) bool { return n.Attempt.Try == 1 })
	if !held.Attempt.QueuedAt.After(n.Attempt.QueuedAt) {
		t.Error("a pause used up the step's wait")
	}
	w.order(ledger.Order{Verb: ledger.Resume, Team: "payments", Incident: "cards"})
	w.soon("its end to be told", func() bool { return said.of(key) == "" })
}
