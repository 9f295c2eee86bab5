package main

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
)

func TestViolationLine(t *testing.T) {
	for _, tt := range []struct {
		v    audit.Violation
		want string
	}{
		{audit.Violation{Invariant: audit.Sums, Incident: "cards/a", Update: 3, Is: "4 open", Want: "5"}, "sums cards/a update 3: 4 open; want: 5"},
		{
			audit.Violation{Invariant: audit.Legal, Incident: "cards/a", Update: 3, Notification: 7, Is: "open and read", Want: "reached"},
			"legal cards/a update 3 notification 7: open and read; want: reached",
		},
		{audit.Violation{Invariant: audit.Trail, Is: "cut", Want: "whole"}, "trail: cut; want: whole"},
	} {
		if got := violationLine(tt.v); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestPrintAudit(t *testing.T) {
	s := audit.Summary{Notifications: 1234567, Violations: map[audit.Invariant]int64{audit.Trail: 1, audit.Sums: 2000}}
	var b strings.Builder
	if err := printAudit(&b, &s); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if !strings.Contains(got, "1,234,567 notifications") || !strings.Contains(got, "sums: 2,000 ✗\ntrail: 1 ✗\n") || strings.Contains(got, "✓") {
		t.Errorf("summary of what was found:\n%s", got)
	}
	if err := auditError(&s); err == nil || err.Error() != "the audit has found 2,001 violations" {
		t.Errorf("error %v", err)
	}
}
