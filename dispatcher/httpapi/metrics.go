package httpapi

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Metrics are the http role's metrics.
type Metrics struct {
	requests, receipts *prometheus.CounterVec
	messages           *prometheus.CounterVec
	said, consents     *prometheus.CounterVec
	approvals          *prometheus.CounterVec
	listeners          prometheus.Gauge
	seconds            *prometheus.HistogramVec
}

// NewMetrics makes the http role's metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "http", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		requests:  counter("requests_total", "Requests by route and status code.", "route", "code"),
		receipts:  counter("receipts_total", "Receipts by what became of them at the webhook.", "channel", "result"),
		messages:  counter("receipt_messages_total", "Messages that receipts were gathered into, by whether they were stored.", "channel", "result"),
		said:      counter("inbound_total", "What recipients said to us, by what they wished.", "channel", "wish"),
		consents:  counter("consent_changes_total", "Consents of customers that were withdrawn or given, by how.", "channel", "source", "to"),
		approvals: counter("approvals_total", "What people said of held updates: approval, break_glass or refusal.", "word"),
		listeners: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "tocsin", Subsystem: "http", Name: "event_listeners", Help: "Event streams that are open.",
		}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "tocsin", Subsystem: "http", Name: "request_duration_seconds",
			Help: "Time to answer a request; streams of events are left out.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route"}),
	}
	for _, w := range []ledger.Word{ledger.SaidYes, ledger.SaidBreakGlass, ledger.SaidNo} {
		m.approvals.WithLabelValues(string(w)) // there from the start, so that the first is an increase
	}
	r.MustRegister(m.requests, m.receipts, m.messages, m.said, m.consents, m.approvals, m.listeners, m.seconds)
	return m
}

// What becomes of receipts at the webhook: the values of the label result. A call that can't be read
// counts as one.
const (
	resultStored     = "stored"
	resultDeferred   = "deferred"   // not stored: the provider was asked to try again
	resultForged     = "forged"     // not signed by the provider
	resultUnreadable = "unreadable" // signed, but not understood
	resultForeign    = "foreign"    // for an attempt that is not ours
	resultEmpty      = "empty"      // a call without receipts in it
)

func (m *Metrics) receipt(channel, result string, n int) {
	if n > 0 {
		m.receipts.WithLabelValues(channel, result).Add(float64(n))
	}
}

func (m *Metrics) inbound(channel string, w channels.Wish) {
	m.said.WithLabelValues(channel, w.String()).Inc()
}

// consent counts a consent's changes. Channels are those of webhooks, of cascades or of the checker: a
// bounded set.
func (m *Metrics) consent(c *ledger.Consent, changed int) {
	to := "withdrawn"
	if c.On {
		to = "given"
	}
	if changed > 0 {
		m.consents.WithLabelValues(c.Channel, string(c.Source), to).Add(float64(changed))
	}
}

// approval counts what somebody said of a held update.
func (m *Metrics) approval(w ledger.Word) { m.approvals.WithLabelValues(string(w)).Inc() }

func (m *Metrics) message(channel, result string) { m.messages.WithLabelValues(channel, result).Inc() }

func (m *Metrics) request(pattern string, code int, took time.Duration) {
	route := routeOf(pattern)
	m.requests.WithLabelValues(route, codeName(code)).Inc()
	if route != "/v1/events" {
		m.seconds.WithLabelValues(route).Observe(took.Seconds())
	}
}

// routeOf is a pattern's path; "none" where no pattern fitted.
func routeOf(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return path
	}
	if pattern == "" {
		return "none"
	}
	return pattern
}

func codeName(code int) string {
	switch code { // without an allocation for what is most frequent
	case 200:
		return "200"
	case 202:
		return "202"
	case 204:
		return "204"
	case 503:
		return "503"
	}
	return strconv.Itoa(code)
}
