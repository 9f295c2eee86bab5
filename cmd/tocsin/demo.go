package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

type demoFlags struct {
	scenario  string
	customers int
	keep      bool
	scale     float64
	channels  string
}

func (c *cli) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play the story of an outage, against simulated providers",
		Long: `Play the story of an outage: a server of its own, made-up customers, simulated providers that
refuse, lose, delay and repeat, and a team that publishes its updates through NATS as time passes,
only faster. In the end the report is held against what the providers counted. Nothing is sent to
anybody, and nothing is left behind.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.demo(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.scenario, "scenario", "datacentre", "story to play: "+strings.Join(scenarios.Names(), ", "))
	flags.IntVar(&f.customers, "customers", storyCustomers, "how many customers to make up")
	flags.StringVar(&f.channels, "channels", usualChannelsOnly, "usual: the customers' usual channels and the public accounts; all: every channel, through every provider")
	flags.BoolVar(&f.keep, "keep", false, "go on running afterwards, to look around, and keep the data")
	flags.Float64Var(&f.scale, "time-scale", 0, "how much faster than on the wall time passes (default: the story's own, less for more than 10,000 customers)")
	return cmd
}

func (c *cli) demo(ctx context.Context, f demoFlags) (err error) {
	s, err := scenarios.Load(f.scenario)
	if err != nil {
		return usageError{fmt.Errorf("--scenario: %w", err)}
	}
	if f.customers < 1 || f.scale < 0 {
		return usageError{errors.New("--customers must be 1 or more, and --time-scale not less than 0")}
	}
	entries, err := f.entries()
	if err != nil {
		return err
	}
	s.TimeScale = pace(s.TimeScale, f)
	dir, err := os.MkdirTemp("", "tocsin-demo-")
	if err != nil {
		return err
	}
	if !f.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	w, err := c.newWorld(ctx, dir, s, f.customers, entries)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := c.playAndReport(ctx, w, f); err != nil {
		return err
	}
	if !f.keep {
		return nil
	}
	c.say("\nIt goes on running until you press Ctrl-C. Log in: %s\nIts data stays in %s", loginLink(w.endpoints), dir)
	return w.wait(ctx)
}

// What --channels takes.
const (
	usualChannelsOnly = "usual"
	everyChannel      = "all"
)

// entries are the adapters that the story is told through.
func (f *demoFlags) entries() ([]all.Entry, error) {
	switch f.channels {
	case usualChannelsOnly:
		return usualEntries(), nil
	case everyChannel:
		return everyEntry(), nil
	}
	return nil, usageError{fmt.Errorf("--channels %q: want %s or %s", f.channels, usualChannelsOnly, everyChannel)}
}

// storyCustomers is how many customers the stories' pace leaves time for.
const storyCustomers = 10_000

// pace is how much faster than on the wall time passes: so much slower for more customers that each
// update can still go out before the next one.
func pace(story float64, f demoFlags) float64 {
	if f.scale > 0 {
		return f.scale
	}
	return story * storyCustomers / float64(max(storyCustomers, f.customers))
}

// playAndReport fails if anybody is unaccounted for, or was told the same thing twice.
func (c *cli) playAndReport(ctx context.Context, w *world, f demoFlags) error {
	c.say("%s\n\n%s\n", w.scenario.Title, wrap(w.scenario.Story, 96))
	c.say("It is played %.4gx as fast as it would happen; Ana Rusu and Ion Munteanu approve what the bank's playbook wants seen.", w.scenario.TimeScale)
	if err := c.importGenerated(ctx, w, f.customers); err != nil {
		return err
	}
	c.say("")
	keys, err := c.play(ctx, w)
	if err != nil {
		return err
	}
	var reports []ledger.Report
	for _, k := range keys {
		r, err := w.api.Report(ctx, k.team, k.id)
		if err != nil {
			return err
		}
		c.say("")
		if err := printReport(c.stdout, r, w.zone); err != nil {
			return err
		}
		if err := c.compensate(ctx, w, k, &r); err != nil {
			return err
		}
		reports = append(reports, r)
	}
	verdict := errors.Join(c.auditDemo(ctx, w), c.witness(ctx, w, reports, f.channels == everyChannel))
	c.say("\nThe dashboard was at %s; `tocsin demo --keep` leaves it open.", w.endpoints.HTTP)
	return verdict
}

// importGenerated makes up customers and imports them as anybody would.
func (c *cli) importGenerated(ctx context.Context, w *world, n int) error {
	path := filepath.Join(w.dir, "customers.jsonl")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := writeCustomers(f, audience.JSONL, mixOf(w.scenario, w.entries), n, demoSeed); err != nil {
		return err
	}
	size, err := f.Seek(0, 1)
	if err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		return err
	}
	return c.importCustomers(ctx, w.api, customersFile{f, size, audience.JSONL}, "")
}

// demoSeed makes every demo's customers the same.
const demoSeed = 1

// mixOf is what a scenario's customers are like, where there are some adapters: on the channels that the usual
// mix doesn't know, addresses are as their simulators make them up.
func mixOf(s scenarios.Scenario, entries []all.Entry) audience.Mix {
	mix := audience.DefaultMix()
	for i := range mix.Channels {
		if weight, ok := s.Customers.Preferred[mix.Channels[i].Name]; ok {
			mix.Channels[i].Weight = weight
		}
	}
	known := map[string]bool{}
	for _, c := range mix.Channels {
		known[c.Name] = true
	}
	for _, e := range entries {
		if address := e.Simulator.Address; address != nil && !known[e.Spec.Channel] {
			known[e.Spec.Channel] = true
			mix.Channels = append(mix.Channels, audience.MixChannel{Name: e.Spec.Channel, Weight: otherWeight, Share: otherShare, Address: address})
		}
	}
	return mix
}

// What the demo's customers have of the channels that the usual mix doesn't know: addresses often
// enough that each is preferred by some.
const otherWeight, otherShare = 0.25, 0.5

// wrap breaks a text into lines.
func wrap(text string, width int) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && at+1+len(word) > width:
			b.WriteByte('\n')
			at = 0
		case i > 0:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}

// firstUpdate is when the first update of a story is published, counted from its start.
func firstUpdate(s scenarios.Scenario) time.Duration {
	for _, e := range s.Events {
		if e.Update != nil {
			return e.After
		}
	}
	return 0
}
