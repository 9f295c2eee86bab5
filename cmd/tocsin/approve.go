package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

type approveFlags struct {
	accountFlags
	httpapi.Word
	yes bool
}

func (c *cli) approveCommand() *cobra.Command {
	var f approveFlags
	cmd := &cobra.Command{
		Use:   "approve UPDATE",
		Short: "Show what a held update says, and let it go out to customers",
		Long: `Shows every text of a held update as it is frozen, its forecast, and who has approved it, and asks whether
it may go out. Who approves is the account whose token is used: $TOCSIN_TOKEN or --token-file. Without one
it is this machine's, which is nobody's own: then --by says who approves, and it counts where one person is
enough.`,
		Example: "  tocsin approvals                  # what waits\n  tocsin approve 3 --token-file ~/.tocsin-token\n" +
			"  tocsin approve 3 --by \"Ana Rusu\"\n  tocsin approve 3 --break-glass --why \"nobody else can be reached\"",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			id, err := updateNumber(given[0])
			if err != nil {
				return err
			}
			if f.BreakGlass && f.Why == "" {
				return usageError{errors.New("--break-glass needs --why: the reason is kept, and shown everywhere")}
			}
			api, err := c.account(f.accountFlags)
			if err != nil {
				return err
			}
			defer api.Close()
			if err := c.approve(cmd.Context(), api, id, f); err != nil {
				return fmt.Errorf("update %d: %w", id, err)
			}
			return nil
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.By, "by", "", "name of the person who approves, where the token is nobody's own")
	flags.StringVar(&f.Seen, "seen", "", "approve what was shown with this hash, without showing it again or asking")
	flags.BoolVar(&f.yes, "yes", false, "approve what is shown, without asking")
	flags.BoolVar(&f.BreakGlass, "break-glass", false, "let it go at once, whatever its rule asks for; needs --why")
	flags.StringVar(&f.Why, "why", "", "for what reason")
	return cmd
}

func updateNumber(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, usageError{fmt.Errorf("%q is not the number of an update; `tocsin approvals` shows those that wait", text)}
	}
	return id, nil
}

func (c *cli) approve(ctx context.Context, api *httpapi.Client, id int64, f approveFlags) error {
	if f.Seen == "" {
		v, err := c.review(ctx, api, id, &f)
		if err != nil {
			return err
		}
		f.Seen = v.Seen
	}
	r, err := api.Approve(ctx, id, f.Word)
	if err != nil {
		return err
	}
	if r.State == ledger.Held {
		c.say("update %d: your approval is kept; %s must approve it too", id, morePeople(r.Missing))
		return nil
	}
	c.say("update %d goes out: %s", id, wordsSaid(r.Said))
	return nil
}

// review shows an update to whoever is to approve it, and asks them.
func (c *cli) review(ctx context.Context, api *httpapi.Client, id int64, f *approveFlags) (v httpapi.UpdateView, err error) {
	zone, err := c.zone()
	if err != nil {
		return v, err
	}
	if v, err = foreseen(ctx, api, id, !f.BreakGlass); err != nil {
		return v, err
	}
	if err := printUpdateView(c.stdout, &v, zone); err != nil {
		return v, err
	}
	if err := mayApprove(&v, f); err != nil || f.yes {
		return v, err
	}
	question := fmt.Sprintf("May update %d go out to customers?", id)
	if f.BreakGlass {
		question = fmt.Sprintf("BREAK THE GLASS: may update %d go out at once, though %s should approve it first?", id, morePeople(v.Approval.Missing))
	}
	return v, c.ask(question, "nothing is approved: give --seen with the hash that is shown, or --yes, or run it at a terminal to be asked")
}

// How long the forecast of an update that has just come in is waited for: it is made within moments, and who
// approved without it would have to look again.
const (
	forecastYoung = time.Minute // of the product's time since the update came
	forecastWait  = 10 * time.Second
	forecastLook  = 100 * time.Millisecond
)

// foreseen returns an update as it is to be shown to whoever approves it, if patient with its forecast.
func foreseen(ctx context.Context, api *httpapi.Client, id int64, patient bool) (httpapi.UpdateView, error) {
	look := time.NewTicker(forecastLook)
	defer look.Stop()
	for given := time.Now().Add(forecastWait); ; {
		v, err := api.Update(ctx, id)
		young := v.State == ledger.Held && v.Forecast == nil && v.AsOf.Sub(v.ReceivedAt) < forecastYoung
		if err != nil || !patient || !young || time.Now().After(given) {
			return v, err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

// mayApprove says what stands in the way of an approval, before anybody is asked for it.
func mayApprove(v *httpapi.UpdateView, f *approveFlags) error {
	said := ledger.ApprovalSaid{By: v.You.Person, Account: v.You.Account}
	switch {
	case v.State != ledger.Held:
		return fmt.Errorf("it is %s, and waits for nobody's approval", words(string(v.State)))
	case !v.You.Approves:
		return fmt.Errorf("account %q may not approve it: use one with approves: true (http.tokens in the configuration)", v.You.Account)
	case v.You.Person == "" && f.By == "":
		return usageError{fmt.Errorf("--by is required: the token %q is nobody's own. Or use your own token: $TOCSIN_TOKEN, --token-file", v.You.Account)}
	case f.BreakGlass:
		return nil
	case v.You.Person == "" && v.Approval.People > 1:
		return fmt.Errorf("it needs %d different people, each with a token of their own ($TOCSIN_TOKEN, --token-file), and %q is nobody's own", v.Approval.People, v.You.Account)
	case v.You.Person != "" && slices.ContainsFunc(v.Approval.Said, func(s ledger.ApprovalSaid) bool { return s.Word == ledger.SaidYes && s.SamePerson(&said) }):
		return fmt.Errorf("%s has approved it already; %s must", v.You.Person, morePeople(v.Approval.Missing))
	}
	return nil
}

// ask asks at a terminal; elsewhere nobody can answer, and otherwise says what to do then.
func (c *cli) ask(question, otherwise string) error {
	if r, ok := c.stdin.(io.Writer); !ok || !onTerminal(r) {
		return usageError{errors.New(otherwise)}
	}
	_, _ = fmt.Fprint(c.stderr, question+" [y/N] ")
	line, err := bufio.NewReader(c.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if said := strings.ToLower(strings.TrimSpace(line)); said != "y" && said != "yes" {
		return errors.New("not approved: it stays held. `tocsin refuse` stops it for all")
	}
	return nil
}

func (c *cli) refuseCommand() *cobra.Command {
	var f accountFlags
	var w httpapi.Word
	cmd := &cobra.Command{
		Use:     "refuse UPDATE",
		Short:   "Stop a held update: it is told to nobody, whoever else would approve it",
		Example: "  tocsin refuse 3 --why \"it names the wrong region\"",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			id, err := updateNumber(given[0])
			if err != nil {
				return err
			}
			if w.Why == "" {
				return usageError{errors.New("--why is required: whoever published it has to put it right")}
			}
			api, err := c.account(f)
			if err != nil {
				return err
			}
			defer api.Close()
			r, err := api.Refuse(cmd.Context(), id, w)
			if err != nil {
				return fmt.Errorf("update %d: %w", id, err)
			}
			c.say("update %d is told to nobody: %s. Publish it again, put right, as a new update", id, r.Reason)
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&w.By, "by", "", "name of the person who refuses, where the token is nobody's own")
	cmd.Flags().StringVar(&w.Why, "why", "", "for what reason")
	return cmd
}
