package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

// demoConfig is the configuration of a demo's server: that of a bank all of whose channels lead to
// simulated providers.
type demoConfig struct {
	DataDir      string                 `yaml:"data_dir"`
	Organisation incident.Text          `yaml:"organisation"`
	Locale       string                 `yaml:"locale"`
	Zone         string                 `yaml:"zone"`
	PhoneCountry string                 `yaml:"phone_country"`
	StatusPage   string                 `yaml:"status_page"`
	Playbooks    string                 `yaml:"playbooks"`
	HTTP         demoHTTP               `yaml:"http"`
	NATS         demoNATS               `yaml:"nats"`
	Cascade      demoCascade            `yaml:"cascade"`
	UsefulFor    time.Duration          `yaml:"useful_for"`
	Catalogue    demoCatalogue          `yaml:"catalogue"`
	Channels     map[string]demoChannel `yaml:"channels"`
}

type demoHTTP struct {
	Listen    string      `yaml:"listen"`
	PublicURL string      `yaml:"public_url"`
	Tokens    []demoToken `yaml:"tokens"`
}

type demoNATS struct {
	Listen   string     `yaml:"listen"`
	MaxBytes string     `yaml:"max_bytes"`
	Teams    []demoTeam `yaml:"teams"`
}

type demoTeam struct {
	Name     string `yaml:"name"`
	Password string `yaml:"password"`
}

type demoCascade struct {
	Behind     []string      `yaml:"behind"`
	RetryEvery time.Duration `yaml:"retry_every"`
}

type demoCatalogue struct {
	Services map[string]incident.Text `yaml:"services"`
	Regions  map[string]incident.Text `yaml:"regions"`
}

type demoChannel struct {
	Wait         time.Duration       `yaml:"wait,omitempty"`
	BounceWindow *time.Duration      `yaml:"bounce_window,omitempty"`
	Accounts     []map[string]string `yaml:"accounts,omitempty"`
	Providers    []demoProvider      `yaml:"providers"`
}

type demoProvider struct {
	Provider    string         `yaml:"provider"`
	Weight      int            `yaml:"weight"`
	Rate        float64        `yaml:"rate"`
	Concurrency int            `yaml:"concurrency"`
	Timeout     time.Duration  `yaml:"timeout"`
	Settings    map[string]any `yaml:"settings"`
}

// demoTeamName is the team that publishes all scenarios' updates.
const demoTeamName = "operations"

func newDemoConfig(s scenarios.Scenario, dir, listen string, entries []all.Entry, endpoints map[string]string) demoConfig {
	c := demoConfig{
		DataDir: filepath.Join(dir, "data"), Organisation: s.Bank.Organisation, Locale: s.Bank.Locale, Zone: s.Bank.Zone,
		PhoneCountry: "MD", StatusPage: s.Bank.Link, Playbooks: filepath.Join(dir, "playbooks"),
		HTTP: demoHTTP{listen, "http://" + listen, demoPeople()},
		NATS: demoNATS{"127.0.0.1:0", "2GiB", []demoTeam{{demoTeamName, rand.Text()}}},
		// Half a second of the machine's time, at whatever pace the story is played.
		Cascade: demoCascade{[]string{"sms"}, time.Duration(s.TimeScale * float64(time.Second) / 2)},
		// Hours of the story pass in seconds of the machine, which may be a slow one.
		UsefulFor: 48 * time.Hour,
		Catalogue: demoCatalogue{s.Bank.Services, s.Bank.Regions},
		Channels:  demoChannels(entries, endpoints),
	}
	for name, ch := range c.Channels {
		ch.Wait = s.Waits["sms"]
		if w, ok := s.Waits[name]; ok {
			ch.Wait = w
		}
		if t, ok := s.Timeouts[name]; ok {
			for i := range ch.Providers {
				ch.Providers[i].Timeout = t
			}
		}
		if name == "email" {
			ch.BounceWindow = &s.BounceWindow
		}
		c.Channels[name] = ch
	}
	return c
}

const (
	// demoConcurrency is how much every simulated provider takes at once, demoTimeout how long one message may take.
	demoConcurrency = 16
	demoTimeout     = 5 * time.Second
)

// demoChannels are the channels of some adapters, with the settings that the simulators know: of several
// providers for a channel each gets its share. Public accounts speak the scenarios' languages in turn.
func demoChannels(entries []all.Entry, endpoints map[string]string) map[string]demoChannel {
	channels := map[string]demoChannel{}
	for _, e := range entries {
		ch := channels[e.Spec.Channel]
		ch.Providers = append(ch.Providers, demoProvider{
			Provider: e.Spec.Provider, Weight: 1, Concurrency: demoConcurrency, Timeout: demoTimeout,
			Settings: e.Simulator.Settings(endpoints[e.Spec.Provider]),
		})
		for i, address := range e.Simulator.Accounts {
			locales := []string{"ro", "en", "ru"}
			ch.Accounts = append(ch.Accounts, map[string]string{"address": address, "locale": locales[i%len(locales)]})
		}
		channels[e.Spec.Channel] = ch
	}
	return channels
}

// usualEntries are the usual adapters of the channels that the usual mix of customers has, and those of the
// public accounts that the sandbox plays.
func usualEntries() []all.Entry {
	var entries []all.Entry
	mix := audience.DefaultMix()
	for _, e := range all.List() {
		usual, _ := all.Usual(e.Spec.Channel)
		wanted := len(e.Simulator.Accounts) > 0 || slices.ContainsFunc(mix.Channels, func(c audience.MixChannel) bool { return c.Name == e.Spec.Channel })
		if e.Simulated() && wanted && usual.Spec.Provider == e.Spec.Provider {
			entries = append(entries, e)
		}
	}
	return entries
}

// everyEntry is each adapter that reaches anybody.
func everyEntry() []all.Entry {
	return slices.DeleteFunc(all.List(), func(e all.Entry) bool { return e.Simulator.Provider == "" })
}

// team returns the password of the team that publishes.
func (c *demoConfig) team() demoTeam { return c.NATS.Teams[0] }

func (c *demoConfig) write(path string) error {
	b, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}
