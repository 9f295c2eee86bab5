package dashboard

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := number(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 1500 * time.Millisecond: "1 s", 59 * time.Second: "59 s", time.Minute: "1 min", 61 * time.Second: "1 min 01 s",
		35*time.Minute + 10*time.Second: "35 min", 65 * time.Minute: "1 h 05 min", 26 * time.Hour: "1 d 2 h", -time.Minute: "1 min",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestFirstNote(t *testing.T) {
	began := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	outage := incident.Incident{Kind: incident.Outage, Status: incident.Investigating, StartedAt: began}
	work := incident.Incident{Kind: incident.Maintenance, Status: incident.InProgress, StartedAt: began}
	over := outage
	over.Status = incident.Resolved
	for _, tt := range []struct {
		i     incident.Incident
		first time.Duration // after it began; 0 is never
		now   time.Duration
		want  string
		bad   bool
	}{
		{outage, 0, 59 * time.Minute, "none yet", false},
		{outage, 0, 61 * time.Minute, "none yet", true},
		{outage, 20 * time.Minute, 2 * time.Hour, "after 20 min", false},
		{outage, 61 * time.Minute, 2 * time.Hour, "after 1 h 01 min", true},
		{outage, -time.Minute, 2 * time.Hour, "after 0 ms", false},
		{over, 0, 2 * time.Hour, "none", true},
		{work, 0, 2 * time.Hour, "none yet", false},
		{work, -26 * time.Hour, 2 * time.Hour, "1 d 2 h ahead", false},
		{work, 5 * time.Minute, 2 * time.Hour, "5 min late", true},
	} {
		first := time.Time{}
		if tt.first != 0 {
			first = began.Add(tt.first)
		}
		if got := firstNote(tt.i, first, began.Add(tt.now)); got.Text != tt.want || got.Bad != tt.bad {
			t.Errorf("%s %s, first after %v, now %v: %+v", tt.i.Kind, tt.i.Status, tt.first, tt.now, got)
		}
	}
}

// slow is a ledger whose reports take a while.
type slow struct {
	Reader
	asked int
}

func (s *slow) Report(context.Context, string, string) (ledger.Report, error) {
	s.asked++
	time.Sleep(time.Second) // of the bubble's time
	return ledger.Report{StartedAt: time.Now()}, nil
}

// TestReportsAreRationed: one report a second would be all that a large ledger does.
func TestReportsAreRationed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &slow{}
		r := reports{ledger: l}
		s := ledger.IncidentSummary{Progress: []ledger.UpdateProgress{{ID: 1}}}
		ask := func(wait time.Duration, want int) {
			t.Helper()
			time.Sleep(wait)
			if _, err := r.of(t.Context(), &s); err != nil || l.asked != want {
				t.Errorf("counted %d times, want %d: %v", l.asked, want, err)
			}
		}
		ask(0, 1)
		ask(time.Hour, 1) // nothing has changed
		s.Progress[0].Open++
		ask(0, 2)
		s.Progress[0].Open++
		ask(8*time.Second, 2) // it took a second, so nine must pass
		ask(2*time.Second, 3)
	})
}
