package dispatcher

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// message is one that a keeper has published.
type message struct {
	subject, id string
	body        []byte
}

// keeperBus keeps what is published, and can be out of order.
type keeperBus struct {
	mu   sync.Mutex
	all  []message
	down bool
	deaf string // subjects that begin so are not taken
}

func (b *keeperBus) PublishMessage(_ context.Context, subject string, header map[string][]string, body []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down || b.deaf != "" && strings.HasPrefix(subject, b.deaf) {
		return errDown
	}
	b.all = append(b.all, message{subject, header["Nats-Msg-Id"][0], body})
	return nil
}

func (b *keeperBus) on(prefix string) []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.all), func(m message) bool { return !strings.HasPrefix(m.subject, prefix) })
}

// keeperLedger can die after a step.
type keeperLedger struct {
	*sqlite.Ledger
	forgets bool
}

func (l *keeperLedger) Published(ctx context.Context, ids []int64) error {
	if l.forgets {
		return errDown // published, and killed before that was noted
	}
	return l.Ledger.Published(ctx, ids)
}

type keeperWorld struct {
	*testing.T
	ledger *keeperLedger
	bus    *keeperBus
	keeper *Keeper
	// cadence is that of updates taken in, testCadence if nil.
	cadence *playbook.Cadence
}

// keeping runs a test in synthetic time, with an incident whose cadence allows two holding updates.
func keeping(t *testing.T, test func(*keeperWorld)) {
	synctest.Test(t, func(t *testing.T) {
		w := &keeperWorld{T: t, ledger: &keeperLedger{Ledger: openLedger(t)}, bus: &keeperBus{}}
		w.keeper = &Keeper{Ledger: w.ledger, Bus: w.bus, Look: 10 * time.Second, Metrics: NewKeeperMetrics(prometheus.NewRegistry()), Log: quiet()}
		test(w)
	})
}

var testCadence = playbook.Cadence{
	FirstNotice: clock.Span(time.Hour), Every: clock.Span(30 * time.Minute), Remind: clock.Span(10 * time.Minute), Holding: 2,
}

