package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// leastKept is how short a time the ledger may keep what ended: late receipts and retries need it.
const leastKept = 24 * time.Hour

// CheckKeep says whether a time to keep what ended can be meant; 0 is for ever.
func (c *Config) CheckKeep(keep clock.Span) error {
	least := leastKept
	if c.FrequencyCap.Messages > 0 {
		least = max(least, c.FrequencyCap.Per) // which looks back as far
	}
	if keep != 0 && time.Duration(keep) < least {
		return fmt.Errorf("must be at least %s, so that late receipts find what they speak of and frequency_cap what it counts; 0 is for ever", least)
	}
	return nil
}

// retainer drops what is too old to be kept.
type retainer struct {
	ledger interface {
		Retain(ctx context.Context, before, now time.Time) (ledger.Dropped, error)
	}
	keep    time.Duration
	clock   clock.Clock
	metrics *retentionMetrics
	log     *slog.Logger
}

// retainEvery is how often the ledger is looked through for what is too old, in machine time.
const retainEvery = time.Hour

// run drops what is too old, now and every hour, until ctx ends.
func (r *retainer) run(ctx context.Context) error {
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		r.once(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *retainer) once(ctx context.Context) {
	now := r.clock.Now()
	d, err := r.ledger.Retain(ctx, now.Add(-r.keep), now)
	r.metrics.dropped(&d, err)
	if !d.Nothing() {
		r.log.InfoContext(ctx, "old rows dropped", "updates", d.Updates, "rows", d.Rows, "partitions", len(d.Partitions), "oldest_kept", d.OldestKept)
	}
	if err != nil && ctx.Err() == nil {
		r.metrics.failures.Inc()
		r.log.ErrorContext(ctx, "old rows not dropped, will try again", "in", retainEvery, "error", err)
	}
}

// retentionMetrics count what was dropped.
type retentionMetrics struct {
	updates, rows, partitions, failures prometheus.Counter
	oldest                              prometheus.Gauge
}

func newRetentionMetrics(r prometheus.Registerer) *retentionMetrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "ledger", Name: name, Help: help})
	}
	m := &retentionMetrics{
		updates:    counter("dropped_updates_total", "Updates whose rows were dropped as older than ledger.keep."),
		rows:       counter("dropped_rows_total", "Rows deleted as older than ledger.keep."),
		partitions: counter("dropped_partitions_total", "Partitions dropped as older than ledger.keep."),
		failures:   counter("retention_failures_total", "Times that dropping old rows failed."),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tocsin", Subsystem: "ledger", Name: "oldest_kept_timestamp_seconds",
			Help: "When the oldest update was let go that has all its rows, as of the last look; 0 if there is none."}),
	}
	r.MustRegister(m.updates, m.rows, m.partitions, m.failures, m.oldest)
	return m
}

// dropped counts a round of retention, also one that did not come to its end.
func (m *retentionMetrics) dropped(d *ledger.Dropped, err error) {
	m.updates.Add(float64(d.Updates))
	m.rows.Add(float64(d.Rows))
	m.partitions.Add(float64(len(d.Partitions)))
	if err != nil {
		return
	}
	m.oldest.Set(0)
	if !d.OldestKept.IsZero() {
		m.oldest.Set(float64(d.OldestKept.UnixMilli()) / 1000)
	}
}

// makeRetention drops what is older than ledger.keep, where that is set.
func (a *App) makeRetention() {
	if a.Config.Ledger.Keep == 0 {
		return
	}
	r := &retainer{ledger: a.ledger, keep: time.Duration(a.Config.Ledger.Keep), clock: a.Clock, metrics: newRetentionMetrics(a.registry), log: a.Log}
	a.runs = append(a.runs, a.oneAtATime("retention", r.run))
}

// Prune drops what ended longer ago than keep from the configured ledger: from a file that no server uses,
// or a database, beside the servers that do.
func Prune(ctx context.Context, c *Config, keep clock.Span, now time.Time) (d ledger.Dropped, err error) {
	if err := c.CheckKeep(keep); err != nil {
		return d, err
	}
	if keep == 0 {
		return d, errors.New("0 is for ever: nothing is to be dropped")
	}
	l, done, err := OpenLedger(ctx, c)
	if err != nil {
		return d, err
	}
	d, err = l.Retain(ctx, now.Add(-time.Duration(keep)), now)
	return d, errors.Join(err, done())
}
