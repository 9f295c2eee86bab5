package fallback

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// beside makes one more engine on the same ledger and bus, as another process would.
func (w *world) beside() *Engine {
	e := w.engine
	return &Engine{
		Ledger: e.Ledger, Bus: e.Bus, Policy: e.Policy, Batches: e.Batches, PagesPlanned: e.PagesPlanned,
		Rules: e.Rules, Metrics: e.Metrics, Log: e.Log, Planned: e.Planned, Control: e.Control, shared: true, health: newHealth(e.Policy),
	}
}

// runs starts something that ends with the test.
func (w *world) runs(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("an engine ended: %v", err)
		}
	})
}

// TestEnginesShareTheWork: three engines fold what comes, whichever of them gets it, and one judges.
// Everybody ends as with one engine.
func TestEnginesShareTheWork(t *testing.T) {
	w := newWorld(t)
	quick := w.engine.Policy.Channels["viber"]
	quick.Wait = 300 * time.Millisecond
	w.engine.Policy.Channels["viber"] = quick
	ns := w.announce("a", 3, "viber", "sms")
	w.must(w.ledger.MarkSent(t.Context(), []int64{ns[0].Attempt.Batch}, now))
	for range 3 {
		w.runs(w.beside().Fold)
	}
	w.runs(w.beside().Watch)
	for _, n := range ns {
		w.lane(n, accepted)
	}
	w.receipt("viber", bus.Receipt{Notification: ns[0].ID, State: channels.ReceiptRead})
	w.receipt("viber", bus.Receipt{Notification: ns[1].ID, State: channels.ReceiptFailed, Code: "x"})
	w.until("the receipt", ns[0].ID, ended(notification.Reached))
	for _, n := range ns[1:] { // one failed, one is silent
		onSMS := w.until("the second step", n.ID, onStep(1))
		w.lane(onSMS, accepted)
		w.receipt("sms", bus.Receipt{Notification: n.ID, Step: 1, State: channels.ReceiptDelivered})
		w.until("the end", n.ID, ended(notification.Reached))
	}
	w.eventually("the update to close", func() bool { return w.progress().State == ledger.Closed })
	p := w.progress()
	for what, want := range map[string]int64{"reached": 3, ledger.Double: 0} {
		if got := p.Count("*", what); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
}

// TestNothingIsJudgedThatAnotherEngineHolds: an engine that has taken a receipt and not committed it
// keeps the deadline from being judged; once it is dealt with, it is.
func TestNothingIsJudgedThatAnotherEngineHolds(t *testing.T) {
	w := newWorld(t)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.must(w.ledger.MarkSent(t.Context(), []int64{n.Attempt.Batch}, now))
	held := make(chan jetstream.Msg, 1)
	w.receipt("viber", bus.Receipt{Notification: n.ID, State: channels.ReceiptRead})
	w.runs(func(ctx context.Context) error {
		return w.bus.Consume(ctx, bus.ReceiptsStream, consumerName, "", 1, func(m jetstream.Msg) { held <- m })
	})
	slow := <-held // it came before the deadline, and is not folded yet
	e := w.beside()
	due := ledger.Deadline{Batch: n.Attempt.Batch, Due: time.Now().Add(-time.Millisecond)}
	w.must(w.ledger.Apply(t.Context(), ledger.Fold{Now: time.Now(), Deadlines: []ledger.Deadline{due}}))
	w.must(e.judgeForAll(t.Context()))
	if next, err := w.ledger.NextDeadline(t.Context()); err != nil || next.IsZero() {
		t.Errorf("the deadline is gone (%v): it was judged without the receipt", err)
	}
	w.must(slow.DoubleAck(t.Context()))
	w.must(e.judgeForAll(t.Context()))
	if next, err := w.ledger.NextDeadline(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("the deadline waits until %v (%v), though everything is folded", next, err)
	}
}

// crossing is a ledger on which something happens just before the first fold is committed.
type crossing struct {
	Ledger
	between func()
}

func (c *crossing) Apply(ctx context.Context, f ledger.Fold) error {
	if c.between != nil {
		between := c.between
		c.between = nil
		between()
	}
	return c.Ledger.Apply(ctx, f)
}

// acked is a message that can be acknowledged.
type acked struct{ jetstream.Msg }

func (acked) Ack() error { return nil }

// TestReceiptAndItsIDMeet: one engine is told a provider's id, another a receipt that names only
// that id, at the same time: neither sees what the other is about to commit.
func TestReceiptAndItsIDMeet(t *testing.T) {
	for _, last := range []string{"result", "receipt"} {
		t.Run(last, func(t *testing.T) {
			w := newWorld(t)
			byID := w.engine.Policy.Channels["viber"]
			byID.ByID = true
			w.engine.Policy.Channels["viber"] = byID
			n := w.announce("a", 1, "viber", "sms")[0]
			res := accepted
			res.Notification = n.ID
			result := []delivery{{msg: acked{}, channel: "viber", record: &bus.Record{Batch: n.Attempt.Batch, Results: []bus.Result{res}}}}
			receipt := []delivery{{msg: acked{}, channel: "viber", receipts: []bus.Receipt{{ProviderID: "p1", State: channels.ReceiptRead}}}}
			first, second := receipt, result
			if last == "receipt" {
				first, second = result, receipt
			}
			one, other := w.beside(), w.beside()
			other.Ledger = &crossing{Ledger: w.ledger, between: func() { w.must(one.foldDeliveries(t.Context(), first)) }}
			w.must(other.foldDeliveries(t.Context(), second))
			if got := w.get(n.ID); got.Outcome != notification.Reached || got.Proof != channels.Read {
				t.Errorf("the receipt was not heard: %+v", got)
			}
			if left, err := w.ledger.EarlyReceipts(t.Context(), "viber", []string{"p1"}); err != nil || len(left) != 0 {
				t.Errorf("early receipts left: %+v, %v", left, err)
			}
		})
	}
}

// TestConflictsAreCountedAndSettled: two engines decide on the same notification at the same time;
// the second one decides anew.
func TestConflictsAreCountedAndSettled(t *testing.T) {
	w := newWorld(t)
	n := w.announce("a", 1, "viber", "sms")[0]
	res := accepted
	res.Notification = n.ID
	one, other := w.beside(), w.beside()
	delivered := []delivery{{msg: acked{}, channel: "viber", receipts: []bus.Receipt{{Notification: n.ID, State: channels.ReceiptRead}}}}
	other.Ledger = &crossing{Ledger: w.ledger, between: func() { w.must(one.foldDeliveries(t.Context(), delivered)) }}
	taken := []delivery{{msg: acked{}, channel: "viber", record: &bus.Record{Batch: n.Attempt.Batch, Results: []bus.Result{res}}}}
	other.insist(t.Context(), func(ctx context.Context) error { return other.foldDeliveries(ctx, taken) })
	if got := w.get(n.ID); got.Outcome != notification.Reached || got.Proof != channels.Read {
		t.Errorf("after both: %+v", got)
	}
	if c := conflicts(t, w); c != 1 {
		t.Errorf("%v conflicts counted, want 1", c)
	}
}

func conflicts(t *testing.T, w *world) float64 {
	t.Helper()
	return testutil.ToFloat64(w.engine.Metrics.conflicts)
}

// busyLedger is one on which others always change some of many notifications, so that only folds about a
// few are committed.
type busyLedger struct{ Ledger }

func (l busyLedger) Apply(ctx context.Context, f ledger.Fold) error {
	if len(f.Changed) > 2 {
		return ledger.ErrConflict
	}
	return l.Ledger.Apply(ctx, f)
}

// TestStoppingManyGetsThrough although others change some of them all the time: were it all or nothing,
// older news would go out to its end.
func TestStoppingManyGetsThrough(t *testing.T) {
	for _, tt := range []struct {
		name string
		stop func(w *world, e *Engine, ns []notification.Notification)
		want notification.Stop
	}{
		{"newer news", func(w *world, e *Engine, ns []notification.Notification) {
			w.announce("b", len(ns), "viber", "sms")
			w.must(e.supersede(t.Context()))
		}, notification.NewerNews},
		{"a cancelled update", func(w *world, e *Engine, ns []notification.Notification) {
			o := ledger.Order{ID: "o", Verb: ledger.Cancel, Update: ns[0].Update, By: "Ana", Why: "a reason"}
			_, err := w.ledger.CarryOut(t.Context(), o, time.Now())
			w.must(err)
			w.must(e.runErrands(t.Context()))
		}, notification.CalledOff},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			ns := w.announce("a", 3, "viber", "sms")
			w.must(w.ledger.MarkSent(t.Context(), []int64{ns[0].Attempt.Batch}, time.Now()))
			e := w.beside()
			e.Ledger = busyLedger{w.ledger}
			tt.stop(w, e, ns)
			for _, n := range ns {
				if got := w.get(n.ID); got.Stop != tt.want || !w.isRevoked(n) {
					t.Errorf("notification %d: stop %v, revoked %v; want %v, told to the lane", n.ID, got.Stop, w.isRevoked(n), tt.want)
				}
			}
		})
	}
}

// TestDeadlinesOfBusyBatchesAreJudged one by one.
func TestDeadlinesOfBusyBatchesAreJudged(t *testing.T) {
	w := newWorld(t)
	e := w.beside()
	e.Ledger = busyLedger{w.ledger}
	for i, incident := range []string{"a", "b"} {
		w.incident = incident
		ns := w.announce(incident, i+1, "viber", "sms")
		w.must(w.ledger.MarkSent(t.Context(), []int64{ns[0].Attempt.Batch}, now))
		for _, n := range ns {
			w.lane(n, accepted)
		}
	}
	w.runs(w.beside().Fold)
	for _, n := range w.all() {
		w.until("acceptance", n.ID, is(notification.Accepted))
	}
	w.must(e.judge(t.Context(), time.Now().Add(time.Hour))) // by when their receipts are overdue
	for _, n := range w.all() {
		if got := w.get(n.ID); got.Attempt.Step != 1 {
			t.Errorf("notification %d has not gone on to its second step: %+v", n.ID, got.Attempt)
		}
	}
}
