package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/cmd/tocsin/bench"
)

type benchFlags struct {
	recipients, rounds, updates, old int
	profile, ledgerURL               string
	channels                         []string
}

func (c *cli) benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what Tocsin costs per recipient, beside the bare provider clients",
		Long: `Measure what Tocsin costs per recipient, in CPU time and as a ratio to the bare provider clients:
in turns, the bare clients and Tocsin give the same messages to the same simulated providers, which
run in a process of their own and don't count.

With --channels null, a channel that accepts and confirms at once within the process, it shows the
cost of everything but the providers.

With --ledger-url the ledger is in PostgreSQL, in an empty database; what its server uses is shown
beside, if it runs on this machine. With --old a ledger in a file has so many attempts of incidents
long past, and the time that a start takes then is printed.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.bench(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.recipients, "recipients", 100_000, "how many recipients are told")
	flags.IntVar(&f.rounds, "rounds", 3, "of how many incidents, by either side in turn; medians count")
	flags.IntVar(&f.updates, "updates", 1, "how many updates each incident has, for the same audience")
	flags.IntVar(&f.old, "old", 0, "how many old attempts the ledger has before")
	flags.StringVar(&f.ledgerURL, "ledger-url", "", "PostgreSQL database to keep the ledger in, postgres://…; it must be empty")
	flags.StringSliceVar(&f.channels, "channels", usualChannels(), "channels to tell on; null is one that needs no provider")
	flags.StringVar(&f.profile, "profile", "", "write a CPU profile of a further round to this file, and the bare clients' to <file>.bare")
	return cmd
}

func (c *cli) bench(ctx context.Context, f benchFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	c.tuneMemory()
	o := bench.Options{
		Recipients: f.recipients, Rounds: f.rounds, Updates: f.updates, Old: f.old, LedgerURL: f.ledgerURL,
		Version: version(), Profile: f.profile, Out: c.stdout,
	}
	entries, err := f.entries()
	if err != nil {
		return err
	}
	var endpoints map[string]string
	if slices.ContainsFunc(entries, all.Entry.Simulated) {
		dir, err := os.MkdirTemp("", "tocsin-bench-sandbox-")
		if err != nil {
			return err
		}
		providers, line, err := startChild(ctx, "sandbox", dir, "sandbox")
		if err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
		defer func() { err = errors.Join(err, providers.stop(), os.RemoveAll(dir)) }()
		var said sandboxLine
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			return fmt.Errorf("the sandbox said %q: %w", line, err)
		}
		endpoints = said.Providers
	}
	for _, e := range entries {
		o.Adapters = append(o.Adapters, bench.Adapter{Spec: e.Spec, Simulator: e.Simulator, Endpoint: endpoints[e.Spec.Provider]})
	}
	return bench.Run(ctx, o)
}

// usualChannels are those of the customers that are made up, and a public account.
func usualChannels() []string { return []string{"sms", "email", "viber", "telegram", "mastodon"} }

// entries are the usual adapters of the channels asked for.
func (f *benchFlags) entries() ([]all.Entry, error) {
	var entries []all.Entry
	for _, channel := range f.channels {
		e, ok := all.Usual(channel)
		if !ok {
			return nil, usageError{fmt.Errorf("bench: no channel %q: `tocsin channels` lists what there is", channel)}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (f *benchFlags) check() error {
	switch {
	case f.recipients < 1 || f.rounds < 1 || f.updates < 1:
		return usageError{errors.New("bench: --recipients, --rounds and --updates must be 1 at least")}
	case f.old < 0 || (f.old > 0 && f.ledgerURL != ""):
		return usageError{errors.New("bench: --old is a number of attempts, and for a ledger in a file only")}
	}
	return nil
}
