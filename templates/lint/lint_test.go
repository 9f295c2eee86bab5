package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
)

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func samples(t testing.TB) *Story {
	t.Helper()
	s, err := Samples()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// badMessages are those of a language: its own, and those of any.
func badMessages(t *testing.T, language string) []bad {
	t.Helper()
	var all []bad
	for _, file := range []string{"any", language} {
		raw, err := os.ReadFile("testdata/bad/" + file + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var messages []bad
		d := yaml.NewDecoder(bytes.NewReader(bytes.ReplaceAll(raw, []byte("LOCALE"), []byte(language))))
		d.KnownFields(true)
		if err := d.Decode(&messages); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, messages...)
	}
	return all
}

// notIn are the rules that can't be broken in a language.
var notIn = map[string][]string{
	"en": {"spelling"},                 // Romanian's
	"ru": {"spelling", "sms-alphabet"}, // Russian isn't written in the GSM alphabet
}

// TestBadMessages holds, for each rule and language, messages that break just this rule.
func TestBadMessages(t *testing.T) {
	s := samples(t)
	for _, language := range []string{"en", "ro", "ru"} {
		caught := map[string]bool{}
		for i, b := range badMessages(t, language) {
			t.Run(fmt.Sprintf("%s/%s/%d", language, b.Rule, i), func(t *testing.T) {
				all := Check(b.input(t, s, language))
				if len(all) == 0 {
					t.Fatal("found nothing")
				}
				if all[0].Place != b.Place {
					t.Errorf("found at %s, want %s", all[0].Place, b.Place)
				}
				for _, f := range all {
					if f.Rule != b.Rule {
						t.Errorf("found too: %+v", f)
					}
				}
			})
			caught[b.Rule] = true
		}
		for _, rule := range Rules() {
			if !caught[rule.Name] && !slices.Contains(notIn[language], rule.Name) {
				t.Errorf("no message in %s breaks %s", language, rule.Name)
			}
		}
	}
}

// TestGoodMessages checks the samples of every status, of which the bad messages are made.
func TestGoodMessages(t *testing.T) {
	s := samples(t)
	for _, u := range s.Updates {
		b := bad{Base: string(u.Status), Update: map[string]any{}}
		in := b.input(t, &Story{s.Organisation, s.Services, s.Regions, s.Domain, s.Zone, []incident.Update{u}}, "en", "ro", "ru")
		for _, f := range Check(in) {
			t.Errorf("%s: %+v", u.Status, f)
		}
		if faults := faultsOf(u); len(faults) > 0 {
			t.Errorf("%s: %v", u.Status, faults)
		}
	}
}

// TestSamplesAreWhole: playbooks' texts are tried for every status.
func TestSamplesAreWhole(t *testing.T) {
	s := samples(t)
	for _, status := range templates.Statuses() {
		sampleOf(t, s, status)
	}
}

func TestRulesAreTold(t *testing.T) {
	seen := map[string]bool{}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		if seen[r.Name] || r.Doc == "" || !strings.HasSuffix(r.Doc, ".") || r.Severity != Error && r.Severity != Warning {
			t.Errorf("rule %+v", r)
		}
		seen[r.Name] = true
		if line := fmt.Sprintf("//	%-19s  %-7s  %s\n", r.Name, r.Severity, r.Doc); !strings.Contains(string(doc), line) {
			t.Errorf("the package's documentation lacks the line\n%s", line)
		}
	}
}

// TestSettings: what an organisation wants is added to what the rules know, and taken from it.
func TestSettings(t *testing.T) {
	s := samples(t)
	check := func(o Settings, advice string) []string {
		b := bad{Base: "investigating", Settings: o, Update: map[string]any{"advice": map[string]any{"en": advice}}}
		var rules []string
		for _, f := range Check(b.input(t, s, "en")) {
			rules = append(rules, f.Rule)
		}
		return rules
	}
	for _, tt := range []struct {
		name     string
		settings Settings
		advice   string
		want     []string
	}{
		{"jargon by itself", Settings{}, "Pay through the other gateway.", []string{"jargon"}},
		{"allowed", Settings{Allowed: map[string][]string{"en": {"Gateway*"}}}, "Pay through the other gateway.", nil},
		{"allowed in another language", Settings{Allowed: map[string][]string{"ro": {"gateway"}}}, "Pay through the other gateway.", []string{"jargon"}},
		{"own phone", Settings{Phones: []string{"+373 22 123 456"}}, "Call +373-22-123-456.", nil},
		{"shorter sentences", Settings{SentenceWords: map[string]int{"en": 8}}, "Please pay in cash, or wait until it works again.", []string{"sentence-length"}},
		{"a list is no long sentence", Settings{SentenceWords: map[string]int{"en": 8}}, "Cash, cheques, vouchers, coupons, tokens, stamps, coins, notes, gold.", nil},
		{"no emoji", Settings{Emoji: -1}, "Please pay in cash 💶.", []string{"emoji"}},
		{"one emoji", Settings{}, "Please pay in cash 💶.", nil},
		{"longer messages", Settings{MessageLength: 100}, "Please pay in cash.", []string{"message-length"}},
	} {
		if got := check(tt.settings, tt.advice); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestSilentUpdate: one that only merges its incident into another says nothing, and needs nothing.
func TestSilentUpdate(t *testing.T) {
	u := incident.Update{Data: incident.Data{Kind: incident.Outage, Status: incident.Identified, MergedInto: "other"}}
	if all := Check(Input{Update: u, Settings: Settings{Locales: []string{"en"}}}); len(all) > 0 {
		t.Errorf("%+v", all)
	}
}

// TestRendererFindsWhatTextsSay: a playbook's texts are found out, with the status that they are for.
func TestRendererFindsWhatTextsSay(t *testing.T) {
	organisation := incident.Text{"en": "Another bank", "ro": "Altă bancă", "ru": "Другой банк"}
	r, err := templates.New(templates.Options{
		Catalogue: templates.Catalogue{Organisation: organisation, DefaultLocale: "en", Location: time.UTC},
		Layers:    []fs.FS{fstest.MapFS{"en/sms.tmpl": {Data: []byte(`{{define "scheduled"}}{{.Organisation}}: {{.Brief}} It is back soon.{{end}}`)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := Renderer(r, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	want := Finding{
		Rule: "vague-promise", Severity: Error, Place: "sms/en", Also: []string{"voice/en", "push/en"}, Words: "soon", Status: incident.Scheduled,
		Reason: "is no time: give one, or say that there is none yet and when the next update comes",
	}
	if len(all) != 1 || !reflect.DeepEqual(all[0], want) {
		t.Errorf("%+v", all)
	}
}

// TestAcknowledging: there are many ways to say that something doesn't work.
func TestAcknowledging(t *testing.T) {
	s := samples(t)
	i := slices.IndexFunc(s.Updates, func(u incident.Update) bool { return u.Status == incident.Investigating })
	for _, summary := range []string{
		"Card payments have not been working since 13:00.", "Cash machines have not worked since 13:00.",
		"You have not been able to log in since 13:00.", "Nothing works in our branches since 13:00.", "Card payments fail.",
	} {
		u := s.Updates[i]
		u.Summary, u.Short = incident.Text{"en": summary}, nil
		for _, f := range Check(Input{Update: u, Services: s.Services, Regions: s.Regions, Organisation: s.Organisation, Zone: s.Zone}) {
			if f.Rule == "acknowledges" {
				t.Errorf("%q: %+v", summary, f)
			}
		}
	}
}
