package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// How much a list shows.
const (
	listIncidents  = 50
	listRejections = 10
)

type incidentsFlags struct{ watch, json bool }

func (c *cli) incidentsCommand() *cobra.Command {
	var f incidentsFlags
	cmd := &cobra.Command{
		Use:     "incidents [TEAM/ID]",
		Aliases: []string{"incident"},
		Short:   "List incidents and refused updates, or show one incident",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			ctx := cmd.Context()
			if f.watch {
				return c.watch(ctx, given)
			}
			b, zone, done, err := c.openBooks(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			if len(given) == 1 {
				return c.oneIncident(ctx, b, zone, given[0], f)
			}
			return c.allIncidents(ctx, b, zone, f)
		},
	}
	cmd.Flags().BoolVar(&f.watch, "watch", false, "go on showing what changes; needs a running server")
	cmd.Flags().BoolVar(&f.json, "json", false, "as JSON")
	return cmd
}

// parseKey takes TEAM/ID apart.
func parseKey(s string) (team, id string, err error) {
	team, id, ok := strings.Cut(s, "/")
	if !ok || team == "" || id == "" {
		return "", "", usageError{fmt.Errorf("%q: want TEAM/ID, as `tocsin incidents` shows them", s)}
	}
	return team, id, nil
}

// noSuch says more of an incident that there isn't.
func noSuch(key string, err error) error {
	if errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("no incident %s; `tocsin incidents` lists them", key)
	}
	return err
}

func (c *cli) oneIncident(ctx context.Context, b books, zone *time.Location, key string, f incidentsFlags) error {
	team, id, err := parseKey(key)
	if err != nil {
		return err
	}
	s, err := b.Incident(ctx, team, id)
	if err != nil {
		return noSuch(key, err)
	}
	if f.json {
		return printJSON(c.stdout, s)
	}
	return printIncident(c.stdout, s, zone)
}

func (c *cli) allIncidents(ctx context.Context, b books, zone *time.Location, f incidentsFlags) error {
	list, err := b.Incidents(ctx, listIncidents)
	if err != nil {
		return err
	}
	rejections, err := b.Rejections(ctx, listRejections)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(c.stdout, struct {
			Incidents  []ledger.IncidentSummary `json:"incidents"`
			Rejections []ledger.Rejection       `json:"rejections"`
		}{list, rejections})
	}
	return errors.Join(printIncidents(c.stdout, list, zone), printOverdue(c.stdout, list, time.Now(), zone), printRejections(c.stdout, rejections, zone))
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func printIncidents(w io.Writer, list []ledger.IncidentSummary, zone *time.Location) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no incidents")
		return err
	}
	t := newTable(w)
	_, _ = fmt.Fprintln(t, "INCIDENT\tKIND\tIMPACT\tSTATUS\tSINCE\tUPDATES\tAUDIENCE\tREACHED\tOPEN\tLAST CHANGE")
	for i := range list {
		s := &list[i]
		sum := sumUp(s)
		_, _ = fmt.Fprintf(t, "%s/%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", s.Team, s.ID, s.Kind, s.Impact, standing(&s.Incident),
			clockTime(s.StartedAt, zone), s.Updates, thousands(sum.audience), thousands(sum.reached), thousands(sum.open), clockTime(s.ChangedAt, zone))
	}
	return t.Flush()
}

// sums are over all updates of an incident.
type sums struct{ audience, reached, open int64 }

func sumUp(s *ledger.IncidentSummary) sums {
	var sum sums
	for i := range s.Progress {
		u := &s.Progress[i]
		sum.audience += u.Audience
		sum.reached += u.Count("*", notification.Reached.String())
		sum.open += u.Open
	}
	return sum
}

func printRejections(w io.Writer, list []ledger.Rejection, zone *time.Location) error {
	if len(list) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("\nrefused updates:\n")
	for _, r := range list {
		fmt.Fprintf(&b, "  %s  %s\n", clockTime(r.At, zone), r.Team)
		for _, f := range r.Faults {
			fmt.Fprintf(&b, "    %s\n", f)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printIncident(w io.Writer, s ledger.IncidentSummary, zone *time.Location) error {
	_, _ = fmt.Fprintf(w, "%s/%s: %s, %s, %s\n%s\n", s.Team, s.ID, s.Kind, s.Impact, standing(&s.Incident), since(&s.Incident, zone))
	for _, line := range append(promiseLines(&s, time.Now(), zone), holds(&s)...) {
		_, _ = fmt.Fprintln(w, line)
	}
	_, _ = fmt.Fprintln(w)
	t := newTable(w)
	_, _ = fmt.Fprintln(t, "UPDATE\tSTATUS\tCAME\tSTATE\tAUDIENCE\tREACHED\tOPEN\tAPPROVED BY")
	for i := range s.Progress {
		u := &s.Progress[i]
		state := words(string(u.State))
		if u.Paused {
			state += ", paused"
		}
		if u.Recalling {
			state += ", being recalled"
		}
		if u.Dropped {
			state += ", recipients not kept"
		}
		if u.Reason != "" {
			state += " (" + u.Reason + ")"
		}
		_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", u.ID, words(string(u.Status)), clockTime(u.ReceivedAt, zone), state,
			thousands(u.Audience), thousands(u.Count("*", notification.Reached.String())), thousands(u.Open), approvers(u))
	}
	return t.Flush()
}

// approvers says who let an update go, or who has approved it so far.
func approvers(u *ledger.UpdateProgress) string {
	if u.State != ledger.Held || u.Approval == nil {
		return orNone(u.ApprovedBy)
	}
	return orNone(approvedBy(u.Approval.Said)) + ", waits for " + morePeople(u.Approval.Missing)
}

// holds says what keeps an incident's messages from leaving.
func holds(s *ledger.IncidentSummary) []string {
	var lines []string
	if s.Paused {
		lines = append(lines, "PAUSED: nothing is planned or sent until `tocsin resume`")
	}
	if line := budgetLine(s.Spending); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// budgetLine says what an incident has spent of its budget, "" if it has none.
func budgetLine(s ledger.Spending) string {
	switch {
	case s.Waiting > 0:
		return fmt.Sprintf("BUDGET SPENT: %s of %s SMS segments; messages of %s more wait until `tocsin budget` raises it",
			thousands(s.Spent), thousands(s.Cap), thousands(s.Waiting))
	case s.Cap > 0:
		return fmt.Sprintf("budget: %s of %s SMS segments spent", thousands(s.Spent), thousands(s.Cap))
	default:
		return ""
	}
}

// standing says where an incident stands.
func standing(i *incident.Incident) string {
	if i.MergedInto == "" {
		return words(string(i.Status))
	}
	return words(string(i.Status)) + ", merged into " + i.MergedInto
}

// since says from when to when an incident lasts.
func since(i *incident.Incident, zone *time.Location) string {
	line := "since " + clockTime(i.StartedAt, zone)
	if i.ResolvedAt != nil {
		line += ", until " + clockTime(*i.ResolvedAt, zone)
	}
	if i.NextUpdateAt != nil && !i.Over() {
		line += ", next update promised by " + clockTime(*i.NextUpdateAt, zone)
	}
	return line
}
