package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

type reportFlags struct{ json, csv bool }

func (c *cli) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report TEAM/ID",
		Short: "Say who was reached, how, how soon, and who was not",
		Long: `Say who was reached of an incident's updates, how, how soon, and who was not. The exit
status is 1 if a sum does not come out: then somebody is unaccounted for, or still open.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error { return c.report(cmd, given[0], f) },
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "as JSON")
	cmd.Flags().BoolVar(&f.csv, "csv", false, "a line for each customer and update, as CSV; needs a running server")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	return cmd
}

func (c *cli) report(cmd *cobra.Command, key string, f reportFlags) (err error) {
	ctx := cmd.Context()
	team, id, err := parseKey(key)
	if err != nil {
		return err
	}
	if f.csv {
		api, err := c.api()
		if err != nil {
			return err
		}
		return noSuch(key, api.ReportCSV(ctx, team, id, c.stdout))
	}
	b, zone, done, err := c.openBooks(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	r, err := b.Report(ctx, team, id)
	if err != nil {
		return noSuch(key, err)
	}
	if f.json {
		err = printJSON(c.stdout, r)
	} else {
		err = printReport(c.stdout, r, zone)
	}
	if err == nil && !r.Balanced {
		err = fmt.Errorf("the report of %s does not balance", key)
	}
	return err
}

// printReport writes a report for people.
func printReport(w io.Writer, r ledger.Report, zone *time.Location) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s: %s, %s, %s\n", r.Team, r.Incident, r.Kind, r.Impact, words(string(r.Status)))
	fmt.Fprintf(&b, "%s\n", firstNotice(&r, zone))
	if line := budgetLine(r.Spending); line != "" {
		fmt.Fprintf(&b, "%s\n", line)
	}
	for i := range r.Updates {
		b.WriteString("\n")
		if err := printUpdate(&b, &r.Updates[i], zone); err != nil {
			return err
		}
		if wasRecalled(&r.Updates[i], r.Orders) {
			fmt.Fprintf(&b, "  %s\n", recallLine(&r.Updates[i]))
		}
	}
	printOrders(&b, r.Orders, zone)
	_, err := io.WriteString(w, b.String())
	return err
}

// printOrders says what operators ordered.
func printOrders(b *strings.Builder, all []ledger.OrderReport, zone *time.Location) {
	if len(all) > 0 {
		b.WriteString("\norders\n")
	}
	for _, o := range all {
		result := o.Result
		if o.Refused {
			result = "refused: " + result
		}
		fmt.Fprintf(b, "  %s  %s, %s (%s): %s\n", clockTime(o.At, zone), o.Verb, o.By, o.Why, result)
	}
}

// firstNotice holds the first word against the hour within which customers expect it.
func firstNotice(r *ledger.Report, zone *time.Location) string {
	switch d := r.FirstNotice.Duration(); {
	case r.FirstNoticeAt.IsZero():
		return "nobody has been told yet"
	case r.FirstNotice == 0:
		return "first notice " + clockTime(r.FirstNoticeAt, zone)
	case d <= time.Hour:
		return fmt.Sprintf("first notice %s, %s after it began: within the hour ✓", clockTime(r.FirstNoticeAt, zone), span(d))
	default:
		return fmt.Sprintf("first notice %s, %s after it began: later than an hour ✗", clockTime(r.FirstNoticeAt, zone), span(d))
	}
}

func printUpdate(b *strings.Builder, u *ledger.UpdateReport, zone *time.Location) error {
	fmt.Fprintf(b, "update %d  %s  %s\n", u.ID, clockTime(u.ReceivedAt, zone), words(string(u.Status)))
	if u.Approval != nil && len(u.Approval.Said) > 0 {
		fmt.Fprintf(b, "  %s\n", wordsSaid(u.Approval.Said))
	}
	if u.State == ledger.NotAnnounced {
		fmt.Fprintf(b, "  not announced: %s\n", u.Reason)
		return nil
	}
	if err := printChannels(b, u.Channels); err != nil {
		return err
	}
	lines := []string{proofLine(u), fallbackLine(u), missedLine(u), paceLine(u), smsLine(u), balanceLine(&u.Balance)}
	for _, line := range append(lines, forecastLines(u.Forecast)...) {
		if line != "" {
			fmt.Fprintf(b, "  %s\n", line)
		}
	}
	return nil
}

func printChannels(w io.Writer, all []ledger.ChannelReport) error {
	if len(all) == 0 {
		return nil
	}
	t := newFigures(w)
	width := len("channel")
	for i := range all {
		width = max(width, len(all[i].Channel))
	}
	_, _ = fmt.Fprintln(t, left("channel", width)+"\tplanned\ttried\taccepted\tdelivered\tread\tfailed\texpired\tunknown\trevoked\treturned\treached\tby fallback\t")
	for i := range all {
		c := &all[i]
		row := []string{left(c.Channel, width)}
		for _, n := range []int64{c.Planned, c.Attempts, c.Accepted, c.Delivered, c.Read, c.Failed, c.Expired, c.Unknown, c.Revoked, c.Returned, c.Reached, c.Fallback} {
			row = append(row, figure(n))
		}
		_, _ = fmt.Fprintf(t, "%s\t\n", strings.Join(row, "\t"))
	}
	return t.Flush()
}

// proofLine says how sure it is that people were reached.
func proofLine(u *ledger.UpdateReport) string {
	var parts []string
	for _, o := range u.Outcomes {
		if o.Outcome == notification.Reached.String() {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", thousands(o.Count), o.Channel, o.Proof))
		}
	}
	return prefixed("reached: ", parts)
}

// fallbackLine says what the first channel alone would have missed, and who heard it twice.
func fallbackLine(u *ledger.UpdateReport) string {
	return fmt.Sprintf("reached only by fallback: %s; reached twice: %s; perhaps sent twice after a crash: %s",
		thousands(u.ReachedByFallback), thousands(u.DoubleReach), thousands(u.Repeats))
}

// missedLine says who was not reached, and why.
func missedLine(u *ledger.UpdateReport) string {
	var parts []string
	for _, o := range u.Outcomes {
		switch o.Outcome {
		case notification.Unreachable.String(), notification.Suppressed.String(), notification.Superseded.String():
			parts = append(parts, fmt.Sprintf("%s %s (%s)", thousands(o.Count), o.Outcome, words(o.Reason)))
		}
	}
	return prefixed("not reached: ", parts)
}

func prefixed(prefix string, parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return prefix + strings.Join(parts, ", ")
}

// paceLine says how soon people had the news.
func paceLine(u *ledger.UpdateReport) string {
	if u.Balance.Reached == 0 {
		return ""
	}
	return fmt.Sprintf("time to reach: half within %s, 95%% within %s, the last after %s",
		span(u.P50.Duration()), span(u.P95.Duration()), span(u.Max.Duration()))
}

func smsLine(u *ledger.UpdateReport) string {
	if u.Segments == 0 {
		return ""
	}
	return "SMS segments: " + thousands(u.Segments)
}

// balanceLine is the sum that must come out.
func balanceLine(b *ledger.Balance) string {
	sum := b.Reached + b.Unreachable + b.Suppressed + b.Superseded
	line := fmt.Sprintf("balance: %s reached + %s unreachable + %s suppressed + %s superseded = %s of %s",
		thousands(b.Reached), thousands(b.Unreachable), thousands(b.Suppressed), thousands(b.Superseded), thousands(sum), thousands(b.Audience))
	switch {
	case b.OK:
		return line + "  ✓"
	case b.Open > 0:
		return line + fmt.Sprintf("  ✗ %s still open", thousands(b.Open))
	case !b.TalliesAgree:
		return line + "  ✗ the running counts say otherwise"
	}
	return line + "  ✗"
}
