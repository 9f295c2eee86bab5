package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/fallback"
)

// run is something that works until its context ends.
type run struct {
	name string
	f    func(context.Context) error
}

// drainTime is how long a process that was told to stop may take to finish what is under way. What
// then still runs is left to the next start: journals and the ledger say how far it was.
const drainTime = 30 * time.Second

// runAll runs everything until ctx ends or one fails, and returns when all have ended, or the time to
// drain is over.
func runAll(ctx context.Context, runs []run, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type end struct {
		name string
		err  error
	}
	ended := make(chan end, len(runs))
	var names []string
	for _, r := range runs {
		names = append(names, r.name)
		go func() {
			err := r.f(ctx)
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("%s: %w", r.name, err)
			} else {
				err = nil
			}
			cancel() // all or none: a process with half its roles would look alive
			ended <- end{r.name, err}
		}()
	}
	var err error
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		log.Info("stopping: what is under way is finished first", "at_most", drainTime)
		time.AfterFunc(drainTime, func() { close(late) })
	})
	defer stop()
	for range runs {
		select {
		case e := <-ended:
			err = errors.Join(err, e.err)
			names = slices.DeleteFunc(names, func(n string) bool { return n == e.name })
		case <-late:
			return errors.Join(err, fmt.Errorf("stopping: still at work after %s, left as it is: %s", drainTime, strings.Join(names, ", ")))
		}
	}
	return err
}

// oneAtATime makes something that only one process may do at a time, under the lease of its name.
// Where there is one process only, that needs no lease.
func (a *App) oneAtATime(name string, f func(context.Context) error) run {
	if a.leases == nil {
		return run{name, f}
	}
	return run{name, func(ctx context.Context) error { return a.leases.While(ctx, name, f) }}
}

// makeEngines makes the fallback engine; where there are several processes, the part that folds, and
// the part that one of them does for all.
func (a *App) makeEngines(e fallback.Engine) {
	if a.leases == nil {
		a.runs = append(a.runs, run{"fallback engine", e.Run})
		return
	}
	folding, watching := e.Split()
	a.runs = append(a.runs, run{"fallback engine", folding.Fold}, a.oneAtATime("deadlines", watching.Watch))
}

// limitGroup names the provider account whose rate the channel shares: today, one a channel.
func (c *configured) limitGroup() string { return c.Name }

// leaseCollector tells at each scrape which leases this process holds.
type leaseCollector struct {
	leases *bus.Leases
	held   *prometheus.Desc
}

func newLeaseCollector(l *bus.Leases) prometheus.Collector {
	return &leaseCollector{l, prometheus.NewDesc("tocsin_lease_held", "1 while this process holds the lease; the sum over all processes should be 1.", []string{"lease"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *leaseCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.held }

// Collect implements prometheus.Collector.
func (c *leaseCollector) Collect(ch chan<- prometheus.Metric) {
	for name, held := range c.leases.Held() {
		v := 0.0
		if held {
			v = 1
		}
		ch <- prometheus.MustNewConstMetric(c.held, prometheus.GaugeValue, v, name)
	}
}
