package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func (c *cli) consentCommand() *cobra.Command {
	var k ledger.Consent
	cmd := &cobra.Command{
		Use:   "consent ID CHANNEL on|off",
		Short: "Withdraw or give a customer's consent to a channel, in an operator's name",
		Long: `Withdraw or give a customer's consent to a channel, in an operator's name. What is withdrawn stays so
whatever is imported, as if the customer had answered STOP, and what is queued on the channel for them is
stopped. Who did it and for what reason is entered in the trail.`,
		Example: `  tocsin customers consent c-1 sms off --by "Ana Rusu" --why "asked at the branch"`,
		Args:    args(cobra.ExactArgs(3)),
	}
	cmd.Flags().StringVar(&k.By, "by", "", "name of the person who does it")
	cmd.Flags().StringVar(&k.Why, "why", "", "for what reason")
	set := c.withDirectory(func(ctx context.Context, d directory, given []string) error {
		r, err := d.SetConsent(ctx, k)
		if err != nil {
			return noCustomer(given[0], err)
		}
		if r.Changed == 0 {
			c.say("customer %s: that is so already", strconv.Quote(given[0]))
			return nil
		}
		c.say("customer %s: %s is %s", strconv.Quote(given[0]), given[1], given[2])
		return nil
	})
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if given[2] != "on" && given[2] != "off" {
			return usageError{fmt.Errorf("%q is neither on nor off", given[2])}
		}
		if k.By == "" || k.Why == "" {
			return usageError{fmt.Errorf("--by and --why are required: the record says who did what for which reason")}
		}
		k.Recipient, k.Channel, k.On = given[0], given[1], given[2] == "on"
		return set(cmd, given)
	}
	return cmd
}
