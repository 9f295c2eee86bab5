package audience_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

func TestGenerateIsDeterministic(t *testing.T) {
	m := audience.DefaultMix()
	a, b := slices.Collect(audience.Generate(300, 7, m)), slices.Collect(audience.Generate(500, 7, m))
	if diff := cmp.Diff(a, b[:300]); diff != "" {
		t.Errorf("a smaller n gives others:\n%s", diff)
	}
	c := slices.Collect(audience.Generate(300, 8, m))
	if cmp.Equal(a, c) || a[0].Address("sms") == c[0].Address("sms") && a[1].Address("sms") == c[1].Address("sms") {
		t.Error("another seed gives the same")
	}
}

func TestGenerateStopsWhenAsked(t *testing.T) {
	for r := range audience.Generate(10, 1, audience.DefaultMix()) {
		if r.ID != "demo-0000001" {
			t.Fatalf("went on with %s", r.ID)
		}
		break
	}
}

// Made-up customers are in normal form, in order, and no address occurs twice.
func TestGenerateGivesNormalRecipients(t *testing.T) {
	checker := newChecker(t)
	seen, last := map[string]bool{}, ""
	for r := range audience.Generate(5_000, 3, audience.DefaultMix()) {
		normal := r
		if faults := checker.Check(&normal); faults != nil || !cmp.Equal(normal, r) {
			t.Fatalf("%+v is not in normal form: %v\n%s", r, faults, cmp.Diff(normal, r))
		}
		if r.ID <= last {
			t.Fatalf("%s after %s", r.ID, last)
		}
		last = r.ID
		for _, a := range r.Addresses {
			if seen[a.Address] {
				t.Fatalf("%s has an address of another's", r.ID)
			}
			seen[a.Address] = true
		}
		for _, p := range r.Preferences {
			if r.Address(p) == "" {
				t.Fatalf("%s prefers %s without an address on it", r.ID, p)
			}
		}
	}
}

// Shares come out as asked, within what chance allows for 20,000 customers.
func TestGenerateKeepsShares(t *testing.T) {
	m := audience.DefaultMix()
	m.NoAddress, m.NoConsent, m.LessConsent = 0.1, 0.2, 0.3
	const n = 20_000
	count := map[string]int{}
	for r := range audience.Generate(n, 5, m) {
		count["locale "+r.Locale]++
		count["region "+r.Regions[0]]++
		switch {
		case len(r.Addresses) == 0:
			count["no address"]++
		case len(r.Consents) == 0:
			count["no consent"]++
		case len(r.Consents) == len(r.Addresses)-1:
			count["less consent"]++
		}
		if slices.Contains(r.Services, "atm") {
			count["atm"]++
		}
	}
	for what, share := range map[string]float64{
		"no address": 0.1, "no consent": 0.9 * 0.2, "less consent": 0.9 * 0.8 * 0.3,
		"locale ro": 0.72, "locale ru": 0.24, "locale en": 0.04, "region chisinau": 0.5, "atm": 0.8,
	} {
		if got := float64(count[what]) / n; got < share-0.02 || got > share+0.02 {
			t.Errorf("%s: %.3f, want about %.3f", what, got, share)
		}
	}
}

func TestGeneratePreferencesFollowWeights(t *testing.T) {
	m := audience.DefaultMix()
	for i := range m.Channels {
		m.Channels[i].Share = 1
	}
	m.NoAddress, m.Preferences = 0, 1
	const n = 20_000
	first := map[string]int{}
	for r := range audience.Generate(n, 5, m) {
		first[r.Preferences[0]]++
	}
	for _, c := range m.Channels {
		if got := float64(first[c.Name]) / n; got < c.Weight-0.02 || got > c.Weight+0.02 {
			t.Errorf("%s: %.3f, want about %.3f", c.Name, got, c.Weight)
		}
	}
}

func TestGenerateOfNothing(t *testing.T) {
	got := slices.Collect(audience.Generate(1, 1, audience.Mix{Locales: []audience.Weight{{Name: "en", Weight: 1}}}))
	if len(got) != 1 || got[0].Addresses != nil || got[0].Services != nil || got[0].Regions != nil || got[0].Preferences != nil {
		t.Errorf("got %+v", got)
	}
}

func BenchmarkGenerate(b *testing.B) {
	b.ReportAllocs()
	for range audience.Generate(b.N, 1, audience.DefaultMix()) {
	}
}
