package fallback

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func TestEngineReaches(t *testing.T) {
	w := newWorld(t)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.run()
	w.lane(n, accepted)
	got := w.until("acceptance", n.ID, is(notification.Accepted))
	if got.Attempt.ProviderID != "p1" || !got.Attempt.Took {
		t.Errorf("accepted attempt: %+v", got.Attempt)
	}
	for range 3 { // repeats are harmless
		w.receipt("viber", bus.Receipt{Notification: n.ID, State: channels.ReceiptRead}, bus.Receipt{Notification: n.ID, State: channels.ReceiptDelivered})
	}
	w.receipt("viber", bus.Receipt{Notification: 4711, State: channels.ReceiptRead}) // of no notification here
	got = w.until("outcome", n.ID, ended(notification.Reached))
	if got.ReachedBy != "viber" || got.Proof != channels.Read {
		t.Errorf("outcome: %+v", got)
	}
	w.eventually("the update to close", func() bool { return w.progress().State == ledger.Closed })
	p := w.progress()
	for what, want := range map[string]int64{"accepted": 1, "delivered": 1, "read": 1, "reached": 1, ledger.Double: 0} {
		if got := p.Count("*", what); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
}

func TestEngineFallsBack(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 2, "viber", "sms")
	w.must(w.ledger.MarkSent(t.Context(), []int64{ns[0].Attempt.Batch}, now))
	w.run()
	second := refused
	second.Notification, second.Index, second.Repeat = ns[1].ID, 1, true
	w.lane(ns[0], refused, second)
	w.until("the second step", ns[0].ID, onStep(1))
	w.until("the second step", ns[1].ID, onStep(1))
	batches, err := w.ledger.UnsentBatches(t.Context(), time.Now(), 10)
	w.must(err)
	if len(batches) != 1 || len(batches[0].Items) != 2 {
		t.Fatalf("batches: %+v, want one of both", batches)
	}
	b := batches[0]
	for i, it := range b.Items {
		text, err := b.Content.Text.Expand(it.Values)
		if err != nil || it.Address != fmt.Sprint("+37369", i+1) || text != "a Ana" || it.Notification != ns[i].ID {
			t.Errorf("item %+v says %q, %v", it, text, err)
		}
	}
	if b.Channel != "sms" || b.Step != 1 || b.Try != 0 || b.Priority != notification.Urgent || w.get(ns[0].ID).Attempt.Batch != b.ID {
		t.Errorf("batch: %+v", b.BatchHead)
	}
	if p := w.progress(); p.Count("viber", ledger.Repeated) != 1 || p.Count("sms", ledger.Repeated) != 0 {
		t.Errorf("repeats are counted on the wrong channel: %+v", p.Tallies)
	}
}

func TestEngineTriesAgainWhatWasReturned(t *testing.T) {
	w := newWorld(t)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.must(w.ledger.MarkSent(t.Context(), []int64{n.Attempt.Batch}, now))
	w.run()
	w.lane(n, bus.Result{State: bus.ResultReturned, Class: channels.Unavailable, Code: "503", RetryAfter: 60_000})
	got := w.until("another try", n.ID, func(n notification.Notification) bool { return n.Attempt.Try == 1 })
	if got.Attempt.Batch == n.Attempt.Batch || got.Attempt.Step != 0 || len(got.Past) != 0 {
		t.Errorf("another try: %+v", got)
	}
	if early, err := w.ledger.UnsentBatches(t.Context(), time.Now().Add(30*time.Second), 10); err != nil || len(early) != 0 {
		t.Errorf("it is to be sent too early: %+v, %v", early, err)
	}
	if due, err := w.ledger.UnsentBatches(t.Context(), time.Now().Add(61*time.Second), 10); err != nil || len(due) != 1 || due[0].Try != 1 {
		t.Errorf("due after a minute: %+v, %v", due, err)
	}
}

func TestEngineChecksConsentAddressAndText(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*audience.Recipient)
		steps  []string
		want   notification.Reason
	}{
		"consent withdrawn": {func(r *audience.Recipient) { r.Consents = []string{"viber"} }, []string{"viber", "sms"}, notification.NoConsent},
		"address gone":      {func(r *audience.Recipient) { r.Addresses = nil }, []string{"viber", "sms"}, notification.NoAddress},
		"no text for it":    {func(*audience.Recipient) {}, []string{"viber", "web"}, notification.NoText},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			n := w.announce("a", 1, tt.steps...)[0]
			w.people(1, tt.change)
			w.run()
			w.lane(n, refused)
			got := w.until("the end", n.ID, ended(notification.Unreachable))
			if got.Reason != tt.want || got.Attempt.State != notification.Failed || len(got.Past) != 1 {
				t.Errorf("ended as %+v, want reason %s", got, tt.want)
			}
		})
	}
	t.Run("deleted", func(t *testing.T) {
		w := newWorld(t)
		n := w.announce("a", 1, "viber", "sms")[0]
		w.must(w.ledger.DeleteRecipient(t.Context(), "c1"))
		w.run()
		w.lane(n, refused)
		if got := w.until("the end", n.ID, ended(notification.Unreachable)); got.Reason != notification.NoAddress {
			t.Errorf("ended as %+v", got)
		}
	})
	t.Run("passes over a step without text", func(t *testing.T) {
		w := newWorld(t)
		n := w.announce("a", 1, "viber", "web", "sms")[0]
		w.run()
		w.lane(n, refused)
		if got := w.until("the third step", n.ID, onStep(2)); len(got.Past) != 2 || got.Past[1].Code != "no_text" || got.Attempt.Batch == 0 {
			t.Errorf("went on as %+v", got)
		}
	})
}

