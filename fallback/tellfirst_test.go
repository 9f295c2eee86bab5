package fallback

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestWhatIsGivenUpIsStoppedFirst: nothing reminds an engine of an attempt that was given up, neither its
// deadline, which is dealt with, nor the order, which has been carried out. So where the lane can't be told,
// the attempt is not given up yet: else a lane that comes back would send it beside the next step.
func TestWhatIsGivenUpIsStoppedFirst(t *testing.T) {
	for name, giveUp := range map[string]func(*world, *Engine) error{
		"by its deadline": func(w *world, e *Engine) error { return e.judge(w.Context(), w.givenUp) },
		"by an order":     func(w *world, e *Engine) error { return e.runErrands(w.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.givenUp = time.Now().Add(time.Minute)
			n := w.announce("a", 1, "viber", "sms")[0]
			w.must(w.ledger.MarkSent(t.Context(), []int64{n.Attempt.Batch}, time.Now()))
			if name == "by an order" {
				_, err := w.ledger.CarryOut(t.Context(), ledger.Order{ID: "o", Verb: ledger.Move, Channel: "viber", By: "Ana", Why: "a reason"}, time.Now())
				w.must(err)
			}
			w.bus.down.Store(1)
			if err := giveUp(w, w.beside()); err == nil {
				t.Fatal("the lane was not told, and it is no error")
			}
			if got := w.get(n.ID); got.Attempt.Step != 0 {
				t.Fatalf("given up before the lane knew: %+v", got)
			}
			w.must(giveUp(w, w.beside())) // the engine after it
			if got := w.get(n.ID); got.Attempt.Step != 1 || !w.isRevoked(n) {
				t.Errorf("%+v, revoked %v; want it stopped and gone on", got, w.isRevoked(n))
			}
		})
	}
}

// TestStoppedForNothingGoesAgain: an engine told the lane, and died before it committed why.
func TestStoppedForNothingGoesAgain(t *testing.T) {
	w := newWorld(t)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.must(w.ledger.MarkSent(t.Context(), []int64{n.Attempt.Batch}, time.Now()))
	w.must(w.bus.Revoke(t.Context(), "viber", n.Attempt.Batch, []int64{n.ID}))
	w.run()
	w.lane(n, bus.Result{State: bus.ResultRevoked})
	got := w.until("another try", n.ID, func(n notification.Notification) bool { return n.Attempt.Try == 1 })
	if got.Attempt.Step != 0 || got.Attempt.State != notification.Queued || got.Attempt.Batch == n.Attempt.Batch {
		t.Errorf("goes on as %+v", got)
	}
}
