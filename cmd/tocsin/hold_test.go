package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// hold is the scripts' command `hold DIR INCIDENT PEOPLE [SPAN THEN]`: it puts an update that so many people must
// approve within a span into the ledger in a data directory, as intake would by a playbook that says so.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 && len(args) != 5 {
		ts.Fatalf("usage: hold DIR INCIDENT PEOPLE [SPAN THEN]")
	}
	rule := playbook.Approval{}
	var err error
	rule.People, err = strconv.Atoi(args[2])
	ts.Check(err)
	if len(args) == 5 {
		wait, err := time.ParseDuration(args[3])
		ts.Check(err)
		rule.TimeOut, rule.Then = clock.Span(wait), playbook.TimedOut(args[4])
	}
	ts.Check(recordHeld(ts.MkAbs(args[0]), args[1], rule))
}

func recordHeld(dir, key string, rule playbook.Approval) error {
	cfg := app.Defaults()
	cfg.DataDir = dir
	l, done, err := app.OpenLedger(context.Background(), cfg)
	if err != nil {
		return err
	}
	now := time.Now()
	u := incident.Update{Source: "test", EventID: key + "-1", Time: now, Sequence: "1", Data: incident.Data{
		Team: "payments", Incident: key, Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Major,
		StartedAt: now.Add(-time.Minute), Summary: incident.Text{"en": "Cards fail."},
	}}
	var texts []ledger.Text
	for _, locale := range []string{"en", "ro", "ru"} {
		texts = append(texts, ledger.Text{Kind: channels.SMS, Locale: locale, Units: 1, Content: notification.Content{
			Text: notification.Segments{{Literal: "Dear "}, {Placeholder: "name", Default: "customer"}, {Literal: ", cards fail."}}}})
	}
	_, err = l.RecordUpdate(context.Background(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		after, _ := incident.Fold(nil, u, now)
		n := ledger.NewUpdate{Update: u, Incident: after, State: ledger.Held, ReceivedAt: now, Texts: texts}
		n.Terms.Playbook, n.Terms.Approval = "datacentre", rule
		return n, nil
	})
	return errors.Join(err, done())
}

// decided is the scripts' command `decided DIR INCIDENT`: it returns when the incident's first update is held no
// more by the server on a data directory.
func decided(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: decided DIR INCIDENT")
	}
	e, err := app.ReadEndpoints(ts.MkAbs(args[0]))
	ts.Check(err)
	api := httpapi.NewClient(e.HTTP, e.Token)
	defer api.Close()
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := api.Incident(ctx, "payments", args[1])
		ts.Check(err)
		if s.Progress[0].State != ledger.Held {
			return
		}
		<-tick.C
	}
}
