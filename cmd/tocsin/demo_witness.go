package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// claim is what the reports say of one channel.
type claim struct{ accepted, unknown, delivered int64 }

// claims adds up what the reports say, by channel.
func claims(reports []ledger.Report) map[string]claim {
	all := map[string]claim{}
	for i := range reports {
		for j := range reports[i].Updates {
			for _, c := range reports[i].Updates[j].Channels {
				sum := all[c.Channel]
				all[c.Channel] = claim{sum.accepted + c.Accepted, sum.unknown + c.Unknown, sum.delivered + c.Delivered}
			}
		}
	}
	return all
}

// holds compares a claim with what the provider itself counted: it accepted what the reports say,
// or besides what they call unknown; it delivered at least what they call delivered; and nobody got
// the same text twice.
func (c claim) holds(t sandbox.Tally) bool {
	accepted, delivered := int64(t.Accepted), int64(t.Delivered)
	return c.accepted <= accepted && accepted <= c.accepted+c.unknown && c.delivered <= delivered && t.Repeats == 0
}

// witness prints what the simulated providers counted, by themselves, beside what the reports say,
// and fails if the two don't agree, somebody was told the same thing twice, or a report does not
// balance. Providers of channels that nobody in the story has are left out.
func (c *cli) witness(ctx context.Context, w *world, reports []ledger.Report) error {
	var counts map[string]sandbox.Tally
	if err := w.control(ctx, http.MethodGet, "/sandbox/counts", nil, &counts); err != nil {
		return err
	}
	c.say("\nThe witness: what the simulated providers counted themselves")
	good := true
	said := claims(reports)
	t, width := newFigures(c.stdout), 0
	for _, ch := range w.config.Channels {
		width = max(width, len(ch.Provider))
	}
	_, _ = fmt.Fprintln(t, left("provider", width)+"\taccepted\tdelivered\trefused\trepeats\treport: accepted\tdelivered\tunknown\t\t")
	for _, channel := range slices.Sorted(maps.Keys(w.config.Channels)) {
		provider := w.config.Channels[channel].Provider
		n, s := counts[provider], said[channel]
		if s == (claim{}) && n == (sandbox.Tally{}) {
			continue
		}
		mark := "✓"
		if !s.holds(n) {
			mark, good = "✗", false
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t\n", left(provider, width), figure(int64(n.Accepted)), figure(int64(n.Delivered)),
			figure(int64(n.Refused)), n.Repeats, figure(s.accepted), figure(s.delivered), figure(s.unknown), mark)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return c.verdict(good, reports)
}

func (c *cli) verdict(agreed bool, reports []ledger.Report) error {
	var errs []error
	for i := range reports {
		if !reports[i].Balanced {
			errs = append(errs, fmt.Errorf("the report of %s/%s does not balance", reports[i].Team, reports[i].Incident))
		}
	}
	if !agreed {
		errs = append(errs, errors.New("the providers counted something else than the reports say, or a message twice"))
	}
	if len(errs) == 0 {
		c.say("\nEverybody is accounted for, and nobody was told the same thing twice ✓")
	}
	return errors.Join(errs...)
}
