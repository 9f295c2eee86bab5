package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

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

// counted is what the providers counted themselves, by provider.
func (w *world) counted(ctx context.Context) (map[string]sandbox.Tally, error) {
	var counts map[string]sandbox.Tally
	if err := w.control(ctx, http.MethodGet, "/sandbox/counts", nil, &counts); err != nil {
		return nil, err
	}
	for _, e := range w.entries {
		if e.Simulator.Count == nil {
			continue
		}
		t, err := e.Simulator.Count(w.files(e))
		if err != nil {
			return nil, fmt.Errorf("the files of %s: %w", e.Spec.Provider, err)
		}
		counts[e.Spec.Provider] = t
	}
	return counts, nil
}

// testimony is one row of the witness's table: what all providers of a channel counted together, or one of
// several of them.
type testimony struct {
	name   string
	counts sandbox.Tally
	share  bool // of one provider
	said   claim
}

// testify sets what was counted beside what was said, channel by channel, the shares of its providers above
// a channel that has several. Channels of which there is neither are left out.
func testify(channels map[string]demoChannel, counts map[string]sandbox.Tally, said map[string]claim) []testimony {
	var rows []testimony
	for _, channel := range slices.Sorted(maps.Keys(channels)) {
		all := testimony{name: channel, said: said[channel]}
		providers := channels[channel].Providers
		for _, p := range providers {
			n := counts[p.Provider]
			all.counts.Accepted += n.Accepted
			all.counts.Delivered += n.Delivered
			all.counts.Refused += n.Refused
			all.counts.Repeats += n.Repeats
			if len(providers) > 1 {
				rows = append(rows, testimony{name: p.Provider, counts: n, share: true})
			}
		}
		if all.counts != (sandbox.Tally{}) || all.said != (claim{}) {
			rows = append(rows, all)
		}
	}
	return rows
}

// unused are the providers that were given nothing: that refused nothing either, nor kept anybody waiting
// for an answer.
func unused(channels map[string]demoChannel, counts map[string]sandbox.Tally, said map[string]claim) []string {
	var names []string
	for name, ch := range channels {
		for _, p := range ch.Providers {
			if counts[p.Provider] == (sandbox.Tally{}) && said[name].unknown == 0 {
				names = append(names, p.Provider)
			}
		}
	}
	slices.Sort(names)
	return names
}

// witness prints what the simulated providers counted, by themselves, beside what the reports say,
// and fails if the two don't agree, somebody was told the same thing twice, or a report does not
// balance; and where every provider is to be used, if one was not.
func (c *cli) witness(ctx context.Context, w *world, reports []ledger.Report, every bool) error {
	counts, err := w.counted(ctx)
	if err != nil {
		return err
	}
	c.say("\nThe witness: what the simulated providers counted themselves")
	said := claims(reports)
	rows := testify(w.config.Channels, counts, said)
	if err := printTestimony(c.stdout, rows); err != nil {
		return err
	}
	good := !slices.ContainsFunc(rows, func(r testimony) bool { return !r.share && !r.said.holds(r.counts) })
	var errs []error
	if names := unused(w.config.Channels, counts, said); every && len(names) > 0 {
		errs = append(errs, fmt.Errorf("nothing went out through %s", strings.Join(names, ", ")))
	}
	return c.verdict(good, reports, errs)
}

func printTestimony(out io.Writer, rows []testimony) error {
	t, width := newFigures(out), 0
	for _, r := range rows {
		width = max(width, len(r.name)+1)
	}
	_, _ = fmt.Fprintln(t, left("channel", width)+"\taccepted\tdelivered\trefused\trepeats\treport: accepted\tdelivered\tunknown\t\t")
	for _, r := range rows {
		counts := fmt.Sprintf("%s\t%s\t%s\t%d", figure(int64(r.counts.Accepted)), figure(int64(r.counts.Delivered)), figure(int64(r.counts.Refused)), r.counts.Repeats)
		if r.share {
			_, _ = fmt.Fprintf(t, "%s\t%s\t\t\t\t\t\n", left(" "+r.name, width), counts)
			continue
		}
		mark := "✓"
		if !r.said.holds(r.counts) {
			mark = "✗"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t\n", left(r.name, width), counts, figure(r.said.accepted), figure(r.said.delivered), figure(r.said.unknown), mark)
	}
	return t.Flush()
}

func (c *cli) verdict(agreed bool, reports []ledger.Report, errs []error) error {
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
