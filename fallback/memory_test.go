package fallback

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// dead returns the dead addresses of the first customer.
func (w *world) dead() audience.Addresses {
	w.Helper()
	r, err := w.ledger.Recipient(w.Context(), "c1")
	w.must(err)
	return r.Dead
}

func TestEngineRemembersInvalidAddresses(t *testing.T) {
	w := newWorld(t)
	first := w.announce("a", 1, "viber", "sms")[0]
	w.incident = "another" // or it would stop the first
	second := w.announce("b", 1, "web", "viber", "sms")[0]
	w.run()
	for range 2 { // a repeat changes nothing
		w.lane(first, refused)
	}
	w.until("the fallback", first.ID, onStep(1))
	if dead := w.dead(); len(dead) != 1 || dead[0] != (audience.Address{Channel: "viber", Address: "v"}) {
		t.Fatalf("the directory remembers %+v", dead)
	}
	w.soon("the refusals to be counted", func() bool { return testutil.ToFloat64(w.engine.Metrics.dead.WithLabelValues("viber")) >= 1 })
	// The cascade of another update passes over the dead address.
	w.lane(second, bus.Result{State: bus.ResultFailed, Class: channels.Rejected, Code: "c2"})
	got := w.until("the step after the dead address", second.ID, func(n notification.Notification) bool {
		return n.Attempt.Step == 2 || n.Outcome != notification.Open
	})
	if len(got.Past) < 2 || got.Past[1].Code != string(notification.InvalidAddress) || got.Past[1].Took {
		t.Errorf("went on as %+v", got)
	}
	if dead := w.dead(); len(dead) != 1 {
		t.Errorf("a message that was refused made an address dead: %+v", dead)
	}
}

func TestEngineRemembersInvalidAddressesOfLateResults(t *testing.T) {
	w := newWorld(t)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.run()
	w.receipt("viber", bus.Receipt{Notification: n.ID, State: channels.ReceiptFailed}) // says nothing of the address
	w.until("the fallback", n.ID, onStep(1))
	if dead := w.dead(); len(dead) != 0 {
		t.Errorf("a receipt made an address dead: %+v", dead)
	}
	w.lane(n, refused)
	w.eventually("the lane's own word", func() bool { return len(w.dead()) == 1 })
}

// TestEngineRemembersDeadReceipts: a bounce that says that the mailbox doesn't exist is remembered, also
// when it comes after the notification counts as reached.
func TestEngineRemembersDeadReceipts(t *testing.T) {
	for name, before := range map[string]func(w *world, n notification.Notification){
		"in time": func(*world, notification.Notification) {},
		"after the outcome": func(w *world, n notification.Notification) {
			w.receipt("viber", bus.Receipt{Notification: n.ID, State: channels.ReceiptFailed})
			w.until("the fallback", n.ID, onStep(1))
			w.receipt("sms", bus.Receipt{Notification: n.ID, Step: 1, State: channels.ReceiptDelivered})
			w.until("the end", n.ID, ended(notification.Reached))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			n := w.announce("a", 1, "viber", "sms")[0]
			w.run()
			before(w, n)
			for range 2 { // a repeat changes nothing
				w.receipt("viber", bus.Receipt{Notification: n.ID, State: channels.ReceiptFailed, Dead: true, Code: "5.1.1"})
			}
			w.eventually("the memory of it", func() bool { return len(w.dead()) == 1 })
		})
	}
}

// quietNow makes it night, for another two hours.
func (w *world) quietNow() time.Time {
	w.Helper()
	begun := time.Now().UTC().Add(-time.Hour)
	end := begun.Add(3 * time.Hour).Truncate(time.Minute)
	q, err := plan.NewQuiet(begun.Format("15:04"), end.Format("15:04"), incident.Critical, time.UTC)
	w.must(err)
	w.engine.Rules.Quiet = q
	return end
}

