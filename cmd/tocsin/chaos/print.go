package chaos

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// print says what the drill came to.
func (s *stage) print(b *books, r *result, violations int64, quiet time.Duration) {
	s.printFindings(r)
	s.printFaults()
	c := &r.counts
	s.say("updates: %d, notifications: %d, messages taken by providers: %d, delivered: %d", len(s.journal.published), c.notifications, c.messages, c.delivered)
	s.say("outcomes: %s", listed(c.outcomes))
	s.say("repeats: %d, of at most %d messages that %d crashes can have left in doubt, taken up to %.2fs before; %d where nothing is to be repeated, %d before any fault",
		c.repeats, c.repeatBound, c.crashes, max(0, c.unrecorded).Seconds(), c.minorRepeats, c.calmRepeats)
	s.say("attempts made although they were in doubt, by the ledger: %d; most had not left before, as the providers say", b.repeated)
	s.say("unreachable by the ledger, though a provider delivered, and word of it was lost: %d", c.unheard)
	s.say("reached on two channels: %d", c.doubleReach)
	s.say("updates recalled: %d; messages taken back: %d, that can't be: %d, that a fault left without a name: %d", c.recalledUpdates, c.recalled, c.kept, c.unnamed)
	s.say("older news sent more than %v after newer was planned: %d, at most %.1fs after; %d without a fault that held up the word",
		staleAfter, c.stale, c.latest.Seconds(), c.staleBeyond)
	s.say("audit: %d violations", violations)
	verdict := "everything holds ✓"
	if violations > 0 || len(r.findings) > 0 {
		verdict = "the drill has FAILED ✗"
	}
	s.say("%s set-up, quiet after %.1fs, %.1fs after the last message, seed %d: %s",
		s.Setup, quiet.Seconds(), b.quiet.Sub(b.last()).Seconds(), s.Seed, verdict)
}

// printFindings prints what was found, some of each check's.
func (s *stage) printFindings(r *result) {
	shown := map[string]int{}
	for _, f := range r.findings {
		if shown[f.check]++; shown[f.check] <= mostShown {
			s.say("✗ %s: %s", f.check, f.what)
		}
	}
	if len(shown) > 0 {
		s.say("✗ found in all: %s", listed(shown))
	}
}

// printFaults prints how many faults of each kind there were.
func (s *stage) printFaults() {
	kinds := map[Kind]int{}
	for i := range s.journal.faults {
		kinds[s.journal.faults[i].Kind]++
	}
	unasked := 0
	for _, p := range s.roles {
		unasked += p.endedUnasked()
	}
	s.say("faults: %d (%s); %d left out", len(s.journal.faults), listed(kinds), s.journal.dropped)
	s.say("processes that ended by themselves, and were started again: %d", unasked)
	for _, w := range s.lastWords() {
		s.say("  %s", w)
	}
}

// lastWords are what programs said on their error output as they ended by themselves, each once with how
// often; without what may be different each time.
func (s *stage) lastWords() []string {
	counts := map[string]int{}
	for _, p := range s.roles {
		f, err := os.Open(p.log)
		if err != nil {
			continue // it was never started
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if said, ok := strings.CutPrefix(lines.Text(), "tocsin: "); ok {
				counts[said]++
			}
		}
		_ = f.Close()
	}
	var all []string
	for said, n := range counts {
		all = append(all, fmt.Sprintf("%d × %s", n, said))
	}
	slices.Sort(all)
	return all
}

// listed writes counts in a line.
func listed[K cmp.Ordered](counts map[K]int) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%v %d", k, counts[k]))
	}
	return strings.Join(all, ", ")
}
