package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// mostShown is how many findings of a kind are printed.
const mostShown = 12

// judge holds the ledger and the witness to the promises, and prints what came of the drill.
func (s *stage) judge(ctx context.Context, quiet time.Duration) error {
	violations, err := s.audit(ctx)
	if err != nil {
		return err
	}
	b, err := s.openBooks(ctx)
	if err != nil {
		return err
	}
	r := check(s.facts(b))
	s.print(&r, violations, quiet)
	failed := violations > 0 || len(r.findings) > 0
	if failed || s.Keep {
		err = s.keep(b, &r)
	}
	if failed {
		err = errors.Join(ErrFailed, err)
	}
	return err
}

// keep writes what the witness saw, and all findings, beside the logs.
func (s *stage) keep(b *books, r *result) error {
	var messages, findings bytes.Buffer
	for i := range b.messages {
		m := &b.messages[i]
		fmt.Fprintln(&messages, m.at.UTC().Format(time.RFC3339Nano), m.provider, m.address, m.recipient, m.mark, m.delivered)
	}
	for _, f := range r.findings {
		fmt.Fprintln(&findings, f.check+": "+f.what)
	}
	for _, n := range r.notes {
		fmt.Fprintln(&findings, "note: "+n)
	}
	return errors.Join(os.WriteFile(s.path("witness.txt"), messages.Bytes(), 0o600), os.WriteFile(s.path("findings.txt"), findings.Bytes(), 0o600))
}

// audit runs the audit that operators run.
func (s *stage) audit(ctx context.Context) (violations int64, err error) {
	err = s.reading(ctx, func(l audit.Ledger) error {
		sum, err := audit.Run(ctx, l, audit.Options{Tolerance: audit.DefaultTolerance, Most: mostShown, Found: func(v audit.Violation) {
			s.say("audit: %s %s update %d notification %d: %s; want: %s", v.Invariant, v.Incident, v.Update, v.Notification, v.Is, v.Want)
		}})
		for _, n := range sum.Violations {
			violations += n
		}
		return err
	})
	return violations, err
}

func (s *stage) facts(b *books) facts {
	f := facts{
		books: b, customers: s.customers, published: s.journal.published, faults: s.journal.faults,
		cancelled: map[int64]bool{}, inDoubt: s.inDoubt,
		lanes: s.names(func(r *role) bool { return r.roles == "lane" || r.roles == "all" }),
	}
	for _, o := range s.journal.orders {
		if o.Verb == ledger.Cancel {
			f.cancelled[o.Update] = true
		}
	}
	return f
}

// print says what the drill came to.
func (s *stage) print(r *result, violations int64, quiet time.Duration) {
	shown := map[string]int{}
	for _, f := range r.findings {
		if shown[f.check]++; shown[f.check] <= mostShown {
			s.say("✗ %s: %s", f.check, f.what)
		}
	}
	for _, check := range slices.Sorted(maps.Keys(shown)) {
		s.say("✗ %s: %d in all", check, shown[check])
	}
	kinds := map[Kind]int{}
	for i := range s.journal.faults {
		kinds[s.journal.faults[i].Kind]++
	}
	var list []string
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		list = append(list, fmt.Sprintf("%s %d", k, kinds[k]))
	}
	unasked := 0
	for _, p := range s.roles {
		unasked += p.endedUnasked()
	}
	c := &r.counts
	s.say("faults: %d (%s); %d left out", len(s.journal.faults), strings.Join(list, ", "), s.journal.dropped)
	s.say("processes that ended by themselves, and were started again: %d", unasked)
	s.say("updates: %d, notifications: %d, messages taken by providers: %d, delivered: %d", len(s.journal.published), c.notifications, c.messages, c.delivered)
	list = nil
	for _, o := range slices.Sorted(maps.Keys(c.outcomes)) {
		list = append(list, fmt.Sprintf("%s %d", o, c.outcomes[o]))
	}
	s.say("outcomes: %s", strings.Join(list, ", "))
	s.say("repeats: %d, of at most %d that %d crashes can have left in doubt; %d where nothing is to be repeated, %d before any fault",
		c.repeats, c.repeatBound, c.crashes, c.minorRepeats, c.calmRepeats)
	s.say("reached on two channels: %d", c.doubleReach)
	s.say("older news sent more than %v after newer was planned: %d, at most %.1fs after; %d without a fault that held up the word",
		staleAfter, c.stale, c.latest.Seconds(), c.staleBeyond)
	s.say("audit: %d violations", violations)
	verdict := "everything holds ✓"
	if violations > 0 || len(r.findings) > 0 {
		verdict = "the drill has FAILED ✗"
	}
	s.say("%s set-up, quiet after %.1fs, seed %d: %s", s.Setup, quiet.Seconds(), s.Seed, verdict)
}