func TestEngineLetsSleepWhatCanWait(t *testing.T) {
	for _, tt := range []struct {
		status incident.Status
		waits  bool
	}{{incident.Scheduled, true}, {incident.Identified, false}} {
		t.Run(string(tt.status), func(t *testing.T) {
			w := newWorld(t)
			w.status = tt.status
			end := w.quietNow()
			ns := w.announce("a", 2, "viber", "sms")
			w.must(w.ledger.MarkSent(t.Context(), []int64{ns[0].Attempt.Batch}, now))
			w.run()
			second := refused
			second.Notification, second.Index = ns[1].ID, 1
			w.lane(ns[0], refused, second)
			got := w.until("the fallback", ns[0].ID, onStep(1))
			at := time.Now()
			if tt.waits {
				if at = end; !got.Attempt.QueuedAt.Equal(end) {
					t.Errorf("its wait begins at %v, want %v", got.Attempt.QueuedAt, end)
				}
				if early, err := w.ledger.UnsentBatches(t.Context(), end.Add(-time.Second), 10); err != nil || len(early) != 0 {
					t.Errorf("before the end of the quiet hours: %+v, %v", early, err)
				}
			}
			due, err := w.ledger.UnsentBatches(t.Context(), at, 10)
			if err != nil || len(due) != 1 || len(due[0].Items) != 2 {
				t.Errorf("due: %+v, %v; want one batch of both", due, err)
			}
			want := map[bool]float64{true: 2}[tt.waits]
			w.soon("the count of what was put off", func() bool { return testutil.ToFloat64(w.engine.Metrics.deferred) == want })
		})
	}
}

// TestSupersededWhileItWaited: what waits for the morning and is superseded meanwhile is revoked in the
// journal before its lane has the batch, so that it never leaves; see the lane's
// TestRevokedBeforeTheClaim.
func TestSupersededWhileItWaited(t *testing.T) {
	w := newWorld(t)
	w.status = incident.Scheduled
	w.quietNow()
	old := w.announce("a", 1, "viber", "sms")[0]
	w.must(w.ledger.MarkSent(t.Context(), []int64{old.Attempt.Batch}, now))
	w.run()
	w.lane(old, refused)
	waiting := w.until("the fallback", old.ID, onStep(1))
	w.announce("b", 1, "viber", "sms")
	w.pages <- struct{}{}
	w.eventually("the revocation", func() bool { return w.isRevoked(waiting) })
	w.lane(waiting, bus.Result{State: bus.ResultRevoked}) // in the morning
	w.until("the lane's answer", old.ID, ended(notification.Superseded))
}

// TestReturnedAfterQuietHours: the step's wait begins when it may leave, so that a night's rest does not
// use it up.
func TestReturnedAfterQuietHours(t *testing.T) {
	morning := now.Add(9 * time.Hour)
	n := notification.Notification{ID: 1, Steps: notification.Steps("sms"), Attempt: notification.Attempt{Channel: "sms", State: notification.Queued, QueuedAt: morning}}
	c := Decide(n, current(&n, notification.ResultReturned), policy(), morning.Add(time.Second))
	if !c.Queue || c.Notification.Attempt.Try != 1 {
		t.Errorf("returned in the morning: %+v", c)
	}
}

// TestMergedIncidentsNewsIsSuperseded follows two merged incidents to the engine: the parent's next update
// stops what is queued of the child's.
func TestMergedIncidentsNewsIsSuperseded(t *testing.T) {
	w := newWorld(t)
	w.incident = "atm"
	child := w.announce("child", 1, "viber", "sms")[0]
	w.must(w.ledger.MarkSent(t.Context(), []int64{child.Attempt.Batch}, now))
	w.incident = "cards"
	parent := w.announce("parent", 1, "viber", "sms")[0]
	w.must(w.ledger.MarkSent(t.Context(), []int64{parent.Attempt.Batch}, now))
	merging := incident.Update{Source: "s", EventID: "merging", Time: now, Data: incident.Data{Team: "payments", Incident: "atm", MergedInto: "cards"}}
	_, err := w.ledger.RecordUpdate(t.Context(), merging, func(before *incident.Incident) (ledger.NewUpdate, error) {
		after := *before
		after.MergedInto = "cards"
		return ledger.NewUpdate{Update: merging, Incident: after, State: ledger.NotAnnounced, ReceivedAt: now}, nil
	})
	w.must(err)
	w.run()
	w.announce("next", 1, "viber", "sms")
	w.pages <- struct{}{}
	for _, n := range []notification.Notification{child, parent} {
		w.eventually("the revocation", func() bool { return w.isRevoked(n) })
		w.lane(n, bus.Result{State: bus.ResultRevoked})
		w.until("the lane's answer", n.ID, ended(notification.Superseded))
	}
}
