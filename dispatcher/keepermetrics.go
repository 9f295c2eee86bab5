package dispatcher

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// KeeperMetrics are the keeper's metrics.
type KeeperMetrics struct {
	events         *prometheus.CounterVec
	failures, late prometheus.Counter
}

// NewKeeperMetrics makes the keeper's metrics and registers them.
func NewKeeperMetrics(r prometheus.Registerer) *KeeperMetrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "promise", Name: name, Help: help}
	}
	m := &KeeperMetrics{
		events:   prometheus.NewCounterVec(counter("events_total", "What happened to promises, by clock."), []string{"clock", "what"}),
		failures: prometheus.NewCounter(counter("failures_total", "Times that the ledger or NATS kept promises from being watched over.")),
		late:     prometheus.NewCounter(counter("too_late_total", "Updates of Tocsin's own that were not published, as it had become too late.")),
	}
	r.MustRegister(m.events, m.failures, m.late)
	return m
}

func (m *KeeperMetrics) happened(n *promise.News) {
	m.events.WithLabelValues(string(n.Clock), string(n.What)).Inc()
}

func (m *KeeperMetrics) failed() { m.failures.Inc() }

func (m *KeeperMetrics) tooLate() { m.late.Inc() }

// PromiseCollector tells at each scrape how the clocks stand, over all incidents, from the ledger: also
// while nobody keeps them.
type PromiseCollector struct {
	ledger interface {
		Watched(ctx context.Context) ([]ledger.Watched, error)
	}
	clock               clock.Clock
	log                 *slog.Logger
	count, due, overdue *prometheus.Desc
}

// NewPromiseCollector makes the collector.
func NewPromiseCollector(l interface {
	Watched(ctx context.Context) ([]ledger.Watched, error)
}, c clock.Clock, log *slog.Logger,
) *PromiseCollector {
	return &PromiseCollector{
		ledger: l, clock: c, log: log,
		count:   prometheus.NewDesc("tocsin_promises", "Promises whose clocks run, by how they stand: running, reminded, overdue.", []string{"clock", "state"}, nil),
		due:     prometheus.NewDesc("tocsin_promise_next_due_seconds", "Time until the next promise falls due that is not overdue; not given where there is none.", []string{"clock"}, nil),
		overdue: prometheus.NewDesc("tocsin_promise_overdue_seconds", "For how long the longest overdue promise has been so; 0 if none is.", []string{"clock"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *PromiseCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.count
	ch <- c.due
	ch <- c.overdue
}

// collectTimeout bounds what a scrape may ask of the ledger.
const collectTimeout = 5 * time.Second

// Collect implements prometheus.Collector.
func (c *PromiseCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	all, err := c.ledger.Watched(ctx)
	if err != nil {
		c.log.WarnContext(ctx, "metrics: promises not read", "error", err)
		return
	}
	sums, now := map[promise.Name]*sum{}, c.clock.Now()
	for _, n := range promise.Names() {
		sums[n] = &sum{standings: map[promise.Standing]int{}}
	}
	for i := range all {
		for j := range all[i].Clocks {
			if s := &all[i].Clocks[j]; sums[s.Name] != nil {
				sums[s.Name].add(s, now)
			}
		}
	}
	for name, s := range sums {
		c.emit(ch, string(name), s)
	}
}

// sum adds up the clocks of one name.
type sum struct {
	standings map[promise.Standing]int
	overdue   time.Duration
	next      *time.Duration
}

func (s *sum) add(k *promise.State, now time.Time) {
	standing := k.Standing(now)
	s.standings[standing]++
	left := k.Due.Sub(now)
	switch {
	case standing == promise.Stopped:
	case standing == promise.Overdue:
		s.overdue = max(s.overdue, -left)
	case s.next == nil || left < *s.next:
		s.next = &left
	}
}

func (c *PromiseCollector) emit(ch chan<- prometheus.Metric, name string, s *sum) {
	for _, standing := range promise.Standings() {
		ch <- prometheus.MustNewConstMetric(c.count, prometheus.GaugeValue, float64(s.standings[standing]), name, string(standing))
	}
	ch <- prometheus.MustNewConstMetric(c.overdue, prometheus.GaugeValue, s.overdue.Seconds(), name)
	if s.next != nil {
		ch <- prometheus.MustNewConstMetric(c.due, prometheus.GaugeValue, s.next.Seconds(), name)
	}
}
