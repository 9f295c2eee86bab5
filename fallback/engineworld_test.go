package fallback

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

func TestMain(m *testing.M) {
	if underRace {
		if err := flag.Set("rapid.checks", "10"); err != nil { // what the command line says wins
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// watched is a ledger that tells when a fold was committed, and can be out of order.
type watched struct {
	*sqlite.Ledger
	committed chan struct{}
	down      atomic.Int32 // so many folds fail
}

func (l *watched) Apply(ctx context.Context, f ledger.Fold) error {
	if l.down.Add(-1) >= 0 {
		return errors.New("ledger out of order")
	}
	err := l.Ledger.Apply(ctx, f)
	l.signal()
	return err
}

func (l *watched) signal() {
	select {
	case l.committed <- struct{}{}:
	default:
	}
}

// flaky is a bus on which revocations fail so many times.
type flaky struct {
	*bus.Bus
	down   atomic.Int32
	ledger *watched
}

func (b *flaky) Revoke(ctx context.Context, channel string, batch int64, ns []int64) error {
	if b.down.Add(-1) >= 0 {
		return errors.New("nats out of order")
	}
	err := b.Bus.Revoke(ctx, channel, batch, ns)
	b.ledger.signal()
	return err
}

type wake struct{}

func (wake) Wake() {}

// world is an engine at work on a real ledger and a real NATS, with lanes and providers played by
// the test.
type world struct {
	*testing.T
	ledger *watched
	bus    *flaky
	engine *Engine
	pages  chan struct{}
	// givenUp is when the batches of updates to be announced are given up.
	givenUp time.Time
	// What announce announces: news of this incident, of this status.
	incident string
	status   incident.Status
	change   func(*incident.Update) // what else it says; optional
}

func newWorld(t *testing.T) *world {
	t.Helper()
	l, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &world{
		T: t, ledger: &watched{Ledger: l, committed: make(chan struct{}, 1)}, pages: make(chan struct{}, 1),
		incident: "cards", status: incident.Identified,
	}
	t.Cleanup(w.audit)
	w.bus = &flaky{Bus: bustest.Start(t), ledger: w.ledger}
	p := policy()
	w.engine = &Engine{
		Ledger: w.ledger, Bus: w.bus, Policy: p, Batches: wake{}, Planned: wake{}, PagesPlanned: w.pages,
		Rules: &plan.Rules{Locales: []string{"ro"}, Behind: []string{"sms"}, Channels: []plan.Channel{
			{Name: "viber", Kind: channels.Messenger}, {Name: "web", Kind: channels.Web}, {Name: "email", Kind: channels.Email}, {Name: "sms", Kind: channels.SMS},
		}},
		Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	}
	w.people(3)
	return w
}

// run starts the engine; it stops with the test.
func (w *world) run() {
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.engine.Run(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("Run: %v", err)
		}
	})
}

// audit holds the ledger to what must always be true of one, once the engine has stopped.
func (w *world) audit() {
	_, err := audit.Run(context.Background(), w.ledger, audit.Options{Found: func(v audit.Violation) { w.Errorf("audit: %+v", v) }, Tolerance: audit.DefaultTolerance})
	if err != nil {
		w.Error(err)
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) people(n int, change ...func(*audience.Recipient)) {
	w.Helper()
	var rs []audience.Recipient
	for i := range n {
		r := audience.Recipient{ID: fmt.Sprint("c", i+1), Name: "Ana", Locale: "ro", Consents: []string{"viber", "sms", "email", "web"}, Addresses: audience.Addresses{
			{Channel: "email", Address: "a@example.com"}, {Channel: "sms", Address: fmt.Sprint("+37369", i+1)},
			{Channel: "viber", Address: "v"}, {Channel: "web", Address: "w"},
		}}
		for _, f := range change {
			f(&r)
		}
		rs = append(rs, r)
	}
	w.must(w.ledger.PutRecipients(w.Context(), rs))
}

// announce records and plans an update for recipients 1..n, who have the cascade given.
func (w *world) announce(event string, n int, steps ...string) []notification.Notification {
	w.Helper()
	ctx := w.Context()
	u := incident.Update{Source: "s", EventID: event, Time: now, Data: incident.Data{
		Team: "payments", Incident: w.incident, Kind: incident.Outage, Status: w.status, Impact: incident.Major, StartedAt: now,
	}}
	if w.change != nil {
		w.change(&u)
	}
	texts := []ledger.Text{
		{Kind: channels.Messenger, Locale: "ro", Content: notification.Content{Text: notification.Literal("pe viber")}},
		{Kind: channels.SMS, Locale: "ro", Content: notification.Content{Text: notification.Segments{{Literal: event + " "}, {Placeholder: "name", Default: "client"}}}},
	}
	_, err := w.ledger.RecordUpdate(ctx, u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{Update: u, Incident: incident.Incident{Team: u.Team, ID: u.Incident, Kind: u.Kind}, State: ledger.Approved, ReceivedAt: now, Texts: texts}, nil
	})
	w.must(err)
	next, err := w.ledger.NextToPlan(ctx, 0)
	w.must(err)
	p := ledger.Page{Update: next.ID, Cursor: int64(n), Last: true, Now: time.Now()}
	b := ledger.NewBatch{To: n, Batch: ledger.BatchHead{
		Update: next.ID, Channel: steps[0], Kind: channels.Messenger, Locale: "ro", Priority: notification.Urgent, GivenUp: w.givenUp,
	}}
	for i := range n {
		p.Notifications = append(p.Notifications, ledger.NewNotification{Recipient: int64(i + 1), Locale: "ro", Steps: notification.Steps(steps...)})
		b.Items = append(b.Items, ledger.Item{Address: "v"})
	}
	p.Batches = []ledger.NewBatch{b}
	w.must(w.ledger.CommitPage(ctx, p))
	var ns []notification.Notification
	for _, m := range w.all() {
		if m.Update == next.ID {
			ns = append(ns, m)
		}
	}
	return ns
}

func (w *world) all() []notification.Notification {
	w.Helper()
	ns, err := w.ledger.Notifications(w.Context(), []int64{1, 2, 3, 4, 5, 6})
	w.must(err)
	return ns
}

func (w *world) get(id int64) notification.Notification {
	w.Helper()
	ns, err := w.ledger.Notifications(w.Context(), []int64{id})
	w.must(err)
	return ns[0]
}

// until waits for the engine until a notification is as it should be.
func (w *world) until(what string, id int64, ok func(notification.Notification) bool) notification.Notification {
	w.Helper()
	w.eventually(what, func() bool { return ok(w.get(id)) })
	return w.get(id)
}

// eventually looks after each commit whether something has come true.
func (w *world) eventually(what string, ok func() bool) {
	w.Helper()
	limit := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-w.ledger.committed:
		case <-limit:
			w.Fatalf("waited in vain for: %s; notifications are %+v", what, w.all())
		}
	}
}

