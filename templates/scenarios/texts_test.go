package scenarios_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
	"github.com/tocsin-dev/tocsin/templates/lint"
	"github.com/tocsin-dev/tocsin/templates/playbook"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestTexts keeps everything that is said, in all languages and on all kinds of channel, as customers
// read it; and everything fits.
func TestTexts(t *testing.T) {
	for _, name := range scenarios.Names() {
		s := load(t, name)
		set := playbooks(t, s.Bank)
		for _, locale := range set.Locales() {
			var b strings.Builder
			for _, u := range updates(t, s) {
				prepared, faults := set.Prepare(u)
				if len(faults) > 0 {
					t.Fatal(faults)
				}
				fmt.Fprintf(&b, "######## %s, %s\n\n", u.Status, u.Time.In(s.TimeStart.Location()).Format("Monday 15:04"))
				for _, kind := range templates.Kinds() {
					b.WriteString(said(t, &prepared, u, kind, locale))
				}
			}
			golden(t, name+"."+locale, b.String())
		}
	}
}

// TestLint holds all that is said to what package lint checks.
func TestLint(t *testing.T) {
	settings := lint.Settings{Domains: []string{"banca-meridian.example"}, Locales: []string{"en", "ro", "ru"}}
	for _, name := range scenarios.Names() {
		s := load(t, name)
		set := playbooks(t, s.Bank)
		var previous *incident.Update
		for _, u := range updates(t, s) {
			p := set.Choose(&u)
			r, err := p.Texts()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range lint.Update(r, p.Said(u), previous, settings) {
				t.Errorf("%s at %v, %s: %+v", name, u.Time, u.Status, f)
			}
			previous = &u
		}
	}
}

// said renders one text as golden files have it.
func said(t *testing.T, p *playbook.Prepared, u incident.Update, kind channels.Kind, locale string) string {
	t.Helper()
	c, err := p.Render(kind, locale)
	if err != nil {
		t.Fatalf("%s %s %s: %v", u.Status, kind, locale, err)
	}
	if err := templates.Fits(&c, kind, u.Status, locale); err != nil {
		t.Errorf("at %v: %v", u.Time, err)
	}
	text := expand(t, &c, c.Text, kind)
	length := templates.Measure(kind, text)
	if subject := expand(t, &c, c.Subject, kind); subject != "" {
		text = subject + "\n\n" + text
	}
	return fmt.Sprintf("==== %s: %s\n%s\n\n", kind, length, text)
}

// expand writes a text for one customer, and what is public for everybody.
func expand(t *testing.T, c *notification.Content, s notification.Segments, kind channels.Kind) string {
	t.Helper()
	reader := audience.Recipient{Name: "Ana Rusu", Regions: []string{"chisinau"}}
	if kind == channels.Social || kind == channels.Web {
		reader = audience.Recipient{ID: audience.AccountPrefix + "public"}
	}
	text, err := s.Expand(templates.Values(c, &reader))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", file, diff)
	}
}
