package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// promiseName says what a clock is about.
func promiseName(n promise.Name) string {
	switch n {
	case promise.NextUpdate:
		return "next update"
	case promise.Estimate:
		return "back as estimated"
	case promise.Notice:
		return "notice of the maintenance"
	case promise.Overrun:
		return "planned end"
	default:
		return words(string(n))
	}
}

// promiseLines say what customers were promised and what has not come yet.
func promiseLines(s *ledger.IncidentSummary, now time.Time, zone *time.Location) []string {
	var lines []string
	for i := range s.Clocks {
		k := &s.Clocks[i]
		line := "due:     " + promiseName(k.Name) + ", " + clockTime(k.Due, zone)
		switch k.Standing(now) {
		case promise.Stopped:
			continue
		case promise.Overdue:
			line = "OVERDUE: " + promiseName(k.Name) + ", since " + clockTime(k.Due, zone) + " (" + span(now.Sub(k.Due)) + ")"
		case promise.Running, promise.Reminded:
		}
		if !k.SaidAt.IsZero() {
			line += "; Tocsin has published an update by itself at " + clockTime(k.SaidAt, zone)
		}
		lines = append(lines, line)
	}
	return lines
}

// printOverdue lists what customers wait for in vain, over all incidents.
func printOverdue(w io.Writer, list []ledger.IncidentSummary, now time.Time, zone *time.Location) error {
	var b strings.Builder
	for i := range list {
		s := &list[i]
		for _, line := range promiseLines(s, now, zone) {
			if strings.HasPrefix(line, "OVERDUE") {
				fmt.Fprintf(&b, "  %s/%s: %s\n", s.Team, s.ID, strings.TrimPrefix(line, "OVERDUE: "))
			}
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, "\npromises that are overdue:\n"+b.String())
	return err
}
