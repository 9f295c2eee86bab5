package fallback

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Metrics are the fallback engine's metrics.
type Metrics struct {
	events, receipts, outcomes, further, revocations, unread, dead, orders *prometheus.CounterVec
	failures, strays, due, double, deferred, conflicts                     prometheus.Counter
	seconds                                                                prometheus.Histogram
	judged, asked, back                                                    *prometheus.CounterVec
}

// NewMetrics makes the engine's metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "fallback", Name: name, Help: help}
	}
	m := &Metrics{
		events:      prometheus.NewCounterVec(opts("events_total", "Events folded into notifications, by kind."), []string{"event"}),
		receipts:    prometheus.NewCounterVec(opts("receipts_total", "Receipts by what they say."), []string{"channel", "state"}),
		outcomes:    prometheus.NewCounterVec(opts("outcomes_total", "Notifications settled, by outcome and reason."), []string{"outcome", "reason", "channel"}),
		further:     prometheus.NewCounterVec(opts("attempts_queued_total", "Further attempts queued, by channel and whether for a later step or another try."), []string{"channel", "why"}),
		revocations: prometheus.NewCounterVec(opts("revocations_total", "Attempts that lanes were told to stop."), []string{"channel"}),
		unread:      prometheus.NewCounterVec(opts("unreadable_total", "Messages dropped because they could not be read."), []string{"stream"}),
		orders:      prometheus.NewCounterVec(opts("orders_total", "Operators' orders, by verb and whether they were refused."), []string{"verb", "refused"}),
		dead:        prometheus.NewCounterVec(opts("dead_addresses_total", "Refusals of an address as invalid, which the directory remembers; repeated results count again."), []string{"channel"}),
		deferred:    prometheus.NewCounter(opts("attempts_deferred_total", "Further attempts put off to the end of quiet hours.")),
		failures:    prometheus.NewCounter(opts("failures_total", "Folds put off because the ledger or NATS failed.")),
		strays:      prometheus.NewCounter(opts("stray_events_total", "Events for notifications that this ledger doesn't have.")),
		due:         prometheus.NewCounter(opts("deadlines_total", "Deadlines dealt with.")),
		conflicts:   prometheus.NewCounter(opts("conflicts_total", "Folds made anew because another engine had changed a notification.")),
		double:      prometheus.NewCounter(opts("double_reaches_total", "Recipients reached on a second channel as well.")),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "tocsin", Subsystem: "fallback", Name: "fold_duration_seconds", Help: "Time to decide and commit a fold.",
			Buckets: prometheus.ExponentialBuckets(.001, 3, 9),
		}),
	}
	m.judged = prometheus.NewCounterVec(opts("provider_judgements_total", "Words given on a provider's receipts: stopped, or coming again."), []string{"channel", "provider", "word"})
	m.asked = prometheus.NewCounterVec(opts("inquiries_total", "Attempts without a receipt that a provider was to be asked about before their deadline, by whether the lanes could be told."), []string{"channel", "published"})
	m.back = prometheus.NewCounterVec(opts("recalls_total", "Messages that a provider was to be asked to take back, by whether the lanes could be told."), []string{"channel", "published"})
	r.MustRegister(m.judged, m.asked, m.back, m.events, m.receipts, m.outcomes, m.further, m.revocations, m.unread, m.dead, m.orders, m.deferred, m.failures, m.strays, m.due, m.double, m.conflicts, m.seconds)
	return m
}

func (m *Metrics) receipt(channel string, s channels.ReceiptState) {
	m.receipts.WithLabelValues(channel, string(s)).Inc()
}

func (m *Metrics) unreadable(stream string) { m.unread.WithLabelValues(stream).Inc() }
func (m *Metrics) failed()                  { m.failures.Inc() }
func (m *Metrics) conflict()                { m.conflicts.Inc() }
func (m *Metrics) stray(n int)              { m.strays.Add(float64(n)) }
func (m *Metrics) deadlines(n int)          { m.due.Add(float64(n)) }
func (m *Metrics) putOff(n int)             { m.deferred.Add(float64(n)) }

func (m *Metrics) health(channel, provider string, stopped bool) {
	w := "again"
	if stopped {
		w = "stopped"
	}
	m.judged.WithLabelValues(channel, provider, w).Inc()
}

func (m *Metrics) inquired(channel string, n int, published bool) {
	m.asked.WithLabelValues(channel, strconv.FormatBool(published)).Add(float64(n))
}

func (m *Metrics) recalled(channel string, n int, published bool) {
	m.back.WithLabelValues(channel, strconv.FormatBool(published)).Add(float64(n))
}

func (m *Metrics) revoked(channel string, n int) {
	m.revocations.WithLabelValues(channel).Add(float64(n))
}

func (m *Metrics) order(v ledger.Verb, refused bool) {
	if !slices.Contains(ledger.Verbs(), v) {
		v = "unknown"
	}
	m.orders.WithLabelValues(string(v), strconv.FormatBool(refused)).Inc()
}

// fold counts what a committed fold did.
func (m *Metrics) fold(f *ledger.Fold, events map[int64][]notification.Event, took time.Duration) {
	m.seconds.Observe(took.Seconds())
	m.double.Add(float64(len(f.DoubleReached)))
	for i := range f.Dead {
		m.dead.WithLabelValues(f.Dead[i].Channel).Inc()
	}
	kinds := map[notification.EventKind]int{}
	for _, evs := range events {
		for _, ev := range evs {
			kinds[ev.Kind]++
		}
	}
	for k, n := range kinds {
		m.events.WithLabelValues(k.String()).Add(float64(n))
	}
	type settled struct {
		outcome notification.Outcome
		reason  notification.Reason
		channel string
	}
	outcomes := map[settled]int{}
	for i := range f.Changed {
		if n := &f.Changed[i]; f.Before[i].Outcome == notification.Open && n.Outcome != notification.Open {
			outcomes[settled{n.Outcome, n.Reason, n.ReachedBy}]++
		}
	}
	for s, n := range outcomes {
		m.outcomes.WithLabelValues(s.outcome.String(), string(s.reason), s.channel).Add(float64(n))
	}
	for i := range f.Batches {
		why := "step"
		if f.Batches[i].Try > 0 {
			why = "try"
		}
		m.further.WithLabelValues(f.Batches[i].Channel, why).Add(float64(len(f.Batches[i].Items)))
	}
}
