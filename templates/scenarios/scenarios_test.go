package scenarios_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
	"github.com/tocsin-dev/tocsin/templates"
	"github.com/tocsin-dev/tocsin/templates/playbook"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

func load(t *testing.T, name string) scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// updates are a scenario's updates as they arrive.
func updates(t *testing.T, s scenarios.Scenario) []incident.Update {
	t.Helper()
	var all []incident.Update
	for _, e := range s.Events {
		if e.Update == nil {
			continue
		}
		u := incident.Update{Source: "test", EventID: e.After.String(), Time: s.At(e)}
		if err := json.Unmarshal(e.Update, &u.Data); err != nil {
			t.Fatal(err)
		}
		body, err := incident.Encode(u)
		if err != nil {
			t.Fatalf("after %v: %v", e.After, err)
		}
		decoded, faults := incident.Decode(nil, body)
		if len(faults) > 0 {
			t.Fatalf("after %v: %v", e.After, faults)
		}
		all = append(all, decoded)
	}
	return all
}

func TestNames(t *testing.T) {
	want := []string{"datacentre", "messenger-down", "migration"}
	if got := scenarios.Names(); !slices.Equal(got, want) {
		t.Errorf("Names() = %v, want %v", got, want)
	}
	if _, err := scenarios.Load("flood"); err == nil {
		t.Error("a scenario that there isn't was loaded")
	}
}

// TestEveryUpdateIsAnnounced folds each scenario's updates, as the dispatcher will.
func TestEveryUpdateIsAnnounced(t *testing.T) {
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			var inc *incident.Incident
			for _, u := range updates(t, load(t, name)) {
				after, verdict := incident.Fold(inc, u, u.Time)
				if !verdict.Announce {
					t.Errorf("%s at %v: %v %v", u.Status, u.Time, verdict.Reason, verdict.Faults)
				}
				inc = &after
			}
			if inc == nil || !inc.Over() {
				t.Error("the story does not end")
			}
		})
	}
}

// TestPace checks that there is machine time to send between two updates, and that promises of a
// next update are kept.
func TestPace(t *testing.T) {
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			s := load(t, name)
			all, set := updates(t, s), playbooks(t, s.Bank)
			for i, u := range all[1:] {
				machine := time.Duration(float64(u.Time.Sub(all[i].Time)) / s.TimeScale)
				if machine < 3*time.Second {
					t.Errorf("%s follows after %v of machine time", u.Status, machine)
				}
				if p := all[i].NextUpdateAt; p != nil && u.Time.After(*p) && set.Choose(&all[i]).Resolve(&all[i]).Cadence.Holding == 0 {
					t.Errorf("the update promised for %v comes at %v, and Tocsin says nothing by itself", p, u.Time)
				}
			}
			for _, u := range all {
				if r := u.ResolvedAt; r != nil && r.After(u.Time) {
					t.Errorf("%s at %v knows that it is over at %v", u.Status, u.Time, r)
				}
			}
			if first := all[0]; first.Kind == incident.Outage && first.Time.Sub(first.StartedAt) > 30*time.Minute {
				t.Error("the first notice is late")
			}
			for channel, wait := range s.Waits {
				if machine := time.Duration(float64(wait) / s.TimeScale); machine < time.Second || machine > 2*time.Second {
					t.Errorf("%s waits %v of machine time", channel, machine)
				}
			}
		})
	}
}

// playbooks are those of the bank.
func playbooks(t *testing.T, b scenarios.Bank) *playbook.Set {
	t.Helper()
	location, err := time.LoadLocation(b.Zone)
	if err != nil {
		t.Fatal(err)
	}
	own, err := scenarios.Playbooks()
	if err != nil {
		t.Fatal(err)
	}
	set, err := playbook.Load(playbook.Options{Own: own, Place: "playbooks", Catalogue: templates.Catalogue{
		Organisation: b.Organisation, Services: b.Services, Regions: b.Regions,
		DefaultLocale: b.Locale, Location: location, StatusPage: b.Link,
	}, Words: plan.Words(), Approval: playbook.Approval{People: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestCodes checks that scenarios speak of services and regions that made-up customers have.
func TestCodes(t *testing.T) {
	mix := audience.DefaultMix()
	for _, name := range scenarios.Names() {
		s := load(t, name)
		for _, w := range mix.Services {
			if s.Bank.Services[w.Name] == nil {
				t.Errorf("service %s has no name", w.Name)
			}
		}
		for _, w := range mix.Regions {
			if s.Bank.Regions[w.Name] == nil {
				t.Errorf("region %s has no name", w.Name)
			}
		}
		for _, u := range updates(t, s) {
			for _, service := range u.Affects.Services {
				if !slices.ContainsFunc(mix.Services, func(w audience.Weight) bool { return w.Name == service }) {
					t.Errorf("%s: nobody uses %s", name, service)
				}
			}
		}
		for channel := range maps.Keys(s.Customers.Preferred) {
			if !slices.ContainsFunc(mix.Channels, func(c audience.MixChannel) bool { return c.Name == channel }) {
				t.Errorf("%s: nobody has an address on %s", name, channel)
			}
		}
	}
}
