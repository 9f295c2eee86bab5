package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// scrapeTimeout bounds what a scrape may ask of the stores.
const scrapeTimeout = 5 * time.Second

// ledgerCollector tells at each scrape how old the news of each open incident is.
type ledgerCollector struct {
	ledger interface {
		Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error)
	}
	clock         clock.Clock
	log           *slog.Logger
	silence, open *prometheus.Desc
}

func newLedgerCollector(l interface {
	Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error)
}, c clock.Clock, log *slog.Logger,
) prometheus.Collector {
	labels := []string{"team", "incident"}
	return &ledgerCollector{
		ledger: l, clock: c, log: log,
		silence: prometheus.NewDesc("tocsin_incident_last_update_age_seconds", "Time since the last update of an incident that is neither over nor merged into another.", labels, nil),
		open:    prometheus.NewDesc("tocsin_incident_open_notifications", "Notifications of an incident without an outcome yet.", labels, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *ledgerCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.silence; ch <- c.open }

// collectIncidents bounds what a scrape reports: the incidents that changed last.
const collectIncidents = 200

// Collect implements prometheus.Collector.
func (c *ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	all, err := c.ledger.Incidents(ctx, collectIncidents)
	if err != nil {
		c.log.WarnContext(ctx, "metrics: incidents not read", "error", err)
		return
	}
	for i := range all {
		var open int64
		for _, u := range all[i].Progress {
			open += u.Open
		}
		ch <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(open), all[i].Team, all[i].ID)
		if !all[i].Over() && all[i].MergedInto == "" {
			age := c.clock.Now().Sub(all[i].Time).Seconds()
			ch <- prometheus.MustNewConstMetric(c.silence, prometheus.GaugeValue, age, all[i].Team, all[i].ID)
		}
	}
}

// streamCollector tells at each scrape how full the streams are.
type streamCollector struct {
	bus                    *bus.Bus
	log                    *slog.Logger
	messages, bytes, limit *prometheus.Desc
}

func newStreamCollector(b *bus.Bus, log *slog.Logger) prometheus.Collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("tocsin_stream_"+name, help, []string{"stream"}, nil)
	}
	return &streamCollector{
		bus: b, log: log,
		messages: desc("messages", "Messages in a stream."),
		bytes:    desc("size_bytes", "Bytes that a stream takes."),
		limit:    desc("limit_bytes", "Bytes at which a stream refuses more."),
	}
}

// Describe implements prometheus.Collector.
func (c *streamCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.messages
	ch <- c.bytes
	ch <- c.limit
}

// Collect implements prometheus.Collector.
func (c *streamCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	states, err := c.bus.States(ctx)
	if err != nil {
		c.log.WarnContext(ctx, "metrics: streams not read", "error", err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, stream string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, stream)
	}
	for _, s := range states {
		gauge(c.messages, float64(s.Messages), s.Name)
		gauge(c.bytes, float64(s.Bytes), s.Name)
		gauge(c.limit, float64(s.MaxBytes), s.Name)
	}
}
