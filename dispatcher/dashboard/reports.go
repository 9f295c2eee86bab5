package dashboard

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// reports keeps the last report of each incident that is looked at. A report is counted row by row,
// which may take seconds for a large audience, while a live page asks twice a second: so one is made
// again only when the incident has changed, and at most a tenth of the time is spent on it.
type reports struct {
	ledger Reader
	mu     sync.Mutex // held while counting
	kept   map[string]keptReport
}

type keptReport struct {
	report ledger.Report
	state  string    // of the incident when it was counted
	until  time.Time // machine time before which it isn't counted again
}

// maxKept bounds the reports kept.
const maxKept = 64

// of returns the report of an incident, which may be somewhat older than the incident given.
func (r *reports) of(ctx context.Context, s *ledger.IncidentSummary) (ledger.Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key, state := s.Team+"/"+s.ID, fingerprint(s)
	begun := time.Now()
	if k, ok := r.kept[key]; ok && (k.state == state || begun.Before(k.until)) {
		return k.report, nil
	}
	report, err := r.ledger.Report(ctx, s.Team, s.ID)
	if err != nil {
		return report, err
	}
	if r.kept == nil || len(r.kept) >= maxKept {
		r.kept = map[string]keptReport{}
	}
	now := time.Now()
	r.kept[key] = keptReport{report: report, state: state, until: now.Add(9 * now.Sub(begun))}
	return report, nil
}

// fingerprint changes whenever a count or a state of the incident does.
func fingerprint(s *ledger.IncidentSummary) string {
	var b strings.Builder
	for i := range s.Progress {
		u := &s.Progress[i]
		fmt.Fprint(&b, u.ID, u.State, u.Audience, u.Open, u.Tallies, ";")
	}
	return b.String()
}
