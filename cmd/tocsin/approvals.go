package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

func (c *cli) approvalsCommand() *cobra.Command {
	var f accountFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "approvals",
		Short: "List the updates that wait for approval, and how long they still wait",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			zone, err := c.zone()
			if err != nil {
				return err
			}
			api, err := c.account(f)
			if err != nil {
				return err
			}
			defer api.Close()
			held, asOf, err := api.HeldUpdates(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.stdout, held)
			}
			return printHeld(c.stdout, held, asOf, zone)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// zone is the configured one, in which times are said.
func (c *cli) zone() (*time.Location, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil {
		return nil, fmt.Errorf("zone: %w", err)
	}
	return zone, nil
}

func printHeld(w io.Writer, held []ledger.HeldUpdate, asOf time.Time, zone *time.Location) error {
	if len(held) == 0 {
		_, err := fmt.Fprintln(w, "no update waits for approval")
		return err
	}
	t := newTable(w)
	_, _ = fmt.Fprintln(t, "UPDATE\tINCIDENT\tSTATUS\tIMPACT\tCAME\tWAITS FOR\tAPPROVED BY\tOTHERWISE")
	for i := range held {
		h := &held[i]
		_, _ = fmt.Fprintf(t, "%d\t%s/%s\t%s\t%s\t%s\t%s\t%s\t%s\n", h.ID, h.Team, h.Incident, words(string(h.Status)), h.Impact,
			clockTime(h.ReceivedAt, zone), morePeople(h.Missing), orNone(approvedBy(h.Said)), otherwise(&h.ApprovalStanding, asOf))
	}
	return t.Flush()
}

// morePeople says how many approvals are missing.
func morePeople(n int) string {
	switch n {
	case 1:
		return "one person"
	case 2:
		return "two people"
	}
	return fmt.Sprintf("%d people", n)
}

// approvedBy names those who have approved.
func approvedBy(said []ledger.ApprovalSaid) string {
	var names []string
	for i := range said {
		if said[i].Word == ledger.SaidYes {
			names = append(names, said[i].By)
		}
	}
	return strings.Join(names, ", ")
}

// wordsSaid is everything that was said of an update, in a line.
func wordsSaid(said []ledger.ApprovalSaid) string {
	lines := make([]string, len(said))
	for i := range said {
		lines[i] = said[i].Line()
	}
	return strings.Join(lines, "; ")
}

// otherwise says what becomes of a held update that nobody approves.
func otherwise(s *ledger.ApprovalStanding, asOf time.Time) string {
	what := map[playbook.TimedOut]string{playbook.SendIt: "SENT", playbook.DropIt: "dropped"}[s.Then]
	switch left := s.Due.Sub(asOf); {
	case s.Due.IsZero():
		return "waits"
	case left <= 0:
		return what + " now"
	default:
		return what + " in " + span(left)
	}
}
