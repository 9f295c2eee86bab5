package main

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
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
	for _, name := range scenarios.Names() {
		for set, entries := range map[string][]all.Entry{"usual": usualEntries(), "all": everyEntry()} {
			t.Run(name+" "+set, func(t *testing.T) { checkDemoConfig(t, scenario(t, name), entries) })
		}
	}
}

func checkDemoConfig(t *testing.T, s scenarios.Scenario, entries []all.Entry) {
	endpoints := map[string]string{"statuspage": t.TempDir(), "smtp": "smtp://127.0.0.1:9"}
	for _, e := range entries {
		if e.Simulator.HTTP != nil {
			endpoints[e.Spec.Provider] = "http://127.0.0.1:9/" + e.Spec.Provider
		}
	}
	c := newDemoConfig(s, t.TempDir(), "127.0.0.1:9", entries, endpoints)
	path := t.TempDir() + "/tocsin.yaml"
	if err := errors.Join(writePlaybooks(c.Playbooks), c.write(path)); err != nil {
		t.Fatal(err)
	}
	cfg, err := app.Load(path, func(string) (string, bool) { return "", false })
	if err == nil {
		err = app.Check(cfg, all.Specs())
	}
	if err != nil {
		t.Error(err)
	}
	for channel, ch := range c.Channels {
		if ch.Wait == 0 || ch.Providers[0].Timeout == 0 {
			t.Errorf("%s has no wait or no timeout", channel)
		}
	}
}

// TestEveryChannelHasCustomers: a new adapter joins the demo by what its own folder says.
func TestEveryChannelHasCustomers(t *testing.T) {
	mix := mixOf(scenario(t, "datacentre"), everyEntry())
	for _, e := range everyEntry() {
		has := slices.ContainsFunc(mix.Channels, func(c audience.MixChannel) bool { return c.Name == e.Spec.Channel && c.Weight > 0 })
		if has == (len(e.Simulator.Accounts) > 0) {
			t.Errorf("%s: customers prefer it: %v, accounts: %d", e.Spec.Provider, has, len(e.Simulator.Accounts))
		}
	}
	if usual := mixOf(scenario(t, "datacentre"), usualEntries()); len(usual.Channels) != len(audience.DefaultMix().Channels) {
		t.Errorf("usually there are %d channels", len(usual.Channels))
	}
}

// TestTestify: what several providers of a channel counted is held against the channel's report together.
func TestTestify(t *testing.T) {
	channels := map[string]demoChannel{
		"sms": {Providers: []demoProvider{{Provider: "kannel"}, {Provider: "twilio"}}}, "x": {Providers: []demoProvider{{Provider: "x"}}},
		"idle": {Providers: []demoProvider{{Provider: "idle"}}}, "mute": {Providers: []demoProvider{{Provider: "mute"}}},
	}
	counts := map[string]sandbox.Tally{"kannel": {Accepted: 3, Delivered: 2}, "twilio": {Accepted: 4, Delivered: 4, Repeats: 1}, "x": {Accepted: 1}}
	said := map[string]claim{"sms": {accepted: 7, delivered: 6}, "x": {accepted: 1}, "mute": {unknown: 2}}
	got := testify(channels, counts, said)
	want := []testimony{
		{name: "mute", said: said["mute"]},
		{name: "kannel", counts: counts["kannel"], share: true}, {name: "twilio", counts: counts["twilio"], share: true},
		{name: "sms", counts: sandbox.Tally{Accepted: 7, Delivered: 6, Repeats: 1}, said: claim{accepted: 7, delivered: 6}},
		{name: "x", counts: counts["x"], said: claim{accepted: 1}},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := unused(channels, counts, said); !slices.Equal(got, []string{"idle"}) {
		t.Errorf("unused: %v", got)
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
