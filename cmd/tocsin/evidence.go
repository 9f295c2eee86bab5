package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

type evidenceFlags struct {
	out   string
	check bool
}

func (c *cli) evidenceCommand() *cobra.Command {
	var f evidenceFlags
	cmd := &cobra.Command{
		Use:   "evidence TEAM/ID",
		Short: "Export who was told what, when, on which channel, with what proof",
		Long: `Export who was told what of an incident, when, on which channel and with what proof, as JSON lines:
a header, each update with its texts and what the trail says of it, each recipient with the attempts
made (ids only, no addresses), and a seal: the hash of all that, and the head of the trail. With
--check and a file in place of the incident, say whether it is as it was sealed. The ledger is read itself, while a server runs on it or
not.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if f.check {
				return c.checkEvidence(given[0])
			}
			return c.evidence(cmd.Context(), given[0], f.out)
		},
	}
	cmd.Flags().StringVarP(&f.out, "output", "o", "", "file to write (default the standard output)")
	cmd.Flags().BoolVar(&f.check, "check", false, "check a file that was exported before")
	cmd.MarkFlagsMutuallyExclusive("output", "check")
	return cmd
}

func (c *cli) evidence(ctx context.Context, given, out string) (err error) {
	var key ledger.IncidentKey
	if key.Team, key.Incident, err = parseKey(given); err != nil {
		return err
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	l, done, err := app.OpenLedgerReadOnly(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	var seal audit.Seal
	export := func(w io.Writer) (err error) {
		seal, err = audit.Export(ctx, l, key, time.Now(), w)
		return noSuch(given, err)
	}
	if out == "" {
		return export(c.stdout)
	}
	if err := writeFile(out, export); err != nil {
		return err
	}
	c.say("%s: %s lines, SHA-256 %s, head of the trail %s", out, thousands(seal.Lines), seal.SHA256, seal.TrailHead)
	return nil
}

func (c *cli) checkEvidence(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h, seal, err := audit.CheckEvidence(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	c.say("%s: incident %s as of %s, %s lines as they were sealed, head of the trail %s ✓",
		path, h.IncidentKey, h.AsOf.Format(time.RFC3339), thousands(seal.Lines), seal.TrailHead)
	return nil
}
