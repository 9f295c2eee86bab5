package dispatcher

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// TestPlannerGoesOnBehindAFailure: an update whose planning fails again and again keeps only its own
// incident waiting.
func TestPlannerGoesOnBehindAFailure(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 4)
	for n, key := range []string{"broken", "broken", "cards", "loans"} {
		u := testUpdate(n + 1)
		u.Incident = key
		record(t, l, u, testTexts(channels.SMS, channels.Email))
	}
	p, pl := newPlanner(l, 10)
	failed := make(chan struct{}, 100)
	pl.refuse = func(update int64) error {
		if update != 1 {
			return nil
		}
		select {
		case failed <- struct{}{}:
		default:
		}
		p.Planned.Wake() // the next round begins at once
		return errDown
	}
	stop := runs(t, p.Run)
	await(t, "the first of those behind", pl.last)
	await(t, "the second of those behind", pl.last)
	for range 3 { // it is tried again
		await(t, "a failure", failed)
	}
	stop()
	for id, want := range []ledger.UpdateState{1: ledger.Planning, ledger.Approved, ledger.Sending, ledger.Sending} {
		if want == "" {
			continue
		}
		if u, err := l.Update(t.Context(), int64(id)); err != nil || u.State != want {
			t.Errorf("update %d is %s, %v; want %s", id, u.State, err, want)
		}
	}
}

// TestPlannerTellsOfUnknownRecipients: who is named and not in the directory is counted, and said.
func TestPlannerTellsOfUnknownRecipients(t *testing.T) {
	for _, tt := range []struct {
		named   []string
		unknown int
		reason  string
	}{
		{nil, 0, ""},
		{[]string{"c-1", "c-2"}, 0, ""},
		{[]string{"c-1", "x", "y", "c-2", "x"}, 2, "2 of 4 named customers are not in the directory"},
		{[]string{"x"}, 1, ledger.NobodyAffected + "; 1 of 1 named customers are not in the directory"},
	} {
		t.Run(fmt.Sprint(tt.named), func(t *testing.T) {
			l := openLedger(t)
			customers(t, l, 1, 5)
			u := testUpdate(1)
			u.Affects.Services, u.Affects.Recipients = nil, tt.named
			record(t, l, u, testTexts(channels.SMS, channels.Email))
			p := planAll(t, l, 2)
			if got := progress(t, l); got.Reason != tt.reason {
				t.Errorf("reason %q, want %q", got.Reason, tt.reason)
			}
			if n := testutil.ToFloat64(p.Metrics.unknown); n != float64(tt.unknown) {
				t.Errorf("%v unknown counted, want %d", n, tt.unknown)
			}
		})
	}
}
