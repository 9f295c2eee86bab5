package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

func (c *cli) approveCommand() *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use:     "approve UPDATE",
		Short:   "Let a held update go out to customers",
		Example: "  tocsin incidents payments/cards   # shows the numbers of held updates\n  tocsin approve 3 --by \"Ana Rusu\"",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			id, err := strconv.ParseInt(given[0], 10, 64)
			if err != nil {
				return usageError{fmt.Errorf("%q is not the number of an update; `tocsin incidents TEAM/ID` shows them", given[0])}
			}
			if by == "" {
				return usageError{fmt.Errorf("--by is required: the report says who approved")}
			}
			api, err := c.api()
			if err != nil {
				return err
			}
			if err := api.Approve(cmd.Context(), id, by); err != nil {
				return fmt.Errorf("update %d: %w", id, err)
			}
			c.say("update %d approved by %s", id, by)
			return nil
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "name of the person who approves")
	return cmd
}
