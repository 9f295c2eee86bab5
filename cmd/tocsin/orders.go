package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// orderCommand makes the command that gives one order. fill reads the arguments into it.
func (c *cli) orderCommand(v ledger.Verb, use, short, example string, count cobra.PositionalArgs, fill func(*ledger.Order, []string) error) *cobra.Command {
	o := ledger.Order{Verb: v}
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: args(count),
		RunE: func(cmd *cobra.Command, given []string) error {
			if err := fill(&o, given); err != nil {
				return err
			}
			if o.By == "" || o.Why == "" {
				return usageError{fmt.Errorf("--by and --why are required: the record says who ordered what for which reason")}
			}
			api, err := c.api()
			if err != nil {
				return err
			}
			r, err := api.Order(cmd.Context(), o)
			if err != nil {
				return err
			}
			if r.DoneAt.IsZero() {
				c.say("order %s is stored; it will be carried out when a fallback engine runs", r.ID)
				return nil
			}
			c.say("%s", r.Result)
			return nil
		},
	}
	cmd.Flags().StringVar(&o.By, "by", "", "name of the person who gives the order")
	cmd.Flags().StringVar(&o.Why, "why", "", "for what reason")
	return cmd
}

// who is the end of every example.
const who = ` --by "Ana Rusu" --why `

func (c *cli) recallCommand(target func(*ledger.Order, []string) error) *cobra.Command {
	cmd := c.orderCommand(ledger.Recall, "recall TEAM/ID|UPDATE", "Cancel an incident's updates, or one, and have what was sent taken back where its provider can",
		"  tocsin recall 7"+who+`"sent to everybody by mistake"`, cobra.ExactArgs(1), target)
	cmd.Long = `Cancel an incident's updates, or one of them, and have taken back what was sent of them where its provider
can: posts, Telegram (for 48 hours), Discord, notices in the bank's own app; ` + "`tocsin channels`" + ` has the column. SMS,
e-mail and the rest stay. ` + "`tocsin report`" + ` counts both. Who has read it has read it: follow with a correction.`
	return cmd
}

func (c *cli) orderCommands() []*cobra.Command {
	target := func(o *ledger.Order, given []string) error { return readTarget(o, given[0]) }
	return []*cobra.Command{
		c.orderCommand(ledger.Pause, "pause TEAM/ID|UPDATE", "Stop planning and sending an incident or one update, until resumed",
			"  tocsin pause payments/cards"+who+`"wrong region"`, cobra.ExactArgs(1), target),
		c.orderCommand(ledger.Resume, "resume TEAM/ID|UPDATE", "Go on with what was paused",
			"  tocsin resume payments/cards"+who+`"checked"`, cobra.ExactArgs(1), target),
		c.orderCommand(ledger.Cancel, "cancel TEAM/ID|UPDATE", "End an incident's updates, or one: what has not left is stopped",
			"  tocsin cancel 7"+who+`"false alarm"`, cobra.ExactArgs(1), target),
		c.recallCommand(target),
		c.orderCommand(ledger.Retry, "retry UPDATE", "Tell an update again to those whom it did not reach",
			"  tocsin retry 7"+who+`"the SMS gateway works again"`, cobra.ExactArgs(1), target),
		c.orderCommand(ledger.Move, "move CHANNEL [TEAM/ID|UPDATE]", "Move what waits for a channel on to its next step",
			"  tocsin move viber"+who+`"Viber is down"`, cobra.RangeArgs(1, 2), func(o *ledger.Order, given []string) error {
				o.Channel = given[0]
				if len(given) == 1 {
					return nil
				}
				return readTarget(o, given[1])
			}),
		c.orderCommand(ledger.Budget, "budget TEAM/ID SEGMENTS", "Set how many SMS segments an incident may spend in all",
			"  tocsin budget payments/cards 50000"+who+`"agreed with finance"`, cobra.ExactArgs(2), func(o *ledger.Order, given []string) error {
				n, err := strconv.ParseInt(given[1], 10, 64)
				if err != nil || n <= 0 {
					return usageError{fmt.Errorf("%q is not a number of segments above 0", given[1])}
				}
				o.Segments = n
				return readTarget(o, given[0])
			}),
	}
}

// readTarget reads what an order is about: an update's number, or an incident.
func readTarget(o *ledger.Order, text string) (err error) {
	if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
		o.Update = id
		return nil
	}
	if o.Verb == ledger.Retry {
		return usageError{fmt.Errorf("%q is not the number of an update; `tocsin incidents TEAM/ID` shows them", text)}
	}
	o.Team, o.Incident, err = parseKey(text)
	return err
}
