package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
)

func (c *cli) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the ledger's schema up to date",
		Long: `Bring the ledger's schema up to date, and say from which version to which. A server does the same
when it starts; this is for those who want to see it done before. On PostgreSQL several may do so at
once, and servers may be running; a ledger that is a file must not be in use.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.migrate(cmd.Context()) },
	}
}

func (c *cli) migrate(ctx context.Context) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	from, to, err := app.Migrate(ctx, cfg)
	if err != nil {
		return err
	}
	if from == to {
		c.say("%s: version %d, nothing to do", cfg.LedgerPlace(), to)
		return nil
	}
	c.say("%s: migrated from version %d to %d", cfg.LedgerPlace(), from, to)
	return nil
}
