package main

import (
	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

func (c *cli) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of updates",
		Long: `Print the JSON Schema of updates: the data of a CloudEvent of type
dev.tocsin.incident.update.v1, and what a file for "tocsin publish" holds.`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := c.stdout.Write(incident.Schema())
			return err
		},
	}
}
