package dispatcher

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// publisherLedger tells when batches were marked as sent, and can fail to mark them.
type publisherLedger struct {
	*sqlite.Ledger
	down   int
	marked chan int
}

func (l *publisherLedger) MarkSent(ctx context.Context, batches []int64, now time.Time) error {
	if l.down--; l.down >= 0 {
		return errDown
	}
	err := l.Ledger.MarkSent(ctx, batches, now)
	l.marked <- len(batches)
	return err
}

// publisherBus is a bus that can be out of order.
type publisherBus struct {
	*bus.Bus
	down  int
	calls int
}

func (b *publisherBus) PublishBatches(ctx context.Context, batches []bus.Batch) error {
	b.calls++
	if b.down--; b.down >= 0 {
		return errDown
	}
	return b.Bus.PublishBatches(ctx, batches)
}

// publish publishes what is planned for so many customers in batches of one page each, and returns
// what arrives in the lanes' queue.
func publish(t *testing.T, n int, change func(*publisherLedger, *publisherBus)) (*publisherBus, []bus.Batch) {
	t.Helper()
	l, b := openLedger(t), &publisherBus{Bus: bustest.Start(t)}
	pl := &publisherLedger{Ledger: l, marked: make(chan int, 100)}
	customers(t, l, 1, n)
	record(t, l, testUpdate(1), testTexts(channels.SMS, channels.Email))
	planAll(t, l, 1)
	if change != nil {
		change(pl, b)
	}
	p := &Publisher{
		Ledger: pl, Bus: b, UsefulFor: 2 * time.Hour, Batches: NewSignal(), Metrics: metrics(), Log: quiet(),
		InDoubt: map[incident.Impact]notification.InDoubt{incident.Major: notification.Repeat},
	}
	stop := runs(t, p.Run)
	for left := n; left > 0; {
		left -= await(t, "batches to be marked", pl.marked)
	}
	stop()
	if left := allBatches(t, l); len(left) != 0 {
		t.Errorf("%d batches are left", len(left))
	}
	states, err := b.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.Name == bus.SendStream && s.Messages != uint64(n) {
			t.Errorf("%d batches in the queue, want %d", s.Messages, n)
		}
	}
	return b, queued(t, b.Bus, n)
}

func queued(t *testing.T, b *bus.Bus, n int) []bus.Batch {
	t.Helper()
	got := make(chan bus.Batch, n)
	stop := runs(t, func(ctx context.Context) error {
		return b.Consume(ctx, bus.SendStream, "test", "", n, func(m jetstream.Msg) {
			var x bus.Batch
			if err := json.Unmarshal(m.Data(), &x); err != nil {
				t.Error(err)
			}
			if want := bus.SendSubject(x.Channel, x.Priority); m.Subject() != want {
				t.Errorf("batch %d is on %s, want %s", x.ID, m.Subject(), want)
			}
			_ = m.Ack()
			got <- x
		})
	})
	defer stop()
	var all []bus.Batch
	for range n {
		all = append(all, await(t, "a batch", got))
	}
	return all
}

func TestPublisherHandsOver(t *testing.T) {
	_, got := publish(t, 2, nil)
	want := bus.Batch{
		ID: 1, Update: 1, Team: "payments", Incident: "cards", Topic: notification.Topic("payments", "cards"), Channel: "email", Locale: "ro", Priority: notification.Urgent,
		InDoubt: notification.Repeat, UsefulFor: 7200, Content: testTexts(channels.Email)[1].Content,
		Attempts: []bus.Attempt{{Notification: 1, Address: "m", Values: map[string]string{"name": "Name 1"}}},
	}
	if d := cmp.Diff(want, got[0]); d != "" {
		t.Errorf("batch (-want +got):\n%s", d)
	}
}

// TestPublicPostsAreNotRepeated: whatever the policy for customers, what everybody reads must not stand there twice.
func TestPublicPostsAreNotRepeated(t *testing.T) {
	p := &Publisher{InDoubt: map[incident.Impact]notification.InDoubt{incident.Major: notification.Repeat, incident.Minor: notification.LeaveUnknown}}
	for _, tt := range []struct {
		kind   channels.Kind
		impact incident.Impact
		want   notification.InDoubt
	}{
		{channels.SMS, incident.Major, notification.Repeat},
		{channels.SMS, incident.Minor, notification.LeaveUnknown},
		{channels.Social, incident.Major, notification.LeaveUnknown},
		{channels.Social, incident.Minor, notification.LeaveUnknown},
	} {
		b := &ledger.Batch{Impact: tt.impact, BatchHead: ledger.BatchHead{Kind: tt.kind}}
		if got := p.batch(b).InDoubt; got != tt.want {
			t.Errorf("%s, %s: %s, want %s", tt.kind, tt.impact, got, tt.want)
		}
	}
}

func TestPublisherTakesMoreThanOneGo(t *testing.T) {
	if b, got := publish(t, 2*batchesAtOnce+3, nil); len(got) != 2*batchesAtOnce+3 || b.calls != 3 {
		t.Errorf("%d batches in %d goes", len(got), b.calls)
	}
}

func TestPublisherRepublishesOnce(t *testing.T) {
	// Handed over, but not marked so, as after a crash: the queue knows them by their ids.
	if b, _ := publish(t, 3, func(l *publisherLedger, _ *publisherBus) { l.down = 1 }); b.calls != 2 {
		t.Errorf("published %d times, want 2", b.calls)
	}
}

func TestPublisherTriesAgainWhenNATSFails(t *testing.T) {
	if b, _ := publish(t, 3, func(_ *publisherLedger, b *publisherBus) { b.down = 1 }); b.calls != 2 {
		t.Errorf("tried %d times, want 2", b.calls)
	}
}

// TestPublisherKeepsToTheBudget: what an incident can't afford waits for an order, and is then sent once.
func TestPublisherKeepsToTheBudget(t *testing.T) {
	l, b := openLedger(t), bustest.Start(t)
	pl := &publisherLedger{Ledger: l, marked: make(chan int, 100)}
	customers(t, l, 1, 6) // every other one reads SMS
	texts := testTexts(channels.SMS, channels.Email)
	for i := range texts {
		if texts[i].Kind == channels.SMS {
			texts[i].Units = 2
		}
	}
	record(t, l, testUpdate(1), texts)
	planAll(t, l, 1)
	p := &Publisher{Ledger: pl, Bus: b, Budget: 3, Batches: NewSignal(), Metrics: metrics(), Log: quiet()}
	stop := runs(t, p.Run)
	defer stop()
	sent := 0
	for sent < 4 { // three mails and one SMS: a second one would be 4 segments
		sent += await(t, "what is affordable", pl.marked)
	}
	if left := allBatches(t, l); len(left) != 0 || sent != 4 {
		t.Errorf("%d sent, and %d more may be", sent, len(left))
	}
	s, err := l.Incident(t.Context(), "payments", "cards")
	if err != nil || s.Spending != (ledger.Spending{Spent: 2, Cap: 3, Waiting: 4}) {
		t.Errorf("spending %+v, %v", s.Spending, err)
	}
	raise := ledger.Order{ID: "o", Verb: ledger.Budget, Team: "payments", Incident: "cards", Segments: 6, By: "Ana", Why: "agreed"}
	if r, err := l.CarryOut(t.Context(), raise, time.Now()); err != nil || r.Refused {
		t.Fatalf("%+v, %v", r, err)
	}
	p.Batches.Wake()
	for sent < 6 {
		sent += await(t, "the rest", pl.marked)
	}
	if got := queued(t, b, 6); len(got) != 6 {
		t.Errorf("%d batches in the queue", len(got))
	}
}
