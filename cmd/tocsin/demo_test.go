package main

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

func scenario(t *testing.T, name string) scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDemoConfigIsGood checks that the server takes the configuration of every scenario's demo.
func TestDemoConfigIsGood(t *testing.T) {
	endpoints := map[string]string{}
	for _, s := range all.Simulators() {
		endpoints[s.Provider] = "http://127.0.0.1:9/" + s.Provider
	}
	endpoints["smtp"] = "smtp://127.0.0.1:9"
	for _, name := range scenarios.Names() {
		s := scenario(t, name)
		c := newDemoConfig(s, t.TempDir(), "127.0.0.1:9", endpoints)
		path := t.TempDir() + "/tocsin.yaml"
		if err := c.write(path); err != nil {
			t.Fatal(err)
		}
		cfg, err := app.Load(path, func(string) (string, bool) { return "", false })
		if err == nil {
			err = app.Check(cfg, all.Specs())
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for channel := range c.Channels {
			if c.Channels[channel].Wait == 0 {
				t.Errorf("%s: no wait for %s", name, channel)
			}
		}
	}
}

func TestPace(t *testing.T) {
	for _, c := range []struct {
		flags demoFlags
		want  float64
	}{
		{demoFlags{customers: 10_000}, 1500},
		{demoFlags{customers: 100}, 1500},
		{demoFlags{customers: 100_000}, 150},
		{demoFlags{customers: 100_000, scale: 60}, 60},
	} {
		if got := pace(1500, c.flags); got != c.want {
			t.Errorf("pace of %+v = %v, want %v", c.flags, got, c.want)
		}
	}
}

// TestLead checks that the clock starts early enough for the customers to be there.
func TestLead(t *testing.T) {
	w := &world{scenario: scenario(t, "datacentre")}
	for _, customers := range []int{100, 10_000, 1_000_000} {
		product := w.lead(customers) + firstUpdate(w.scenario)
		if machine := time.Duration(float64(product) / w.scenario.TimeScale); machine < 6*time.Second+time.Duration(customers)*time.Second/3000 {
			t.Errorf("%d customers have %v of machine time", customers, machine)
		}
	}
}

func TestClaimHolds(t *testing.T) {
	for _, c := range []struct {
		name  string
		claim claim
		tally sandbox.Tally
		want  bool
	}{
		{"the same", claim{10, 0, 9}, sandbox.Tally{Accepted: 10, Delivered: 9}, true},
		{"unknown ones were taken", claim{10, 2, 9}, sandbox.Tally{Accepted: 12, Delivered: 9}, true},
		{"unknown ones were not taken", claim{10, 2, 9}, sandbox.Tally{Accepted: 10, Delivered: 9}, true},
		{"one more than is known of", claim{10, 0, 9}, sandbox.Tally{Accepted: 11, Delivered: 9}, false},
		{"one that nobody got", claim{10, 0, 9}, sandbox.Tally{Accepted: 9, Delivered: 9}, false},
		{"a delivery made up", claim{10, 0, 9}, sandbox.Tally{Accepted: 10, Delivered: 8}, false},
		{"a repeat", claim{10, 1, 9}, sandbox.Tally{Accepted: 11, Delivered: 9, Repeats: 1}, false},
	} {
		if got := c.claim.holds(c.tally); got != c.want {
			t.Errorf("%s: holds = %v", c.name, got)
		}
	}
}

func TestClaims(t *testing.T) {
	got := claims([]ledger.Report{sampleReport(), sampleReport()})
	if want := (claim{accepted: 6_100, delivered: 6_024}); got["sms"] != want {
		t.Errorf("claims of sms = %+v, want %+v", got["sms"], want)
	}
}

// TestScaledFrom checks that two processes that agree on an origin agree on the time.
func TestScaledFrom(t *testing.T) {
	start, now := time.Date(2026, 9, 19, 7, 0, 0, 0, time.UTC), time.Now()
	c := scaledFrom(3600, start, now.Add(-2*time.Second), now)
	if got := c.Now().Sub(start); got < 2*time.Hour {
		t.Errorf("two seconds after its origin the clock is at %v", got)
	}
}
