// Package bench measures what Tocsin costs per recipient.
//
// The measure is CPU time, as a ratio to the bare provider clients in the same run: wall time on a
// shared machine is noise, and so is a single absolute figure. In turns, the bare clients and Tocsin
// give the same messages to the same simulated providers, which run in a process of their own and
// don't count; receipts come back in both. What is between the two is what Tocsin does: planning,
// the ledger, the streams, the fallback engine.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

// Adapter is a channel to be measured.
type Adapter struct {
	Spec channels.Spec
	// Simulator is the zero value for an adapter that needs none.
	Simulator sandbox.Simulator
	// Endpoint is where the simulator listens.
	Endpoint string
}

// Options say what to measure.
type Options struct {
	Recipients int
	// Rounds is how many incidents all of them are told of, by either side in turn; Updates is how many
	// updates each of them has.
	Rounds, Updates int
	// Old is how many attempts of incidents long past the ledger, a file, has before.
	Old int
	// LedgerURL is that of an empty PostgreSQL database to keep the ledger in, "" for a file.
	LedgerURL string
	Adapters  []Adapter
	Version   string
	// Profile writes a CPU profile of a further round to this file, if not "", and one of the bare clients'
	// to the file of that name with ".bare" behind.
	Profile string
	Out     io.Writer
}

const (
	team        = "bench"
	concurrency = 64
)

// bench is one run.
type bench struct {
	Options
	dir       string
	publicURL string
	app       *app.App
	client    *httpapi.Client
	config    *app.Config
	server    *server // that of the database; nil where the ledger is a file
}

// Run measures and prints the result.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return err
	}
	b := &bench{Options: o, dir: dir}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := b.configure(); err != nil {
		return err
	}
	if o.LedgerURL != "" {
		if b.server, err = findServer(ctx, o.LedgerURL); err != nil {
			return err
		}
	}
	stop, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := b.load(ctx); err != nil {
		return err
	}
	if o.Old > 0 {
		if stop, err = b.age(ctx, stop); err != nil {
			return err
		}
	}
	res, err := b.measure(ctx)
	if err != nil {
		return err
	}
	return res.print(o.Out)
}

// configure writes the configuration that is measured, and reads it as a server would.
func (b *bench) configure() error {
	httpAddr, err := sandbox.FreeAddress()
	if err != nil {
		return err
	}
	b.publicURL = "http://" + httpAddr
	settings := map[string]any{}
	var behind []string
	for _, a := range b.Adapters {
		ch := map[string]any{
			"provider": a.Spec.Provider, "wait": "30m", "bounce_window": "0s", "rate": 0, "concurrency": concurrency, "timeout": "60s",
		}
		if a.Simulator.Settings != nil {
			ch["settings"] = a.Simulator.Settings(a.Endpoint)
		}
		if accounts := a.Simulator.Accounts; len(accounts) > 0 {
			ch["accounts"] = []map[string]string{{"address": accounts[0], "locale": "ro"}}
		}
		if a.Spec.Kind == channels.SMS {
			behind = append(behind, a.Spec.Channel)
		}
		settings[a.Spec.Channel] = ch
	}
	raw, err := yaml.Marshal(map[string]any{
		"data_dir": filepath.Join(b.dir, "data"), "organisation": "Bench Bank", "locale": "ro", "zone": "Europe/Chisinau",
		"phone_country": "MD", "approval": "none",
		"http":     map[string]any{"listen": httpAddr, "public_url": b.publicURL},
		"nats":     map[string]any{"listen": "127.0.0.1:0", "max_bytes": "8GiB"},
		"cascade":  map[string]any{"behind": behind},
		"channels": settings,
		"ledger":   map[string]any{"url": b.LedgerURL},
	})
	if err != nil {
		return err
	}
	path := filepath.Join(b.dir, "bench.yaml")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return err
	}
	b.config, err = app.Load(path, os.LookupEnv)
	return err
}

// customers makes up the customers, always the same: everybody reachable, so that both sides have
// the same messages to send.
func (b *bench) customers() iter.Seq[audience.Recipient] {
	mix := audience.DefaultMix()
	mix.NoAddress, mix.NoConsent, mix.LessConsent = 0, 0, 0
	mix.Channels = slices.DeleteFunc(mix.Channels, func(c audience.MixChannel) bool { return !b.has(c.Name) })
	if len(mix.Channels) == 0 {
		for _, a := range b.Adapters {
			if a.Spec.Kind != channels.Social {
				address := a.Simulator.Address
				if address == nil {
					address = sandbox.FakePhone
				}
				mix.Channels = append(mix.Channels, audience.MixChannel{Name: a.Spec.Channel, Weight: 1, Address: address})
			}
		}
	}
	for i := range mix.Channels {
		mix.Channels[i].Share = 1
	}
	return audience.Generate(b.Recipients, 1, mix)
}

func (b *bench) has(channel string) bool {
	return slices.ContainsFunc(b.Adapters, func(a Adapter) bool { return a.Spec.Channel == channel })
}

// start runs Tocsin, all roles in this process, and returns how to stop it.
func (b *bench) start(ctx context.Context) (stop func() error, err error) {
	var specs []channels.Spec
	for _, a := range b.Adapters {
		specs = append(specs, a.Spec)
	}
	log := slog.New(slog.NewTextHandler(b.Out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b.app, err = app.New(ctx, app.Options{Config: b.config, Specs: specs, Log: log, Version: b.Version})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- b.app.Run(ctx) }()
	e := b.app.Endpoints()
	b.client = httpapi.NewClient(e.HTTP, e.Token)
	stop = func() error { cancel(); return <-ended }
	if err := b.ready(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

func (b *bench) ready(ctx context.Context) error {
	for begun := time.Now(); ; {
		err := b.client.Ready(ctx)
		if err == nil || time.Since(begun) > 30*time.Second {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// load imports the customers through the API, which is not measured.
func (b *bench) load(ctx context.Context) error {
	if n, err := b.client.CountCustomers(ctx); err != nil || n > 0 {
		return errors.Join(err, fmt.Errorf("bench: the ledger has %d customers already: give it an empty database", n))
	}
	r, w := io.Pipe()
	go func() {
		_, err := audience.Export(w, audience.JSONL, nil, func(yield func(audience.Recipient, error) bool) {
			for r := range b.customers() {
				if !yield(r, nil) {
					return
				}
			}
		})
		w.CloseWithError(err)
	}()
	summary, err := b.client.ImportCustomers(ctx, r, audience.JSONL, nil, io.Discard)
	if err == nil && summary.Imported != b.Recipients {
		err = fmt.Errorf("bench: %d of %d customers imported", summary.Imported, b.Recipients)
	}
	return err
}
