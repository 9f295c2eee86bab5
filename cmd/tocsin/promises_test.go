package main

import (
	"context"
	"errors"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// promised waits until the next update of an incident is overdue, and the keeper knows.
func promised(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: promised DIR TEAM/ID")
	}
	team, id, err := parseKey(args[1])
	ts.Check(err)
	until(ts, args[1]+" is overdue", func(ctx context.Context) error {
		e, err := app.ReadEndpoints(ts.MkAbs(args[0]))
		if err != nil {
			return err
		}
		s, err := httpapi.NewClient(e.HTTP, e.Token).Incident(ctx, team, id)
		if err != nil {
			return err
		}
		for i := range s.Clocks {
			if k := &s.Clocks[i]; k.Name == promise.NextUpdate && !k.OverdueAt.IsZero() && k.StoppedAt.IsZero() {
				return nil
			}
		}
		return errors.New("its next update is not overdue")
	})
}