// silent is a policy by which viber's silence is judged at once.
func silent(p notification.Policy) notification.Policy {
	v := p.Channels["viber"]
	v.Wait = 0
	p.Channels["viber"] = v
	return p
}

func TestEngineJudgesSilenceAndHearsTheLateReceipt(t *testing.T) {
	w := newWorld(t)
	w.engine.Policy = silent(w.engine.Policy)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.run()
	w.lane(n, accepted)
	onSMS := w.until("the fallback after silence", n.ID, onStep(1))
	if onSMS.Past[0].State != notification.Expired {
		t.Errorf("the silent attempt is %v", onSMS.Past[0].State)
	}
	w.receipt("viber", bus.Receipt{Notification: n.ID, State: channels.ReceiptRead})
	w.until("the late receipt", n.ID, ended(notification.Reached))
	w.eventually("the revocation", func() bool { return w.isRevoked(onSMS) })
	w.lane(onSMS, bus.Result{State: bus.ResultRevoked})
	w.until("the lane's answer", n.ID, is(notification.Revoked))
	if p := w.progress(); p.Count("viber", "accepted") != 1 || p.Count("sms", "revoked") != 1 || p.Count("*", ledger.Double) != 0 {
		t.Errorf("tallies: %+v", p.Tallies)
	}
	if due, err := w.ledger.NextDeadline(t.Context()); err != nil || !due.IsZero() {
		t.Errorf("a deadline is left: %v, %v", due, err)
	}
}

func (w *world) isRevoked(n notification.Notification) bool {
	w.Helper()
	entries, err := w.bus.Journal(w.Context(), n.Attempt.Channel, n.Attempt.Batch, 0)
	w.must(err)
	for _, e := range entries {
		for _, id := range e.Revoked {
			if id == n.ID {
				return true
			}
		}
	}
	return false
}

func TestEngineCountsADoubleReachWhereItHappened(t *testing.T) {
	w := newWorld(t)
	w.engine.Policy = silent(w.engine.Policy)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.run()
	w.lane(n, accepted)
	onSMS := w.until("the fallback after silence", n.ID, onStep(1))
	w.lane(onSMS, accepted)
	w.receipt("sms", bus.Receipt{Notification: n.ID, Step: 1, State: channels.ReceiptDelivered})
	w.until("the fallback", n.ID, ended(notification.Reached))
	for range 2 {
		w.receipt("viber", bus.Receipt{Notification: n.ID, State: channels.ReceiptDelivered}, bus.Receipt{Notification: n.ID, State: channels.ReceiptRead})
	}
	w.until("the late receipt", n.ID, func(n notification.Notification) bool { return n.Past[0].State == notification.Read })
	p := w.progress()
	if p.Count("viber", ledger.Double) != 1 || p.Count("sms", ledger.Double) != 0 || p.Count("sms", ledger.Fallback) != 1 {
		t.Errorf("tallies: %+v", p.Tallies)
	}
}

func TestEngineTellsTheLaneThoughNATSFailed(t *testing.T) {
	w := newWorld(t)
	w.engine.Policy = silent(w.engine.Policy)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.run()
	w.lane(n, accepted)
	onSMS := w.until("the fallback after silence", n.ID, onStep(1))
	w.bus.down.Store(1) // the revocation fails after the fold was committed
	w.receipt("viber", bus.Receipt{Notification: n.ID, State: channels.ReceiptRead})
	w.eventually("the revocation", func() bool { return w.isRevoked(onSMS) })
}

func TestEngineReceiptBeforeItsResult(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 2, "viber", "sms")
	w.run()
	w.receipt("viber", bus.Receipt{ProviderID: "p1", State: channels.ReceiptRead}, bus.Receipt{ProviderID: "p1", State: channels.ReceiptAccepted})
	early := func() int {
		rs, err := w.ledger.EarlyReceipts(t.Context(), "viber", []string{"p1"})
		w.must(err)
		return len(rs)
	}
	w.eventually("the early receipt", func() bool { return early() == 1 })
	w.lane(ns[0], accepted)
	w.until("the receipt to be found", ns[0].ID, ended(notification.Reached))
	if early() != 0 {
		t.Error("the early receipt is still there")
	}
	// And in the usual order.
	other := accepted
	other.ProviderID, other.Notification, other.Index = "p2", ns[1].ID, 1
	w.lane(ns[0], other)
	w.until("acceptance", ns[1].ID, is(notification.Accepted))
	w.receipt("viber", bus.Receipt{ProviderID: "p2", State: channels.ReceiptFailed, Code: "9"})
	w.until("the failure", ns[1].ID, onStep(1))
}

