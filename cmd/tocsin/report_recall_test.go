package main

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func TestRecallPart(t *testing.T) {
	for want, c := range map[string]ledger.ChannelReport{
		"":                             {Channel: "viber", Attempts: 3, Failed: 3},
		"sms 1,200 stay":               {Channel: "sms", Accepted: 1200},
		"x 1,200 of 1,200 taken back":  {Channel: "x", Accepted: 1200, RecallAsked: 1200, Recalled: 1200},
		"x 0 of 3 taken back (3 stay)": {Channel: "x", Accepted: 3, RecallAsked: 3, RecallKept: 3},
		"x 5 of 9 taken back (4 stay)": {Channel: "x", Accepted: 9, RecallAsked: 9, RecallKept: 4, Recalled: 5},
		"x 0 of 1 taken back (1 not answered yet)":                          {Channel: "x", Accepted: 1, RecallAsked: 1},
		"x 5 of 9 taken back (3 stay, 1 not answered yet)":                  {Channel: "x", Accepted: 9, RecallAsked: 9, RecallKept: 3, Recalled: 5},
		"x 5 of 9 taken back (1 stay, 1 not answered yet, 2 not asked for)": {Channel: "x", Accepted: 9, RecallAsked: 7, RecallKept: 1, Recalled: 5},
	} {
		if got := recallPart(&c); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}

func TestRecallLine(t *testing.T) {
	nothing := []ledger.ChannelReport{{Channel: "viber", Revoked: 7}}
	some := []ledger.ChannelReport{
		{Channel: "sms", Accepted: 2}, {Channel: "viber", Failed: 1}, {Channel: "x", Accepted: 1, RecallAsked: 1, Recalled: 1},
	}
	for want, u := range map[string]ledger.UpdateReport{
		"recall: nothing had been sent":                {Channels: nothing},
		"recall: sms 2 stay, x 1 of 1 taken back":      {Channels: some},
		"recall: under way":                            {Channels: some[:2], UpdateProgress: ledger.UpdateProgress{Recalling: true}},
		"recall, still under way: x 1 of 1 taken back": {Channels: some, UpdateProgress: ledger.UpdateProgress{Recalling: true}},
	} {
		if got := recallLine(&u); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWasRecalled: an order is about its update, or about all that its incident had by then.
func TestWasRecalled(t *testing.T) {
	at := time.Date(2026, 3, 7, 13, 0, 0, 0, time.UTC)
	u := ledger.UpdateReport{UpdateProgress: ledger.UpdateProgress{ID: 2, ReceivedAt: at}}
	order := func(v ledger.Verb, update int64, after time.Duration, refused bool) ledger.OrderReport {
		return ledger.OrderReport{Order: ledger.Order{Verb: v, Update: update}, DoneAt: at.Add(after), Refused: refused}
	}
	for name, tt := range map[string]struct {
		order ledger.OrderReport
		want  bool
	}{
		"its own":        {order(ledger.Recall, 2, time.Hour, false), true},
		"another's":      {order(ledger.Recall, 1, time.Hour, false), false},
		"the incident's": {order(ledger.Recall, 0, time.Hour, false), true},
		"before it":      {order(ledger.Recall, 0, -time.Hour, false), false},
		"refused":        {order(ledger.Recall, 2, time.Hour, true), false},
		"a cancellation": {order(ledger.Cancel, 2, time.Hour, false), false},
	} {
		if got := wasRecalled(&u, []ledger.OrderReport{tt.order}); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// recalled is the scripts' command `recalled DIR TEAM/ID N`: it returns when providers have answered for as many of
// an incident's messages that they have taken them back, or can't.
func recalled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: recalled DIR TEAM/ID N")
	}
	want, err := strconv.ParseInt(args[2], 10, 64)
	ts.Check(err)
	untilIncident(ts, args, args[2]+" recalls are answered", func(s *ledger.IncidentSummary) error {
		n := int64(0)
		for i := range s.Progress {
			for _, t := range s.Progress[i].Tallies {
				if t.What == ledger.Recalled || t.What == ledger.RecallKept {
					n += t.Count
				}
			}
		}
		if n != want {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
}
