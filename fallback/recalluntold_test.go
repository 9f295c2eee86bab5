package fallback

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestRecallThatCannotBeTold: while NATS doesn't take recalls nothing is asked for, and nothing said to be; what
// else there is to do is done.
func TestRecallThatCannotBeTold(t *testing.T) {
	w := newWorld(t)
	e, lanes := w.recalling()
	n := w.announce("a", 1, "viber", "sms")[0]
	w.hears(e, n, notification.ResultAccepted, "p1")
	w.recalls("o", n.Update)
	for _, lanes.fails = range []error{bus.ErrUnavailable, errors.New("no right to publish")} {
		e.untold = time.Time{}
		w.must(e.runErrands(t.Context()))
		if left := time.Until(e.untold); w.recallOf(n) != notification.NotRecalled || w.errands() != 1 || left <= roomAfter {
			t.Errorf("%v: %v, %d errands left, tried again in %v", lanes.fails, w.recallOf(n), w.errands(), left)
		}
	}
	lanes.fails, e.untold = nil, time.Time{}
	w.ledger.down.Store(1)
	if err := e.runErrands(t.Context()); err == nil {
		t.Error("the ledger is down, and it is no error")
	}
}

// TestRecallBeginsWithRoom: of an errand no part is told while there isn't room for much: it would be told again.
func TestRecallBeginsWithRoom(t *testing.T) {
	w := newWorld(t)
	e, lanes := w.recalling()
	n := w.announce("a", 1, "viber", "sms")[0]
	w.hears(e, n, notification.ResultAccepted, "p1")
	w.recalls("o", n.Update)
	lanes.full = bus.ErrFull
	w.must(e.runErrands(t.Context()))
	if lanes.tries != 0 || w.errands() != 1 || w.recallOf(n) != notification.NotRecalled {
		t.Errorf("without much room: told %d times, %d errands left, %v", lanes.tries, w.errands(), w.recallOf(n))
	}
}

// TestRecallLeavesOnlyWhatIsUntold: an errand that a fold leaves is about what its lane was not told of, and
// nothing else in its range is asked for once more.
func TestRecallLeavesOnlyWhatIsUntold(t *testing.T) {
	w := newWorld(t)
	e, lanes := w.recalling()
	ns := w.announce("a", 4, "viber", "sms")
	w.must(w.ledger.MarkSent(t.Context(), []int64{ns[0].Attempt.Batch}, time.Now()))
	w.hears(e, ns[1], notification.ResultAccepted, "p2")
	w.recalls("o", ns[0].Update)
	w.must(e.runErrands(t.Context()))
	if got := lanes.all(); len(got) != 1 || got[0].ProviderID != "p2" {
		t.Fatalf("asked for %+v", got)
	}
	lanes.fails = bus.ErrFull
	f := newFold(e)
	for _, i := range []int{0, 3} {
		f.add(notification.Event{Attempt: notification.ID{Notification: ns[i].ID}, Kind: notification.ResultAccepted, ProviderID: fmt.Sprint("p", i+1)})
	}
	w.must(f.apply(t.Context()))
	w.hears(e, ns[2], notification.ResultAccepted, "p3") // it isn't even tried
	left, err := w.ledger.Errands(t.Context(), 0, 10)
	w.must(err)
	want := []ledger.Errand{
		{Verb: ledger.Recall, Update: ns[0].Update, Channel: "viber", First: ns[0].ID, Last: ns[3].ID},
		{Verb: ledger.Recall, Update: ns[0].Update, Channel: "viber", First: ns[2].ID, Last: ns[2].ID},
	}
	if d := cmp.Diff(want, left, cmpopts.IgnoreFields(ledger.Errand{}, "ID")); d != "" || lanes.tries != 2 {
		t.Errorf("left (-want +got), after %d tries:\n%s", lanes.tries, d)
	}
	lanes.fails, e.untold = nil, time.Time{}
	w.must(e.runErrands(t.Context()))
	w.must(e.runErrands(t.Context()))
	var ids []string
	for _, q := range lanes.all() {
		ids = append(ids, q.ProviderID)
	}
	if d := cmp.Diff([]string{"p1", "p3", "p4"}, ids); d != "" || w.errands() != 0 {
		t.Errorf("asked for (-want +got), %d errands are left:\n%s", w.errands(), d)
	}
}
