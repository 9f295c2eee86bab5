package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

// world is what a demo runs: simulated providers and a server, each a process of its own, and the
// clock that all agree on.
type world struct {
	dir      string
	scenario scenarios.Scenario
	zone     *time.Location
	clock    clock.Clock
	entries  []all.Entry // the adapters that the server has

	sandbox         sandboxLine
	providers, node *child
	config          demoConfig
	endpoints       app.Endpoints
	api             *httpapi.Client
}

// newWorld starts everything and returns when it is ready. On an error everything has stopped again.
func (c *cli) newWorld(ctx context.Context, dir string, s scenarios.Scenario, customers int, entries []all.Entry) (_ *world, err error) {
	w := &world{dir: dir, scenario: s, entries: entries}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop())
		}
	}()
	if w.zone, err = time.LoadLocation(s.Bank.Zone); err != nil {
		return nil, err
	}
	if err := w.startProviders(ctx); err != nil {
		return nil, err
	}
	if err := w.startServer(ctx, customers); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *world) startProviders(ctx context.Context) error {
	conduct := filepath.Join(w.dir, "conduct.json")
	if err := writeJSON(conduct, w.scenario.Sandbox); err != nil {
		return err
	}
	ch, line, err := startChild(ctx, "sandbox", w.dir, "sandbox", "--conduct", conduct)
	if err != nil {
		return err
	}
	w.providers = ch
	if err := json.Unmarshal([]byte(line), &w.sandbox); err != nil {
		return fmt.Errorf("the sandbox said %q: %w", line, err)
	}
	return nil
}

// startServer writes the configuration and starts a server with the story's clock.
func (w *world) startServer(ctx context.Context, customers int) error {
	listen, err := sandbox.FreeAddress() // it is part of the configuration, as the public URL
	if err != nil {
		return err
	}
	w.config = newDemoConfig(w.scenario, w.dir, listen, w.entries, w.farSides())
	path := filepath.Join(w.dir, "tocsin.yaml")
	if err := errors.Join(writePlaybooks(w.config.Playbooks), w.config.write(path)); err != nil {
		return err
	}
	origin := time.Now()
	start := w.scenario.TimeStart.Add(-w.lead(customers))
	w.node, _, err = startChild(ctx, "server", w.dir, "serve", "--config", path,
		"--time-scale", fmt.Sprint(w.scenario.TimeScale), "--time-start", start.Format(time.RFC3339Nano), "--time-origin", origin.Format(time.RFC3339Nano))
	if err != nil {
		return err
	}
	w.clock = scaledFrom(w.scenario.TimeScale, start, origin, time.Now())
	return w.awaitReady(ctx)
}

// farSides is where each provider listens, or where its files lie.
func (w *world) farSides() map[string]string {
	where := maps.Clone(w.sandbox.Providers)
	for _, e := range w.entries {
		if e.Simulator.Count != nil {
			where[e.Spec.Provider] = w.files(e)
		}
	}
	return where
}

// files is the directory for an adapter that writes files.
func (w *world) files(e all.Entry) string { return filepath.Join(w.dir, e.Spec.Provider) }

// lead is how long before the story the clock must start, in product time, so that the server is up
// and the customers are there when it begins.
func (w *world) lead(customers int) time.Duration {
	const importedPerSecond = 3000 // on a slow machine
	machine := 6*time.Second + time.Duration(customers)*time.Second/importedPerSecond
	product := time.Duration(float64(machine) * w.scenario.TimeScale)
	return max(0, product-firstUpdate(w.scenario))
}

// readyTimeout is how long a server may take to start.
const readyTimeout = 30 * time.Second

func (w *world) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, errors.New("the server was not ready in time"))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		e, err := app.ReadEndpoints(w.config.DataDir)
		if err == nil {
			w.endpoints, w.api = e, httpapi.NewClient(e.HTTP, e.Token)
			err = w.api.Ready(ctx)
		}
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-w.node.ended:
			return w.node.failed(w.node.err)
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// wait returns when ctx ends, or with an error when a process does.
func (w *world) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-w.node.ended:
		return w.node.failed(w.node.err)
	case <-w.providers.ended:
		return w.providers.failed(w.providers.err)
	}
}

// stop ends what was started, the server first, so that it is not left with providers that don't answer.
func (w *world) stop() error { return errors.Join(w.node.stop(), w.providers.stop()) }

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}
