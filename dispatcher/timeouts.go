package dispatcher

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// TimeOutLedger is what time-outs of approvals need of the ledger.
type TimeOutLedger interface {
	HeldUpdates(ctx context.Context) ([]ledger.HeldUpdate, error)
	TimeOut(ctx context.Context, update int64, now time.Time) (ledger.ApprovalReport, error)
}

// TimeOuts does with held updates what their rule says of those that nobody has approved in time. What there
// is to do stands in the ledger, which does it once: a process that dies leaves it to the next. Its fields
// are set once, before Run.
type TimeOuts struct {
	Ledger  TimeOutLedger
	Clock   clock.Clock
	Planned Signal // woken when there is something to plan
	Metrics *TimeOutMetrics
	Log     *slog.Logger
}

// Run looks every second, in machine time, until ctx ends.
func (t *TimeOuts) Run(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		t.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look does what is due.
func (t *TimeOuts) look(ctx context.Context) {
	held, err := t.Ledger.HeldUpdates(ctx)
	if err != nil {
		t.failed(ctx, 0, err)
		return
	}
	now := t.Clock.Now()
	for i := range held {
		if h := &held[i]; !h.Due.IsZero() && !now.Before(h.Due) {
			t.end(ctx, h, now)
		}
	}
}

// end ends the time of one update. Somebody may have decided on it meanwhile.
func (t *TimeOuts) end(ctx context.Context, h *ledger.HeldUpdate, now time.Time) {
	r, err := t.Ledger.TimeOut(ctx, h.ID, now)
	switch {
	case errors.Is(err, ledger.ErrConflict), errors.Is(err, ledger.ErrNotFound):
		return
	case err != nil:
		t.failed(ctx, h.ID, err)
		return
	}
	log := t.Log.With("team", h.Team, "incident", h.Incident, "update", r.Update)
	if r.State == ledger.Approved {
		t.Metrics.ended.WithLabelValues(sentUnapproved).Inc()
		log.ErrorContext(ctx, "SENT WITHOUT APPROVAL: nobody approved it in time, and its playbook sends it then", "waited_for", h.ID, "missing", h.Missing)
		t.Planned.Wake()
		return
	}
	t.Metrics.ended.WithLabelValues(notSent).Inc()
	log.WarnContext(ctx, "nobody approved the update in time: it is told to nobody", "reason", r.Reason)
}

func (t *TimeOuts) failed(ctx context.Context, update int64, err error) {
	if ctx.Err() == nil {
		t.Metrics.failures.Inc()
		t.Log.ErrorContext(ctx, "time to approve not looked after, will try again", "update", update, "error", err)
	}
}

// What became of updates that nobody approved in time: the values of the label result.
const (
	sentUnapproved = "sent"
	notSent        = "not_announced"
)

// TimeOutMetrics count what became of updates that nobody approved in time.
type TimeOutMetrics struct {
	ended    *prometheus.CounterVec
	failures prometheus.Counter
}

// NewTimeOutMetrics makes the metrics and registers them. Both results are there from the start, so that the
// first that is sent without approval is an increase.
func NewTimeOutMetrics(r prometheus.Registerer) *TimeOutMetrics {
	m := &TimeOutMetrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "approvals", Name: "timed_out_total",
			Help: "Updates that nobody approved in time, by what became of them: sent all the same, or not announced."}, []string{"result"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "approvals", Name: "time_out_failures_total",
			Help: "Times that the ledger could not be asked or told about the time to approve."}),
	}
	m.ended.WithLabelValues(sentUnapproved)
	m.ended.WithLabelValues(notSent)
	r.MustRegister(m.ended, m.failures)
	return m
}