// take takes an update in as the intake does, without approval.
func (w *keeperWorld) take(u incident.Update) {
	w.Helper()
	_, err := w.ledger.RecordUpdate(w.Context(), u, func(before *incident.Incident) (ledger.NewUpdate, error) {
		after, v := incident.Fold(before, u, time.Now())
		n := ledger.NewUpdate{Update: u, Incident: after, State: ledger.NotAnnounced, Reason: string(v.Reason), ReceivedAt: time.Now(),
			Terms: playbook.Terms{Cadence: *cmp.Or(w.cadence, &testCadence)}}
		if v.Announce {
			n.State, n.ApprovedBy, n.Texts = ledger.Approved, "test", testTexts(channels.SMS)
		}
		return n, nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// outage begins now, and promises the next word in half an hour.
func (w *keeperWorld) outage(n int) incident.Update {
	u := testUpdate(n)
	u.Time, u.StartedAt, u.NextUpdateAt = time.Now().UTC(), time.Now().UTC(), new(time.Now().Add(30*time.Minute).UTC())
	return u
}

// passes lets time pass with the keeper at work.
func (w *keeperWorld) passes(d time.Duration) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.keeper.Run(ctx) }()
	time.Sleep(d)
	synctest.Wait()
	cancel()
	if err := <-ended; err != nil {
		w.Error(err)
	}
}

// said decodes what Tocsin said by itself.
func (w *keeperWorld) said() []incident.Update {
	w.Helper()
	var all []incident.Update
	for _, m := range w.bus.on("incidents.payments") {
		u, faults := incident.Decode(nil, m.body)
		if len(faults) > 0 {
			w.Fatal(faults)
		}
		all = append(all, u)
	}
	return all
}

// told lists what was told on outcomes as "clock what".
func (w *keeperWorld) told() []string {
	w.Helper()
	var all []string
	for _, m := range w.bus.on("outcomes.payments.cards") {
		var e struct{ Data promise.News }
		if err := json.Unmarshal(m.body, &e); err != nil {
			w.Fatal(err)
		}
		all = append(all, string(e.Data.Clock)+" "+string(e.Data.What))
	}
	return all
}

func TestKeeperHoldsTheLine(t *testing.T) {
	keeping(t, func(w *keeperWorld) {
		w.take(w.outage(1))
		w.passes(26 * time.Minute)
		said := w.said()
		if len(said) != 1 || said[0].Automatic != incident.Holding {
			w.Fatalf("said %+v, want one holding update", said)
		}
		w.take(said[0])
		w.passes(5 * time.Minute)
		if want := []string{"next_update reminded", "next_update said", "next_update stopped"}; !slices.Equal(w.told(), want) {
			w.Errorf("told %v, want %v", w.told(), want)
		}
		u := testUpdate(2)
		u.Time, u.Status, u.ResolvedAt = time.Now().UTC(), incident.Resolved, new(time.Now().UTC())
		w.take(u)
		before := len(w.bus.on(""))
		w.passes(time.Hour)
		if n := len(w.said()); n != 1 {
			w.Errorf("after the end it said %d more", n-1)
		}
		if all := w.bus.on(""); len(all) != before {
			w.Errorf("after the end it told %d messages more: %v", len(all)-before, w.told())
		}
	})
}

// While nobody can be told what happens to promises, customers are told all the same; and each is made up for later.
func TestKeeperSpeaksWhileOutcomesAreDown(t *testing.T) {
	keeping(t, func(w *keeperWorld) {
		w.take(w.outage(1))
		w.bus.deaf = "outcomes."
		w.passes(26 * time.Minute)
		if said := w.said(); len(said) != 1 {
			w.Fatalf("said %+v, want one holding update", said)
		}
		if n := testutil.ToFloat64(w.keeper.Metrics.failures); n == 0 {
			w.Error("the failure is not counted")
		}
		w.bus.deaf = ""
		w.passes(time.Second)
		if want := []string{"next_update reminded", "next_update said"}; !slices.Equal(w.told(), want) || len(w.said()) != 1 {
			w.Errorf("told %v, want %v; said %d times", w.told(), want, len(w.said()))
		}
	})
}

// Killed between publishing and noting that, a keeper publishes again: the same message under the same id.
func TestKeeperKilledAfterPublishing(t *testing.T) {
	keeping(t, func(w *keeperWorld) {
		w.take(w.outage(1))
		w.ledger.forgets = true
		w.passes(26 * time.Minute)
		w.ledger.forgets = false
		w.passes(time.Minute)
		all := w.bus.on("incidents.")
		if len(all) < 2 {
			w.Fatalf("published %d times: the test kills nobody", len(all))
		}
		for _, m := range all {
			if m.id != all[0].id || !bytes.Equal(m.body, all[0].body) {
				w.Errorf("published as %s: %s\nand as %s: %s", all[0].id, all[0].body, m.id, m.body)
			}
		}
		w.take(w.said()[0])
		w.take(w.said()[1]) // the intake knows it again
		s, err := w.ledger.Incident(w.Context(), "payments", "cards")
		if err != nil || len(s.Progress) != 2 {
			w.Errorf("%d updates, %v; want two", len(s.Progress), err)
		}
		if left, err := w.ledger.Outbox(w.Context(), 10); err != nil || len(left) != 0 {
			w.Errorf("left in the outbox: %v, %v", left, err)
		}
	})
}

// What couldn't be published in time isn't any more: it would promise what has passed.
func TestKeeperPublishesNothingStale(t *testing.T) {
	keeping(t, func(w *keeperWorld) {
		w.take(w.outage(1))
		w.bus.down = true
		w.passes(26 * time.Minute)
		time.Sleep(2 * time.Hour)
		w.bus.down = false
		w.passes(2 * time.Second)
		if said := w.said(); len(said) != 0 {
			w.Errorf("two hours late it said %+v", said)
		}
		if n := testutil.ToFloat64(w.keeper.Metrics.late); n != 1 {
			w.Errorf("%v messages are counted as too late, want 1", n)
		}
		if !slices.Contains(w.told(), "next_update overdue") {
			w.Errorf("told %v, want that the word is overdue", w.told())
		}
	})
}

// Two keepers, as when a lease changes hands, do together what one does.
func TestTwoKeepersAreOne(t *testing.T) {
	keeping(t, func(w *keeperWorld) {
		w.take(w.outage(1))
		other := *w.keeper
		ctx, cancel := context.WithCancel(w.Context())
		ended := make(chan error, 1)
		go func() { ended <- other.Run(ctx) }()
		w.passes(28 * time.Minute)
		cancel()
		<-ended
		ids := map[string]bool{}
		for _, m := range w.bus.on("") {
			ids[m.id] = true
		}
		if len(ids) != 3 || len(w.said()) == 0 {
			w.Errorf("%d different messages, want a reminder, a holding update and the news of it: %v", len(ids), ids)
		}
	})
}

func TestPromiseMetrics(t *testing.T) {
	keeping(t, func(w *keeperWorld) {
		u := w.outage(1)
		w.take(u)
		w.passes(21 * time.Minute)
		c := NewPromiseCollector(w.ledger, clock.Clock{}, quiet())
		const want = `
# HELP tocsin_promises Promises whose clocks run, by how they stand: running, reminded, overdue.
# TYPE tocsin_promises gauge
tocsin_promises{clock="estimate",state="overdue"} 0
tocsin_promises{clock="estimate",state="reminded"} 0
tocsin_promises{clock="estimate",state="running"} 0
tocsin_promises{clock="first_notice",state="overdue"} 0
tocsin_promises{clock="first_notice",state="reminded"} 0
tocsin_promises{clock="first_notice",state="running"} 1
tocsin_promises{clock="next_update",state="overdue"} 0
tocsin_promises{clock="next_update",state="reminded"} 1
tocsin_promises{clock="next_update",state="running"} 0
tocsin_promises{clock="notice",state="overdue"} 0
tocsin_promises{clock="notice",state="reminded"} 0
tocsin_promises{clock="notice",state="running"} 0
tocsin_promises{clock="overrun",state="overdue"} 0
tocsin_promises{clock="overrun",state="reminded"} 0
tocsin_promises{clock="overrun",state="running"} 0
# HELP tocsin_promise_next_due_seconds Time until the next promise falls due that is not overdue; not given where there is none.
# TYPE tocsin_promise_next_due_seconds gauge
tocsin_promise_next_due_seconds{clock="first_notice"} 2340
tocsin_promise_next_due_seconds{clock="next_update"} 540
`
		if err := testutil.CollectAndCompare(c, strings.NewReader(want), "tocsin_promises", "tocsin_promise_next_due_seconds"); err != nil {
			w.Error(err)
		}
		time.Sleep(2 * time.Hour) // and no keeper
		const late = `
# HELP tocsin_promise_overdue_seconds For how long the longest overdue promise has been so; 0 if none is.
# TYPE tocsin_promise_overdue_seconds gauge
tocsin_promise_overdue_seconds{clock="estimate"} 0
tocsin_promise_overdue_seconds{clock="first_notice"} 4860
tocsin_promise_overdue_seconds{clock="next_update"} 6660
tocsin_promise_overdue_seconds{clock="notice"} 0
tocsin_promise_overdue_seconds{clock="overrun"} 0
`
		if err := testutil.CollectAndCompare(c, strings.NewReader(late), "tocsin_promise_overdue_seconds"); err != nil {
			w.Error(err)
		}
	})
}

// A maintenance is told of again at its lead times, by day, until it begins; moved, at those of its new date.
func TestKeeperRemindsOfMaintenance(t *testing.T) {
	keeping(t, func(w *keeperWorld) {
		// Synthetic time begins at midnight.
		w.keeper.Look = 20 * time.Minute
		w.keeper.Day = promise.Day{Begins: 8 * time.Hour, Ends: 21 * time.Hour, Zone: time.UTC}
		cadence := testCadence
		cadence.Notices = []clock.Span{clock.Span(24 * time.Hour), clock.Span(time.Hour)}
		w.cadence = &cadence
		plan := func(n int, begins time.Time) incident.Update {
			u := testUpdate(n)
			u.Kind, u.Status, u.Time, u.StartedAt, u.EndsAt = incident.Maintenance, incident.Scheduled, time.Now().UTC(), begins, new(begins.Add(2*time.Hour))
			return u
		}
		night := time.Now().UTC().Add(3*24*time.Hour + 2*time.Hour)
		w.take(plan(1, night))
		w.passes(40 * time.Hour)
		if said := w.said(); len(said) != 0 {
			w.Fatalf("two days before, it said %+v", said)
		}
		w.passes(5 * time.Hour) // 20:00 of the day before the day before: the notice of 24 hours, by day
		if said := w.said(); len(said) != 1 || said[0].Automatic != incident.Reminder || said[0].Time.Hour() != 20 {
			w.Fatalf("said %+v, want a reminder at 20:00", said)
		}
		w.take(w.said()[0])
		w.take(plan(2, night.Add(24*time.Hour)))
		w.passes(24 * time.Hour)
		said := w.said()
		if len(said) != 2 || !said[1].StartedAt.Equal(night.Add(24*time.Hour)) {
			w.Fatalf("moved by a day, it said %+v", said)
		}
		w.take(said[1])
		w.passes(24 * time.Hour) // the notice of an hour is the evening's before
		if said = w.said(); len(said) != 3 || said[2].Time.Hour() != 20 {
			w.Errorf("said %d reminders, want three", len(said))
		}
		w.take(said[2])
		w.passes(24 * time.Hour)
		if n := len(w.said()); n != 3 {
			w.Errorf("after it began it said %d more", n-3)
		}
		if !slices.Contains(w.told(), "overrun overdue") {
			w.Errorf("told %v, want that it has overrun", w.told())
		}
	})
}
