package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

func (c *cli) compensationCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compensation",
		Short: "Who is made good for an incident, and how",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.compensationExportCommand())
	return cmd
}

func (c *cli) compensationExportCommand() *cobra.Command {
	var format, out string
	cmd := &cobra.Command{
		Use:   "export TEAM/ID",
		Short: "Export who gets what, for the systems that grant it",
		Long: `Export who gets what for an incident, for the systems that grant it: one line for each customer and
each compensation option that an update of the incident gives them, whether they were reached or not. The id
of a line is always the same for the same customer, incident and option: a list that is exported again, or
later, grants nothing twice where ids are remembered. Customers are read from the notifications, so this
has to be done before they are dropped (ledger.keep).`,
		Example: "  tocsin compensation export payments/cards -o cards.csv",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return c.exportCompensation(cmd.Context(), given[0], format, out)
		},
	}
	cmd.Flags().StringVar(&format, "format", "", formatHelp)
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default the standard output)")
	return cmd
}

func (c *cli) exportCompensation(ctx context.Context, given, format, out string) error {
	team, id, err := parseKey(given)
	if err != nil {
		return err
	}
	f, err := parseFormat(format, out)
	if err != nil {
		return err
	}
	api, err := c.api()
	if err != nil {
		return err
	}
	export := func(w io.Writer) error { return noSuch(given, api.Compensation(ctx, team, id, f, w)) }
	if out == "" {
		return export(c.stdout)
	}
	return writeFile(out, export)
}
