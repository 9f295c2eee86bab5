package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 10_000: "10,000", 123_456: "123,456", 1_000_000: "1,000,000", -1234: "-1,234",
	} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                               "0s",
		350 * time.Millisecond:          "350ms",
		45 * time.Second:                "45s",
		12 * time.Minute:                "12m",
		12*time.Minute + 30*time.Second: "12m 30s",
		3*time.Hour + 5*time.Minute + 9: "3h 5m",
		52 * time.Hour:                  "2d 4h",
		-90 * time.Second:               "-1m 30s",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestMergedIncidentsSaySo(t *testing.T) {
	s := ledger.IncidentSummary{Incident: incident.Incident{
		Team: "cards", ID: "atm-7", Kind: incident.Outage, Impact: incident.Major, Status: incident.Identified, MergedInto: "dc-1",
	}}
	var one, list strings.Builder
	if err := errors.Join(printIncident(&one, s, time.UTC), printIncidents(&list, []ledger.IncidentSummary{s}, time.UTC)); err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{one.String(), list.String()} {
		if !strings.Contains(got, "identified, merged into dc-1") {
			t.Errorf("shown as %q", got)
		}
	}
}

func TestWrap(t *testing.T) {
	if got, want := wrap("one two  three\nfour", 9), "one two\nthree\nfour"; got != want {
		t.Errorf("wrap gives %q, want %q", got, want)
	}
}
