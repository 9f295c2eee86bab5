package audience

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// Mix says what made-up customers are like. Shares are between 0 and 1; weights are relative to the
// others of their list. A list without a positive weight gives nothing.
type Mix struct {
	// Channels that customers have addresses on, and prefer.
	Channels []MixChannel
	// Locales, of which each customer has one; at least one is needed.
	Locales []Weight
	// Services, of which each customer uses each with that probability, and at least one.
	Services []Weight
	// Regions, of which each customer has one.
	Regions []Weight
	// Segments, of which each customer has one.
	Segments []Weight
	// Preferences is how many channels a customer names at most as preferred.
	Preferences int
	// NoAddress is the share of customers without any address.
	NoAddress float64
	// NoConsent is the share of customers who agreed to no channel.
	NoConsent float64
	// LessConsent is the share of customers who agreed to all of their channels but one.
	LessConsent float64
}

// Weight is how often one of several things occurs.
type Weight struct {
	Name   string
	Weight float64
}

// MixChannel is a channel in a [Mix].
type MixChannel struct {
	Name string
	// Weight is how often it is preferred over the customer's other channels; 0 is never.
	Weight float64
	// Share of the customers who have an address on it.
	Share float64
	// Address makes up the address of the i-th customer, counted from 0.
	Address func(i int, seed uint64) string
}

// DefaultMix is a bank's customers in Moldova, as a guess: no statistics stand behind it.
func DefaultMix() Mix {
	return Mix{
		Channels: []MixChannel{
			{"email", 0.35, 0.85, sandbox.FakeMailbox},
			{"sms", 0.20, 0.97, sandbox.FakePhone},
			{"telegram", 0.20, 0.45, sandbox.FakeChatID},
			{"viber", 0.25, 0.55, sandbox.FakeUserID},
		},
		Locales:     []Weight{{"ro", 0.72}, {"ru", 0.24}, {"en", 0.04}},
		Services:    []Weight{{"atm", 0.8}, {"branches", 0.5}, {"cards", 0.9}, {"online-banking", 0.6}, {"transfers", 0.55}, {"website", 0.3}},
		Regions:     []Weight{{"balti", 10}, {"cahul", 6}, {"chisinau", 50}, {"comrat", 6}, {"edinet", 5}, {"orhei", 8}, {"soroca", 6}, {"ungheni", 9}},
		Segments:    []Weight{{"business", 0.08}, {"premium", 0.05}, {"retail", 0.87}},
		Preferences: 3,
		NoAddress:   0.002,
		NoConsent:   0.005,
		LessConsent: 0.03,
	}
}

// Generate makes up n customers, in ascending order of id and in the normal form that a [Checker]
// gives. The same seed and mix give the same customers, and a smaller n gives the first of them.
// Nobody's address is among theirs: see [sandbox.FakePhone], [sandbox.FakeMailbox], [sandbox.FakeChatID], [sandbox.FakeUserID].
func Generate(n int, seed uint64, m Mix) iter.Seq[Recipient] {
	m = m.normal()
	return func(yield func(Recipient) bool) {
		g := generator{mix: m, seed: seed, rng: rand.New(rand.NewPCG(seed, 0))}
		for i := range n {
			if !yield(g.recipient(i)) {
				return
			}
		}
	}
}

// normal sorts what a normal recipient has sorted.
func (m Mix) normal() Mix {
	m.Channels = slices.Clone(m.Channels)
	slices.SortFunc(m.Channels, func(a, b MixChannel) int { return strings.Compare(a.Name, b.Name) })
	m.Services = slices.Clone(m.Services)
	slices.SortFunc(m.Services, func(a, b Weight) int { return strings.Compare(a.Name, b.Name) })
	return m
}

type generator struct {
	mix  Mix
	seed uint64
	rng  *rand.Rand
}

func (g *generator) recipient(i int) Recipient {
	r := Recipient{
		ID:       fmt.Sprintf("demo-%07d", i+1),
		Locale:   g.one(g.mix.Locales),
		Zone:     "Europe/Chisinau",
		Services: g.some(g.mix.Services),
		Regions:  list(g.one(g.mix.Regions)),
		Segments: list(g.one(g.mix.Segments)),
	}
	r.Name = fakeName(r.Locale, g.rng)
	if !g.chance(g.mix.NoAddress) {
		r.Addresses = g.addresses(i)
	}
	r.Consents = g.consents(r.Addresses)
	r.Preferences = g.preferences(&r)
	return r
}

func (g *generator) chance(share float64) bool { return g.rng.Float64() < share }

// one picks one thing by weight, "" if there is none.
func (g *generator) one(from []Weight) string {
	i := g.pick(len(from), func(i int) float64 { return from[i].Weight })
	if i < 0 {
		return ""
	}
	return from[i].Name
}

// pick returns an index below n by weight, -1 if no weight is positive.
func (g *generator) pick(n int, weight func(int) float64) int {
	sum := 0.0
	for i := range n {
		sum += max(0, weight(i))
	}
	at, last := g.rng.Float64()*sum, -1
	for i := range n {
		if w := max(0, weight(i)); w > 0 {
			if at < w {
				return i
			}
			at, last = at-w, i
		}
	}
	return last
}

// some picks each thing with its probability, and at least one.
func (g *generator) some(from []Weight) []string {
	var names []string
	for _, w := range from {
		if g.chance(w.Weight) {
			names = append(names, w.Name)
		}
	}
	if len(names) == 0 {
		return list(g.one(from))
	}
	return names
}

func (g *generator) addresses(i int) Addresses {
	a := make(Addresses, 0, len(g.mix.Channels))
	for _, c := range g.mix.Channels {
		if g.chance(c.Share) {
			if address := c.Address(i, g.seed); address != "" {
				a = append(a, Address{c.Name, address})
			}
		}
	}
	if len(a) == 0 {
		return nil
	}
	return a
}

// consents are those for the channels that the customer has an address on, with the mix's gaps.
func (g *generator) consents(have Addresses) []string {
	if len(have) == 0 || g.chance(g.mix.NoConsent) {
		return nil
	}
	names := make([]string, 0, len(have))
	for _, a := range have {
		names = append(names, a.Channel)
	}
	if g.chance(g.mix.LessConsent) {
		i := g.rng.IntN(len(names))
		names = slices.Delete(names, i, i+1)
	}
	if len(names) == 0 {
		return nil
	}
	return names
}

// preferences are up to the mix's number of the customer's channels, drawn by weight one by one.
func (g *generator) preferences(r *Recipient) []string {
	var names []string
	for len(names) < g.mix.Preferences {
		i := g.pick(len(g.mix.Channels), func(i int) float64 {
			c := &g.mix.Channels[i]
			if r.Address(c.Name) == "" || slices.Contains(names, c.Name) {
				return 0
			}
			return c.Weight
		})
		if i < 0 {
			break
		}
		names = append(names, g.mix.Channels[i].Name)
	}
	return names
}

func list(one string) []string {
	if one == "" {
		return nil
	}
	return []string{one}
}
