package main

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// sampleReport has one update that balances, one that is still open and one that was not announced.
func sampleReport() ledger.Report {
	began := time.Date(2026, 9, 19, 10, 5, 0, 0, time.UTC)
	good := ledger.UpdateReport{
		UpdateProgress: ledger.UpdateProgress{ID: 1, Status: incident.Investigating, State: ledger.Closed, ReceivedAt: began.Add(20 * time.Minute), Audience: 10_000},
		Channels: []ledger.ChannelReport{
			{Channel: "sms", Planned: 2_500, Attempts: 3_100, Accepted: 3_050, Delivered: 3_012, Failed: 50, Expired: 38, Reached: 3_012, Fallback: 600},
			{Channel: "viber", Planned: 7_500, Attempts: 7_500, Accepted: 7_400, Delivered: 6_800, Read: 3_000, Failed: 100, Expired: 600, Reached: 6_800},
		},
		Outcomes: []ledger.OutcomeCount{
			{Outcome: "reached", Channel: "viber", Proof: channels.Delivered, Count: 6_800},
			{Outcome: "reached", Channel: "sms", Proof: channels.Delivered, Count: 3_012},
			{Outcome: "unreachable", Reason: "invalid_address", Count: 120},
			{Outcome: "suppressed", Reason: "no_consent", Count: 68},
		},
		ReachedByFallback: 600, DoubleReach: 3, P50: 700, P95: 2_900, Max: 4_000, Segments: 12_400,
		Balance: ledger.Balance{Audience: 10_000, Reached: 9_812, Unreachable: 120, Suppressed: 68, TalliesAgree: true, OK: true},
	}
	open := ledger.UpdateReport{
		UpdateProgress: ledger.UpdateProgress{ID: 2, Status: incident.Identified, State: ledger.Sending, ReceivedAt: began.Add(2 * time.Hour)},
		Balance:        ledger.Balance{Audience: 10, Reached: 4, Open: 6, TalliesAgree: true},
	}
	older := ledger.UpdateReport{UpdateProgress: ledger.UpdateProgress{
		ID: 3, Status: incident.Investigating, State: ledger.NotAnnounced, Reason: "older than the newest update", ReceivedAt: began.Add(3 * time.Hour),
	}}
	return ledger.Report{
		Team: "operations", Incident: "datacentre", Kind: incident.Outage, Status: incident.Identified, Impact: incident.Critical,
		StartedAt: began, FirstNoticeAt: began.Add(21 * time.Minute), FirstNotice: 21 * 60, Updates: []ledger.UpdateReport{good, open, older},
	}
}

func TestPrintReport(t *testing.T) {
	var b strings.Builder
	if err := printReport(&b, sampleReport(), time.FixedZone("EEST", 3*3600)); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.golden", b.String())
}

func TestFirstNotice(t *testing.T) {
	r := sampleReport()
	for _, c := range []struct {
		change func(*ledger.Report)
		want   string
	}{
		{func(*ledger.Report) {}, "within the hour ✓"},
		{func(r *ledger.Report) { r.FirstNotice = 3601 }, "later than an hour ✗"},
		{func(r *ledger.Report) { r.FirstNotice = 0 }, "first notice Sat 19 Sep 10:26"},
		{func(r *ledger.Report) { r.FirstNoticeAt = time.Time{} }, "nobody has been told yet"},
	} {
		r := r
		c.change(&r)
		if got := firstNotice(&r, time.UTC); !strings.Contains(got, c.want) {
			t.Errorf("%q does not say %q", got, c.want)
		}
	}
}

func TestBalanceLineSaysWhatIsWrong(t *testing.T) {
	for want, b := range map[string]ledger.Balance{
		"✓":                        {Audience: 1, Reached: 1, OK: true, TalliesAgree: true},
		"✗ 2 still open":           {Audience: 3, Reached: 1, Open: 2, TalliesAgree: true},
		"the running counts say o": {Audience: 1, Reached: 1},
		"= 1 of 2  ✗":              {Audience: 2, Reached: 1, TalliesAgree: true},
	} {
		if got := balanceLine(&b); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}
