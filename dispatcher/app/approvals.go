package app

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// makeTimeOuts makes what ends the time that updates wait for approval.
func (a *App) makeTimeOuts(planned dispatcher.Signal) {
	t := &dispatcher.TimeOuts{Ledger: a.ledger, Clock: a.Clock, Planned: planned, Metrics: dispatcher.NewTimeOutMetrics(a.registry), Log: a.Log}
	a.runs = append(a.runs, a.oneAtATime("approvals", t.Run))
}

// heldUpdates is what is read of the ledger about updates that wait for approval.
type heldUpdates interface {
	HeldUpdates(ctx context.Context) ([]ledger.HeldUpdate, error)
}

// approvalCollector tells at each scrape how many updates wait for approval, and since when.
type approvalCollector struct {
	ledger          heldUpdates
	clock           clock.Clock
	log             *slog.Logger
	waiting, oldest *prometheus.Desc
}

func newApprovalCollector(l heldUpdates, c clock.Clock, log *slog.Logger) prometheus.Collector {
	return &approvalCollector{
		ledger: l, clock: c, log: log,
		waiting: prometheus.NewDesc("tocsin_approvals_waiting", "Updates that wait for somebody to approve them.", nil, nil),
		oldest:  prometheus.NewDesc("tocsin_approvals_oldest_age_seconds", "How long the oldest of them has been waiting; 0 if there is none.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *approvalCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.waiting; ch <- c.oldest }

// Collect implements prometheus.Collector.
func (c *approvalCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	held, err := c.ledger.HeldUpdates(ctx)
	if err != nil {
		c.log.WarnContext(ctx, "metrics: held updates not read", "error", err)
		return
	}
	age := 0.0
	if len(held) > 0 {
		age = c.clock.Now().Sub(held[0].ReceivedAt).Seconds()
	}
	ch <- prometheus.MustNewConstMetric(c.waiting, prometheus.GaugeValue, float64(len(held)))
	ch <- prometheus.MustNewConstMetric(c.oldest, prometheus.GaugeValue, age)
}