func TestEngineSupersedes(t *testing.T) {
	w := newWorld(t)
	old := w.announce("a", 3, "viber", "sms")
	w.run()
	w.lane(old[0], accepted)
	w.until("acceptance", old[0].ID, is(notification.Accepted))
	w.bus.down.Store(1)                // the word to the lane is lost after the commit, as in a crash
	w.announce("b", 2, "viber", "sms") // the third recipient is not among them
	w.pages <- struct{}{}
	w.eventually("the revocation", func() bool { return w.isRevoked(old[1]) })
	for i, want := range []bool{true, true, false} {
		if got := w.get(old[i].ID); (got.Stop == notification.NewerNews) != want || got.Outcome != notification.Open {
			t.Errorf("notification %d has stop %v, outcome %v", i, got.Stop, got.Outcome)
		}
	}
	if w.isRevoked(old[0]) || w.isRevoked(old[2]) {
		t.Error("revoked what had left, or what no newer update is for")
	}
	w.lane(old[1], bus.Result{State: bus.ResultRevoked})
	w.until("the lane's answer", old[1].ID, ended(notification.Superseded))
	w.receipt("viber", bus.Receipt{Notification: old[0].ID, State: channels.ReceiptFailed, Code: "9"})
	w.until("failure without a fallback", old[0].ID, ended(notification.Superseded))
	w.eventually("the page to be done", func() bool {
		pages, err := w.ledger.SupersedingPages(t.Context(), 10)
		w.must(err)
		return len(pages) == 0
	})
}

// TestEngineStopsStaleNewsFirst: an engine that was away hears at once of a failure and of a newer update.
// Nothing is queued for the older one.
func TestEngineStopsStaleNewsFirst(t *testing.T) {
	w := newWorld(t)
	old := w.announce("a", 1, "viber", "sms")[0]
	w.lane(old, refused)
	w.announce("b", 1, "viber", "sms")
	w.run()
	if got := w.until("the end of the older one", old.ID, ended(notification.Superseded)); len(got.Past) != 0 {
		t.Errorf("went on to another step: %+v", got)
	}
}

func TestEngineLosesNothingWhileTheLedgerFails(t *testing.T) {
	w := newWorld(t)
	ns := w.announce("a", 2, "viber", "sms")
	w.ledger.down.Store(1)
	w.run()
	w.lane(ns[0], accepted)
	w.receipt("viber", bus.Receipt{Notification: ns[0].ID, State: channels.ReceiptRead})
	other := refused
	other.Notification, other.Index = ns[1].ID, 1
	w.lane(ns[0], other)
	w.until("the first", ns[0].ID, ended(notification.Reached))
	w.until("the second", ns[1].ID, onStep(1))
}

// busy is a ledger in whose every fold something else is heard.
type busy struct {
	*watched
	incoming chan delivery
}

type taken struct{ jetstream.Msg }

func (taken) Ack() error { return nil }

func (l *busy) Apply(ctx context.Context, f ledger.Fold) error {
	select {
	case l.incoming <- delivery{msg: taken{}}:
	default:
	}
	return l.watched.Apply(ctx, f)
}

// TestEngineJudgesUnderLoad: that there always is something to hear must not put judging off.
func TestEngineJudgesUnderLoad(t *testing.T) {
	w := newWorld(t)
	w.engine.Policy = silent(w.engine.Policy)
	n := w.announce("a", 1, "viber", "sms")[0]
	incoming := make(chan delivery, 1)
	w.engine.Ledger, w.engine.health = &busy{w.ledger, incoming}, newHealth(w.engine.Policy)
	said := accepted
	said.Notification = n.ID
	incoming <- delivery{msg: taken{}, channel: "viber", record: &bus.Record{Batch: n.Attempt.Batch, Results: []bus.Result{said}}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.engine.loop(ctx, incoming) }()
	w.until("the fallback after silence", n.ID, onStep(1))
	cancel()
	w.must(<-ended)
}

func TestEngineDropsWhatItCannotRead(t *testing.T) {
	w := newWorld(t)
	n := w.announce("a", 1, "viber", "sms")[0]
	w.run()
	for _, subject := range []string{"results.viber.1", "receipts.viber.p"} {
		w.must(w.bus.PublishMessage(t.Context(), subject, nil, []byte("{")))
	}
	w.receipt("viber", bus.Receipt{Notification: n.ID, State: channels.ReceiptRead})
	w.until("what came after", n.ID, ended(notification.Reached))
}
