package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// mostShown is how many findings of a kind are printed.
const mostShown = 12

// judge holds the ledger and the witness to the promises, and prints what came of the drill.
func (s *stage) judge(ctx context.Context, quiet time.Duration, quietAt time.Time, recalled map[int64]bool) error {
	violations, err := s.audit(ctx)
	if err != nil {
		return err
	}
	b, err := s.openBooks(ctx)
	if err != nil {
		return err
	}
	b.quiet = quietAt
	f, err := s.facts(b)
	if err != nil {
		return err
	}
	f.recalled = recalled
	r := check(f)
	s.print(b, &r, violations, quiet)
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

func (s *stage) facts(b *books) (facts, error) {
	held, err := s.tenures()
	if err != nil {
		return facts{}, err
	}
	f := facts{
		books: b, customers: s.customers, published: s.journal.published, faults: s.journal.faults,
		cancelled: map[int64]bool{}, inDoubt: s.inDoubt, public: s.postsOn, recallable: s.recallable,
		lanes:   s.names(func(r *role) bool { return r.roles == "lane" || r.roles == "all" }),
		tenures: held,
	}
	for _, o := range s.journal.orders {
		if o.Verb == ledger.Cancel || o.Verb == ledger.Recall {
			f.cancelled[o.Update] = true
		}
	}
	return f, nil
}
