package lane

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// Metrics are the lanes' metrics, shared by all lanes of a process.
type Metrics struct {
	batches, results, sends, repeats, claims, overtaken, aliens, fulls, aways, blinds *prometheus.CounterVec
	inquiries, unaskeds, recalls                                                      *prometheus.CounterVec
	inFlight, open, silent                                                            *prometheus.GaugeVec
	seconds                                                                           *prometheus.HistogramVec
}

// NewMetrics makes the lanes' metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "lane", Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tocsin", Subsystem: "lane", Name: name, Help: help}, []string{"channel", "provider"})
		r.MustRegister(g)
		return g
	}
	m := &Metrics{
		batches:   counter("batches_total", "Batches taken from the queue, by how that ended.", "channel", "end"),
		results:   counter("attempts_total", "Attempts by what became of them.", "channel", "result", "class"),
		sends:     counter("sends_total", "Messages given to a provider, by its answer; an attempt that one could not take is given to the next.", "channel", "provider", "class"),
		repeats:   counter("repeats_total", "Attempts sent although a crash had left them in doubt: most had not left before, some had.", "channel"),
		claims:    counter("claims_total", "Batches claimed, anew or taken over.", "channel", "how"),
		overtaken: counter("overtaken_total", "Batches stopped because another lane had claimed them.", "channel"),
		aliens:    counter("alien_results_total", "Results in a batch's journal that none of its attempts can have; left out.", "channel"),
		fulls:     counter("journal_full_total", "Records that found no room in their batch's journal; they are tried again.", "channel"),
		aways:     counter("journal_unavailable_total", "Requests to a batch's journal that NATS did not answer; they are tried again.", "channel"),
		blinds:    counter("blind_total", "Times that a batch's attempts waited because the lane could not know whether they were still wanted.", "channel"),
		inquiries: counter("inquiries_total", "Attempts that a provider was asked about, by what it said of the message, the class of error, or why it was not asked any more.", "channel", "provider", "answer"),
		recalls:   counter("recalls_total", "Messages that a provider was to take back, by what it said (recalled, kept) or the class of the error after which it is asked again.", "channel", "provider", "answer"),
		unaskeds:  counter("inquiries_unpublished_total", "Attempts in doubt that no provider was asked about, since INQUIRIES took no more.", "channel"),
		inFlight:  gauge("attempts_in_flight", "Attempts under way at the provider."),
		open:      gauge("breaker_open", "1 while the provider is left alone because it failed."),
		silent:    gauge("receipts_stopped", "1 while the provider is only probed because its receipts have stopped coming."),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "tocsin", Subsystem: "lane", Name: "attempt_duration_seconds", Help: "How long the provider took to answer.",
			Buckets: []float64{.005, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"channel", "provider"}),
	}
	r.MustRegister(m.seconds)
	return m
}

func (m *Metrics) batch(channel, end string) { m.batches.WithLabelValues(channel, end).Inc() }

// accepted returns the counter of most results, looked up once.
func (m *Metrics) accepted(channel string) prometheus.Counter {
	return m.results.WithLabelValues(channel, string(bus.ResultAccepted), noClass)
}

func (m *Metrics) result(l *Lane, res bus.Result) {
	switch res.State {
	case bus.ResultAccepted:
		l.accepted.Inc()
	case bus.ResultRevoked:
		m.results.WithLabelValues(l.Channel, string(res.State), noClass).Inc()
	default:
		m.results.WithLabelValues(l.Channel, string(res.State), res.Class.String()).Inc()
	}
}

func (m *Metrics) repeat(channel string) { m.repeats.WithLabelValues(channel).Inc() }

func (m *Metrics) claim(channel string, takenOver bool) {
	how := "new"
	if takenOver {
		how = "taken_over"
	}
	m.claims.WithLabelValues(channel, how).Inc()
}

func (m *Metrics) overtake(channel string) { m.overtaken.WithLabelValues(channel).Inc() }

func (m *Metrics) alien(channel string) { m.aliens.WithLabelValues(channel).Inc() }

func (m *Metrics) full(channel string) { m.fulls.WithLabelValues(channel).Inc() }

func (m *Metrics) away(channel string) { m.aways.WithLabelValues(channel).Inc() }

func (m *Metrics) blind(channel string) { m.blinds.WithLabelValues(channel).Inc() }

func (m *Metrics) unasked(channel string, n int) { m.unaskeds.WithLabelValues(channel).Add(float64(n)) }

// answer counts n attempts that a provider was asked about.
func (m *Metrics) answer(channel, provider, answer string, n int) {
	m.inquiries.WithLabelValues(channel, provider, answer).Add(float64(n))
}

// recall counts a message that a provider was to take back.
func (m *Metrics) recall(channel, provider, answer string) {
	m.recalls.WithLabelValues(channel, provider, answer).Inc()
}

// provider makes a provider's states visible before anything has happened.
func (m *Metrics) provider(channel, name string) {
	m.open.WithLabelValues(channel, name).Set(0)
	m.silent.WithLabelValues(channel, name).Set(0)
}

// gauges are one provider's metrics that every attempt moves, looked up once.
type gauges struct {
	inFlight prometheus.Gauge
	seconds  prometheus.Observer
	taken    prometheus.Counter // answers without an error
	sends    *prometheus.CounterVec
}

func (m *Metrics) gauges(channel, provider string) gauges {
	sends := m.sends.MustCurryWith(prometheus.Labels{"channel": channel, "provider": provider})
	return gauges{
		inFlight: m.inFlight.WithLabelValues(channel, provider),
		seconds:  m.seconds.WithLabelValues(channel, provider),
		taken:    sends.WithLabelValues(noClass),
		sends:    sends,
	}
}

// noClass is the label of what is no error.
const noClass = "none"

// sent counts a provider's answer; e is nil if it took the message.
func (g *gauges) sent(e *channels.Error, took time.Duration) {
	g.count(e)
	g.seconds.Observe(took.Seconds())
}

// count counts an answer that was one of several in a call.
func (g *gauges) count(e *channels.Error) {
	if e == nil {
		g.taken.Inc()
		return
	}
	g.sends.WithLabelValues(e.Class.String()).Inc()
}

func (m *Metrics) breaker(channel, provider string, open bool) {
	m.open.WithLabelValues(channel, provider).Set(truth(open))
}

func (m *Metrics) hush(o *outlet, silent bool) {
	m.silent.WithLabelValues(o.channel, o.Name).Set(truth(silent))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