// soon waits for what follows a commit without a signal of its own.
func (w *world) soon(what string, ok func() bool) {
	w.Helper()
	for limit := time.Now().Add(30 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(limit) {
			w.Fatalf("waited in vain for: %s", what)
		}
	}
}

// lane reports results for the current attempts of notifications in one batch, as a lane would.
func (w *world) lane(n notification.Notification, rs ...bus.Result) {
	w.Helper()
	entries, err := w.bus.Journal(w.Context(), n.Attempt.Channel, n.Attempt.Batch, 0)
	w.must(err)
	last := uint64(0)
	if len(entries) > 0 {
		last = entries[len(entries)-1].Sequence
	}
	for i := range rs {
		if rs[i].Notification == 0 {
			rs[i].Notification = n.ID
		}
	}
	_, err = w.bus.Append(w.Context(), n.Attempt.Channel, bus.Record{Batch: n.Attempt.Batch, Step: n.Attempt.Step, Try: n.Attempt.Try, Results: rs}, last)
	w.must(err)
}

func (w *world) receipt(channel string, rs ...bus.Receipt) {
	w.Helper()
	w.must(w.bus.PublishReceipts(w.Context(), "p", bus.Receipts{Channel: channel, Receipts: rs}))
}

func (w *world) progress() ledger.UpdateProgress {
	w.Helper()
	r, err := w.ledger.Report(w.Context(), "payments", "cards")
	w.must(err)
	return r.Updates[0].UpdateProgress
}

func is(s notification.State) func(notification.Notification) bool {
	return func(n notification.Notification) bool { return n.Attempt.State == s }
}

func ended(o notification.Outcome) func(notification.Notification) bool {
	return func(n notification.Notification) bool { return n.Outcome == o }
}

func onStep(step uint8) func(notification.Notification) bool {
	return func(n notification.Notification) bool { return n.Attempt.Step == step }
}

var (
	accepted = bus.Result{State: bus.ResultAccepted, Proof: channels.Accepted, ProviderID: "p1"}
	refused  = bus.Result{State: bus.ResultFailed, Class: channels.InvalidAddress, Code: "c1"}
)
