package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
)

type auditFlags struct {
	json      bool
	most      int
	head      string
	tolerance time.Duration
}

func (c *cli) auditCommand() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "audit [TEAM/ID]",
		Short: "Hold the ledger to what must always be true of it, row by row",
		Long: `Hold the ledger to what must always be true of it, row by row, for one incident or all: one
notification for each recipient, in a state that can be, sums that come out, nothing open that is
waited for in vain, no stale news, no channel without consent, texts as they were frozen, and a trail
whose hashes chain it together. It reads the ledger itself and changes nothing, while a server runs on
it or not. The exit status is 1 if anything is found; the rows are on the standard output.

It ends with the head of the trail. Noted where whoever holds the ledger can't reach it, and given to
a later audit as --expect-head, it shows that the trail's end was not cut off.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error { return c.audit(cmd.Context(), given, f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "as JSON")
	flags.IntVar(&f.most, "most", 20, "how many rows to show for each invariant, 0 for all; all are counted")
	flags.StringVar(&f.head, "expect-head", "", "head of the trail, as SEQ:HASH, that it must still contain")
	flags.DurationVar(&f.tolerance, "tolerance", audit.DefaultTolerance,
		"by how much times may be out of order; for a ledger with --time-scale, that much longer")
	return cmd
}

func (c *cli) audit(ctx context.Context, given []string, f auditFlags) (err error) {
	o := audit.Options{Most: f.most, Tolerance: f.tolerance}
	if f.most < 0 || f.tolerance < 0 {
		return usageError{errors.New("--most and --tolerance must not be less than 0")}
	}
	if f.head != "" {
		if err := o.Head.UnmarshalText([]byte(f.head)); err != nil {
			return usageError{fmt.Errorf("--expect-head: %w", err)}
		}
	}
	if len(given) > 0 {
		if o.Incident.Team, o.Incident.Incident, err = parseKey(given[0]); err != nil {
			return err
		}
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	l, done, err := app.OpenLedgerReadOnly(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if f.json {
		err = c.auditJSON(ctx, l, o)
	} else {
		err = c.auditText(ctx, l, o)
	}
	return noSuch(o.Incident.String(), err)
}

// auditText writes each row as it is found, and the summary.
func (c *cli) auditText(ctx context.Context, l audit.Ledger, o audit.Options) error {
	o.Found = func(v audit.Violation) { c.say("%s", violationLine(v)) }
	s, err := audit.Run(ctx, l, o)
	if err != nil {
		return err
	}
	if err := printAudit(c.stdout, &s); err != nil {
		return err
	}
	return auditError(&s)
}

func (c *cli) auditJSON(ctx context.Context, l audit.Ledger, o audit.Options) error {
	rows := []audit.Violation{}
	o.Found = func(v audit.Violation) { rows = append(rows, v) }
	s, err := audit.Run(ctx, l, o)
	if err != nil {
		return err
	}
	err = printJSON(c.stdout, struct {
		OK      bool              `json:"ok"`
		Summary audit.Summary     `json:"summary"`
		Rows    []audit.Violation `json:"rows"`
	}{s.Clean(), s, rows})
	return errors.Join(err, auditError(&s))
}

func auditError(s *audit.Summary) error {
	if s.Clean() {
		return nil
	}
	var total int64
	for _, n := range s.Violations {
		total += n
	}
	return fmt.Errorf("the audit has found %s violations", thousands(total))
}

// violationLine says what is wrong with a row, and what it should be.
func violationLine(v audit.Violation) string {
	var b strings.Builder
	b.WriteString(string(v.Invariant))
	if v.Incident != "" {
		b.WriteString(" " + v.Incident)
	}
	if v.Update != 0 {
		fmt.Fprintf(&b, " update %d", v.Update)
	}
	if v.Notification != 0 {
		fmt.Fprintf(&b, " notification %d", v.Notification)
	}
	fmt.Fprintf(&b, ": %s; want: %s", v.Is, v.Want)
	return b.String()
}

// printAudit says what was gone through and how often each invariant was not kept.
func printAudit(w io.Writer, s *audit.Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "audited: %s incidents, %s updates, %s notifications with %s attempts, %s batches, %s deadlines, %s texts, %s entries of the trail\n",
		thousands(s.Incidents), thousands(s.Updates), thousands(s.Notifications), thousands(s.Attempts), thousands(s.Batches),
		thousands(s.Deadlines), thousands(s.Texts), thousands(s.TrailEntries))
	fmt.Fprintf(&b, "head of the trail: %s\n", s.TrailHead)
	for _, i := range audit.Invariants() {
		if n := s.Violations[i]; n > 0 {
			fmt.Fprintf(&b, "%s: %s ✗\n", i, thousands(n))
		}
	}
	if s.Clean() {
		b.WriteString("everything is as it must be ✓\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// auditDemo audits a demo's ledger, whose time runs faster.
func (c *cli) auditDemo(ctx context.Context, w *world) (err error) {
	l, done, err := app.OpenLedgerReadOnly(ctx, &app.Config{DataDir: w.config.DataDir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	c.say("\nThe audit: what must be true of every row")
	return c.auditText(ctx, l, audit.Options{Most: 20, Tolerance: w.clock.Product(audit.DefaultTolerance)})
}
