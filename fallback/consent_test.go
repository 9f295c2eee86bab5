package fallback

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// leave has the recipient of a notification leave a channel, or come back to it.
func (w *world) leave(n notification.Notification, channel string, back bool) {
	w.Helper()
	_, err := w.ledger.SetConsent(w.Context(), ledger.Consent{Channel: channel, Number: n.Recipient, On: back, Source: audience.ByReply, At: time.Now()})
	w.must(err)
}

func TestEngineStopsWhatIsWithdrawn(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 3, "viber", "sms")
	w.run()
	w.lane(ns[0], accepted)
	w.until("acceptance", ns[0].ID, is(notification.Accepted))
	w.leave(ns[0], "viber", false) // it has left: nothing can be stopped
	w.leave(ns[1], "viber", false)
	w.leave(ns[2], "sms", false) // not what is queued
	got := w.until("the next step", ns[1].ID, onStep(1))
	if p := got.Past[0]; p.State != notification.Revoked || p.Code != "no_consent" {
		t.Errorf("left as %v, %q", p.State, p.Code)
	}
	w.eventually("the lane to be told", func() bool { return w.isRevoked(ns[1]) })
	for _, i := range []int{0, 2} {
		if got := w.get(ns[i].ID); got.Attempt.Step != 0 || w.isRevoked(ns[i]) {
			t.Errorf("stopped %+v", got)
		}
	}
	w.leave(ns[1], "sms", false)
	if got := w.until("the end", ns[1].ID, ended(notification.Unreachable)); got.Reason != notification.NoConsent {
		t.Errorf("reason %q", got.Reason)
	}
	failed := refused
	failed.Notification, failed.Index = ns[2].ID, 2
	w.lane(ns[2], failed)
	if got := w.until("no step onto a channel that was left", ns[2].ID, ended(notification.Unreachable)); got.Reason != notification.NoConsent {
		t.Errorf("reason %q", got.Reason)
	}
}

// TestEngineHeedsTheLastWord: who came back before the engine looked is not stopped.
func TestEngineHeedsTheLastWord(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 2, "viber", "sms")
	w.leave(ns[0], "viber", false)
	w.leave(ns[0], "viber", true)
	w.leave(ns[1], "viber", false)
	w.run()
	w.until("the other's next step", ns[1].ID, onStep(1))
	if got := w.get(ns[0].ID); got.Attempt.Step != 0 || w.isRevoked(ns[0]) {
		t.Errorf("stopped %+v", got)
	}
}

// failingLedger fails a number of folds that change something.
type failingLedger struct {
	Ledger
	fails int
	with  error
}

func (l *failingLedger) Apply(ctx context.Context, f ledger.Fold) error {
	if len(f.Changed) > 0 && l.fails > 0 {
		l.fails--
		return l.with
	}
	return l.Ledger.Apply(ctx, f)
}

// TestEngineTellsLanesFirst: should it end between telling the lanes and writing the ledger, the lane's
// answer alone brings the cascade on, past the channel that was left.
func TestEngineTellsLanesFirst(t *testing.T) {
	w := newWorld(t)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.leave(n, "viber", false)
	errDied := errors.New("died")
	f := &failingLedger{w.engine.Ledger, 1, errDied}
	w.engine.Ledger = f
	if err := w.engine.runErrands(t.Context()); !errors.Is(err, errDied) {
		t.Fatalf("error %v", err)
	}
	w.eventually("the lane to be told", func() bool { return w.isRevoked(n) })
	es, err := w.ledger.Errands(t.Context(), 0, 9)
	w.must(err)
	if len(es) != 1 {
		t.Errorf("errands %v: they were not done", es)
	}
	fold := newFold(w.engine)
	fold.add(notification.Event{Attempt: notification.ID{Notification: n.ID}, Kind: notification.ResultRevoked})
	w.must(fold.apply(t.Context()))
	if got := w.get(n.ID); got.Attempt.Step != 1 || got.Past[0].Code != "no_consent" {
		t.Errorf("after the lane's answer: %+v", got)
	}
}

// TestEngineHalvesWhatConflicts: what others change at the same time keeps nobody else's wish waiting.
func TestEngineHalvesWhatConflicts(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 3, "viber", "sms")
	for _, n := range ns {
		w.leave(n, "viber", false)
	}
	w.engine.Ledger = &failingLedger{w.engine.Ledger, 1, ledger.ErrConflict}
	w.must(w.engine.runErrands(t.Context()))
	for _, n := range ns {
		if got := w.get(n.ID); got.Attempt.Step != 1 {
			t.Errorf("left on %+v", got.Attempt)
		}
	}
}
