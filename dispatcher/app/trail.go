package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// trail is what is read of the ledger's trail, so that its head leaves the machine.
type trail interface {
	TrailHead(ctx context.Context) (ledger.TrailHead, error)
	TrailAfter(ctx context.Context, after int64, limit int) ([]ledger.TrailLink, error)
}

// closings logs each update that closes, with its entry in the trail: whoever collects the log holds, out
// of reach of whoever holds the ledger, the heads that `tocsin audit --expect-head` asks for. Each process
// with an engine logs all closings.
type closings struct {
	trail trail
	log   *slog.Logger
}

// closingsEvery is how often the trail is looked at.
const closingsEvery = 2 * time.Second

// run logs what closes from now on, until ctx ends.
func (c *closings) run(ctx context.Context) error {
	var after int64
	begun := false
	tick := time.NewTicker(closingsEvery)
	defer tick.Stop()
	for {
		var err error
		if !begun {
			var head ledger.TrailHead
			head, err = c.trail.TrailHead(ctx)
			after, begun = head.Seq, err == nil
		} else {
			after, err = c.look(ctx, after)
		}
		if err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "trail not read", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look logs the closings after an entry, and returns the last entry that it saw.
func (c *closings) look(ctx context.Context, after int64) (int64, error) {
	const limit = 100
	for {
		links, err := c.trail.TrailAfter(ctx, after, limit)
		if err != nil {
			return after, err
		}
		for i := range links {
			after = links[i].Seq
			if l := &links[i]; l.Kind == ledger.TrailClosed {
				c.log.InfoContext(ctx, "update closed", "update", l.Update, "trail_head", l.Head().String())
			}
		}
		if len(links) < limit {
			return after, nil
		}
	}
}

// trailCollector tells at each scrape how long the trail is, and its newest hash.
type trailCollector struct {
	trail   trail
	log     *slog.Logger
	entries *prometheus.Desc
}

func newTrailCollector(t trail, log *slog.Logger) prometheus.Collector {
	return &trailCollector{trail: t, log: log, entries: prometheus.NewDesc("tocsin_trail_entries",
		"Entries of the ledger's trail; its newest hash as a label, so that it is kept where metrics are.", []string{"head"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *trailCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.entries }

// Collect implements prometheus.Collector.
func (c *trailCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	head, err := c.trail.TrailHead(ctx)
	if err != nil {
		c.log.WarnContext(ctx, "metrics: trail not read", "error", err)
		return
	}
	ch <- prometheus.MustNewConstMetric(c.entries, prometheus.GaugeValue, float64(head.Seq), head.Hash.String())
}
