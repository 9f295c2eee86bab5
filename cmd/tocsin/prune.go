package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
)

func (c *cli) pruneCommand() *cobra.Command {
	var older string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Drop what became of each recipient of old updates",
		Long: `Drop what became of each recipient of updates that ended longer ago than ledger.keep, or --older-than.
Updates, texts, counts, reports and the trail stay, and so does all that belongs to an incident of which
something was said since. A server with ledger.keep does the same every hour; this is for those who want
it now. A ledger that is a file must not be in use; on PostgreSQL, servers may be running.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.prune(cmd.Context(), older) },
	}
	cmd.Flags().StringVar(&older, "older-than", "", "how long ago it must have ended, as in 400d (default ledger.keep)")
	return cmd
}

func (c *cli) prune(ctx context.Context, older string) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	keep := cfg.Ledger.Keep
	if older != "" {
		if keep, err = clock.ParseSpan(older); err == nil {
			err = cfg.CheckKeep(keep)
		}
		if err != nil {
			return usageError{fmt.Errorf("--older-than: %w", err)}
		}
	}
	if keep == 0 {
		return usageError{errors.New("how old? give --older-than 400d, or set ledger.keep")}
	}
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	d, err := app.Prune(ctx, cfg, keep, time.Now())
	if err != nil {
		return err
	}
	if d.Nothing() {
		c.say("%s: nothing to drop", cfg.LedgerPlace())
	} else {
		c.say("%s: dropped the recipients of %s updates: %s rows, %d partitions", cfg.LedgerPlace(), thousands(d.Updates), thousands(d.Rows), len(d.Partitions))
	}
	if !d.OldestKept.IsZero() {
		c.say("the oldest kept is of %s", d.OldestKept.In(zone).Format("2006-01-02 15:04"))
	}
	return nil
}
