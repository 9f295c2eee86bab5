package dispatcher

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Metrics are the dispatcher's metrics.
type Metrics struct {
	updates, failures, languages, long, settled *prometheus.CounterVec
	notifications, batches                      prometheus.Counter
	empty, unknown, deferred, waiting           prometheus.Counter
	intakeSeconds, pageSeconds                  prometheus.Histogram
	forecastSeconds                             prometheus.Histogram
}

// NewMetrics makes the dispatcher's metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "dispatcher", Name: name, Help: help}, []string{label})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "dispatcher", Name: name, Help: help})
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "tocsin", Subsystem: "dispatcher", Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(.001, 3, 9),
		})
	}
	m := &Metrics{
		updates:       vec("updates_total", "Updates by what became of them at intake.", "result"),
		failures:      vec("failures_total", "Work put off because the ledger or NATS failed.", "work"),
		languages:     vec("untranslated_texts_total", "Texts told in the default language, as the update had none in the locale.", "locale"),
		long:          vec("overlong_texts_total", "Texts longer than they should be, which went out all the same.", "kind"),
		settled:       vec("notifications_settled_total", "Notifications settled at planning, by reason.", "reason"),
		deferred:      counter("notifications_deferred_total", "Notifications put off to the end of quiet hours."),
		notifications: counter("notifications_planned_total", "Notifications committed by planning."),
		batches:       counter("batches_published_total", "Batches handed to the lanes' queues."),
		empty:         counter("empty_audiences_total", "Updates that nobody is affected by."),
		unknown:       counter("unknown_recipients_total", "Recipients whom updates named and who are not in the directory."),
		waiting:       counter("units_beyond_budget_total", "Billed units of batches that had to wait, as their incident's budget was spent."),
		intakeSeconds: histogram("intake_duration_seconds", "Time to check, render and record an update."),
		pageSeconds:   histogram("page_duration_seconds", "Time to plan and commit a page."),

		forecastSeconds: histogram("forecast_duration_seconds", "Time to make an update's forecast."),
	}
	r.MustRegister(m.updates, m.failures, m.languages, m.long, m.settled, m.deferred, m.notifications, m.batches, m.empty, m.unknown, m.waiting, m.intakeSeconds, m.pageSeconds)
	r.MustRegister(m.forecastSeconds)
	return m
}

func (m *Metrics) update(result string)       { m.updates.WithLabelValues(result).Inc() }
func (m *Metrics) untranslated(locale string) { m.languages.WithLabelValues(locale).Inc() }
func (m *Metrics) overlong(kind string)       { m.long.WithLabelValues(kind).Inc() }
func (m *Metrics) failed(work string)         { m.failures.WithLabelValues(work).Inc() }
func (m *Metrics) published(batches int)      { m.batches.Add(float64(batches)) }
func (m *Metrics) intake(took time.Duration)  { m.intakeSeconds.Observe(took.Seconds()) }

func (m *Metrics) forecast(took time.Duration) { m.forecastSeconds.Observe(took.Seconds()) }

func (m *Metrics) emptyAudience() { m.empty.Inc() }

func (m *Metrics) unknownRecipients(n int) { m.unknown.Add(float64(n)) }

func (m *Metrics) beyondBudget(units int64) { m.waiting.Add(float64(units)) }

// page counts what a committed page did.
func (m *Metrics) page(p *ledger.Page, took time.Duration) {
	m.notifications.Add(float64(len(p.Notifications)))
	for i := range p.Notifications {
		if n := &p.Notifications[i]; n.Reason != notification.NoReason {
			m.settled.WithLabelValues(string(n.Reason)).Inc()
		}
	}
	for i := range p.Batches {
		if b := &p.Batches[i]; !b.Batch.NotBefore.IsZero() {
			m.deferred.Add(float64(b.To - b.From))
		}
	}
	m.pageSeconds.Observe(took.Seconds())
}
