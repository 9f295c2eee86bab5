package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// promised waits until the next update of an incident is overdue, and the keeper knows; negated, until nothing
// that was promised of it is waited for any more.
func promised(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] promised DIR TEAM/ID")
	}
	if neg {
		untilIncident(ts, args, "its clocks have stopped", clocksStopped)
		return
	}
	untilIncident(ts, args, "its next update is overdue", func(s *ledger.IncidentSummary) error {
		for i := range s.Clocks {
			if k := &s.Clocks[i]; k.Name == promise.NextUpdate && !k.OverdueAt.IsZero() && k.StoppedAt.IsZero() {
				return nil
			}
		}
		return errors.New("it is not")
	})
}

func clocksStopped(s *ledger.IncidentSummary) error {
	for i := range s.Clocks {
		if k := &s.Clocks[i]; k.StoppedAt.IsZero() {
			return fmt.Errorf("%s runs", k.Name)
		}
	}
	return nil
}

// told waits until so many updates of an incident are closed.
func told(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: told DIR TEAM/ID UPDATES")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	untilIncident(ts, args, args[2]+" updates are closed", func(s *ledger.IncidentSummary) error {
		closed := 0
		for i := range s.Progress {
			if s.Progress[i].State == ledger.Closed {
				closed++
			}
		}
		if closed < want {
			return fmt.Errorf("%d are", closed)
		}
		return nil
	})
}

func untilIncident(ts *testscript.TestScript, args []string, what string, ready func(*ledger.IncidentSummary) error) {
	team, id, err := parseKey(args[1])
	ts.Check(err)
	until(ts, args[1]+": "+what, func(ctx context.Context) error {
		e, err := app.ReadEndpoints(ts.MkAbs(args[0]))
		if err != nil {
			return err
		}
		api := httpapi.NewClient(e.HTTP, e.Token)
		defer api.Close()
		s, err := api.Incident(ctx, team, id)
		if err != nil {
			return err
		}
		return ready(&s)
	})
}
