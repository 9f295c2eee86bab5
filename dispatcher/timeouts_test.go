package dispatcher

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
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
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// waitingRoom is a ledger with held updates, and what looks after their time, in synthetic time.
type waitingRoom struct {
	*testing.T
	path   string
	ledger *sqlite.Ledger
	log    bytes.Buffer // read while nobody writes: synctest.Wait sees to that
}

func newWaitingRoom(t *testing.T) *waitingRoom {
	w := &waitingRoom{T: t, path: filepath.Join(t.TempDir(), "ledger.db")}
	w.open()
	return w
}

func (w *waitingRoom) open() {
	l, err := sqlite.Open(w.Context(), w.path, sqlite.Options{})
	if err != nil {
		w.Fatal(err)
	}
	w.ledger = l
}

func (w *waitingRoom) close() {
	if err := w.ledger.Close(); err != nil {
		w.Error(err)
	}
}

// timeOuts are those of one process.
func (w *waitingRoom) timeOuts() *TimeOuts {
	return &TimeOuts{
		Ledger: w.ledger, Planned: NewSignal(), Metrics: NewTimeOutMetrics(prometheus.NewRegistry()),
		Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// begin runs a process until stop is called.
func (w *waitingRoom) begin(t *TimeOuts) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- t.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			w.Error(err)
		}
	}
}

// hold records a held update, the n-th of an incident.
func (w *waitingRoom) hold(key string, n int, rule playbook.Approval) {
	w.Helper()
	u := testUpdate(n)
	u.Incident, u.EventID = key, key+u.EventID
	var terms playbook.Terms
	terms.Approval = rule
	_, err := w.ledger.RecordUpdate(w.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{Update: u, Incident: incident.Incident{Team: u.Team, ID: key}, State: ledger.Held, ReceivedAt: time.Now(),
			Texts: testTexts(channels.SMS), Terms: terms}, nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *waitingRoom) want(id int64, state ledger.UpdateState, words int) {
	w.Helper()
	synctest.Wait()
	u, err := w.ledger.Update(context.Background(), id)
	if err != nil {
		w.Fatal(err)
	}
	said, err := w.ledger.Approvals(context.Background(), id)
	if err != nil || u.State != state || len(said) != words {
		w.Errorf("update %d is %s with %+v, %v; want %s with %d words", id, u.State, said, err, state, words)
	}
}

func rule(wait time.Duration, then playbook.TimedOut) playbook.Approval {
	return playbook.Approval{People: 2, TimeOut: clock.Span(wait), Then: then}
}

func TestTimeOuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaitingRoom(t)
		defer w.close()
		w.hold("send", 1, rule(10*time.Minute, playbook.SendIt))
		w.hold("drop", 1, rule(20*time.Minute, playbook.DropIt))
		w.hold("ever", 1, playbook.Approval{People: 2})
		p := w.timeOuts()
		stop := w.begin(p)
		defer stop()
		time.Sleep(10*time.Minute - time.Second)
		w.want(1, ledger.Held, 0)
		time.Sleep(2 * time.Second)
		w.want(1, ledger.Approved, 1)
		if len(p.Planned) != 1 {
			t.Error("the planner was not woken")
		}
		if sent := testutil.ToFloat64(p.Metrics.ended.WithLabelValues(sentUnapproved)); sent != 1 || !strings.Contains(w.log.String(), "level=ERROR msg=\"SENT WITHOUT APPROVAL") {
			t.Errorf("%v sent by the metrics; log %s", sent, w.log.String())
		}
		w.want(2, ledger.Held, 0)
		time.Sleep(10 * time.Minute)
		w.want(2, ledger.NotAnnounced, 1)
		if dropped := testutil.ToFloat64(p.Metrics.ended.WithLabelValues(notSent)); dropped != 1 {
			t.Errorf("%v dropped by the metrics", dropped)
		}
		time.Sleep(time.Hour)
		w.want(3, ledger.Held, 0)
	})
}

// TestTimeOutsOnce: several processes see the same time pass, one dies, another comes late: it happens once.
func TestTimeOutsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaitingRoom(t)
		w.hold("send", 1, rule(10*time.Minute, playbook.SendIt))
		w.hold("send", 2, rule(10*time.Minute, playbook.SendIt)) // newer news, which goes in its place
		w.hold("later", 1, rule(time.Hour, playbook.SendIt))
		var stops []func()
		for range 3 {
			stops = append(stops, w.begin(w.timeOuts()))
		}
		time.Sleep(11 * time.Minute)
		w.want(1, ledger.NotAnnounced, 1)
		w.want(2, ledger.Approved, 1)
		for _, stop := range stops {
			stop()
		}
		w.close()
		time.Sleep(2 * time.Hour) // nobody runs
		w.open()
		defer w.close()
		defer w.begin(w.timeOuts())()
		w.want(3, ledger.Approved, 1)
		w.want(2, ledger.Approved, 1)
	})
}

// faulty is a ledger that fails for a while.
type faulty struct {
	TimeOutLedger
	mu   sync.Mutex
	fail bool
}

func (f *faulty) set(fail bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *faulty) failing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fail
}

func (f *faulty) TimeOut(ctx context.Context, update int64, now time.Time) (ledger.ApprovalReport, error) {
	if f.failing() {
		return ledger.ApprovalReport{}, errDown
	}
	return f.TimeOutLedger.TimeOut(ctx, update, now)
}

func TestTimeOutsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaitingRoom(t)
		defer w.close()
		w.hold("send", 1, rule(time.Minute, playbook.SendIt))
		p := w.timeOuts()
		l := &faulty{TimeOutLedger: w.ledger, fail: true}
		p.Ledger = l
		stop := w.begin(p)
		defer stop()
		time.Sleep(2 * time.Minute)
		w.want(1, ledger.Held, 0)
		if testutil.ToFloat64(p.Metrics.failures) == 0 {
			t.Error("no failure counted")
		}
		l.set(false)
		time.Sleep(2 * time.Second)
		w.want(1, ledger.Approved, 1)
	})
}
