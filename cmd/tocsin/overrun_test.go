package main

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// TestBecameOf: a maintenance is merged only into what it has become, never into what is there by chance.
func TestBecameOf(t *testing.T) {
	end := time.Date(2026, 5, 4, 6, 0, 0, 0, time.UTC)
	work := &incident.Incident{Team: "core", ID: "work", Kind: incident.Maintenance, Status: incident.InProgress, EndsAt: &end}
	for name, c := range map[string]struct {
		there incident.Incident
		want  string // in the error; "" for none
	}{
		"what it became": {incident.Incident{Kind: incident.Outage, Status: incident.Identified, StartedAt: end.In(time.FixedZone("", 3600))}, ""},
		"itself":         {incident.Incident{ID: "work", Kind: incident.Maintenance, Status: incident.InProgress, StartedAt: end}, "choose another id with --as"},
		"another outage": {incident.Incident{Kind: incident.Outage, Status: incident.Identified, StartedAt: end.Add(time.Minute)}, "did not begin when work was to end"},
		"what is over":   {incident.Incident{Kind: incident.Outage, Status: incident.Resolved, StartedAt: end}, "is resolved already"},
	} {
		c.there.Team = "core"
		if c.there.ID == "" {
			c.there.ID = "work-overrun"
		}
		err := becameOf(&c.there, work)
		if got := err == nil; got != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
