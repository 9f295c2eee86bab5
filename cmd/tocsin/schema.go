package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

func (c *cli) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [update|promise]",
		Short: "Print the JSON Schema of updates, or of what Tocsin tells of promises",
		Long: `Print the JSON Schema of updates: the data of a CloudEvent of type
dev.tocsin.incident.update.v1, and what a file for "tocsin publish" holds. With "promise", that of
what Tocsin publishes on outcomes.<team>.<incident> of what was promised to customers.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			schema := incident.Schema
			switch {
			case len(given) == 0 || given[0] == "update":
			case given[0] == "promise":
				schema = promise.Schema
			default:
				return usageError{fmt.Errorf("no schema %q: there are update and promise", given[0])}
			}
			_, err := c.stdout.Write(schema())
			return err
		},
	}
}
