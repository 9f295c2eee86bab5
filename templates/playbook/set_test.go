package playbook

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
)

// bank is an installation with a folder of playbooks, given as paths and contents.
func bank(t testing.TB, files map[string]string) Options {
	t.Helper()
	o := Options{
		Catalogue: templates.Catalogue{
			Organisation: incident.Text{"en": "Meridian Bank", "ro": "Banca Meridian", "ru": "Банк Меридиан"},
			Services: map[string]incident.Text{
				"cards": {"en": "card payments", "ro": "plăți cu cardul", "ru": "оплата картой"},
				"atm":   {"en": "cash machines", "ro": "bancomate", "ru": "банкоматы"},
			},
			Regions:       map[string]incident.Text{"balti": {"en": "Bălți", "ro": "Bălți", "ru": "Бельцы"}},
			DefaultLocale: "ro", Location: time.UTC, StatusPage: "https://status.bank.example",
		},
		Approval: Approval{People: 1}, ApprovedBy: "the configuration",
		Channels: []Channel{{Name: "sms"}, {Name: "email"}, {Name: "mastodon", Accounts: []string{"bank", "bank_ru"}}},
		Words:    []string{"preferred", "next"},
	}
	if files != nil {
		o.Own, o.Place = folder(files), "playbooks"
	}
	return o
}

func folder(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for path, text := range files {
		fsys[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func loaded(t testing.TB, files map[string]string) *Set {
	t.Helper()
	s, err := Load(bank(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func names(s *Set) string {
	var all []string
	for _, p := range s.All() {
		all = append(all, p.Name)
	}
	return strings.Join(all, " ")
}

// TestBuiltIn holds the playbooks that come with the program to all that a team's are held to.
func TestBuiltIn(t *testing.T) {
	o := bank(t, nil)
	s, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(s); got != "datacentre degraded generic messenger-down migration security" {
		t.Errorf("there are %s", got)
	}
	for _, p := range s.All() {
		if p.Description == "" || p.For.rank() > 0 {
			t.Errorf("%s: has no description, or is chosen by itself: %+v", p.Name, p.For)
		}
		if _, err := p.renderer(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		c := checking{options: &o, playbook: p}
		c.names()
		c.rules()
		c.locales()
		c.lengths()
		for _, f := range c.faults {
			t.Errorf("%s: %s", p.Name, f)
		}
	}
}

// TestBuiltInTextsAreTried, since installations take them for good.
func TestBuiltInTextsAreTried(t *testing.T) {
	o := bank(t, nil)
	for _, p := range loaded(t, nil).All() {
		if _, err := templates.New(templates.Options{Catalogue: o.Catalogue, Layers: p.layers}); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

// TestBuiltInTextsDiffer where they were written to: each says in each language what the usual text doesn't.
func TestBuiltInTextsDiffer(t *testing.T) {
	s := loaded(t, nil)
	u := incident.Update{Time: time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC), Data: incident.Data{
		Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Major, Summary: typicalSummary(), Advice: typicalAdvice(),
		StartedAt: time.Date(2026, 5, 4, 17, 0, 0, 0, time.UTC), Affects: incident.Audience{Services: []string{"cards"}},
	}}
	for name, words := range map[string]map[string]string{
		"degraded":       {"en": "slow", "ro": "mai lent", "ru": "медленн"},
		"messenger-down": {"en": "here because", "ro": "aici pentru că", "ru": "сюда"},
		"datacentre":     {"en": "nearest branch", "ro": "apropiată filială", "ru": "ближайшее отделение"},
		"security":       {"en": "never ask", "ro": "niciodată", "ru": "никогда не спрашиваем"},
		"migration":      {"en": "move", "ro": "sistem nou", "ru": "переход"},
	} {
		u.Playbook = name
		if name == "migration" {
			u.Kind, u.Status = incident.Maintenance, incident.Scheduled
		} else {
			u.Kind, u.Status = incident.Outage, incident.Investigating
		}
		p, faults := s.Prepare(u)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		for locale, word := range words {
			for _, kind := range []channels.Kind{channels.Messenger, channels.Email, channels.Social} {
				c, err := p.Render(kind, locale)
				if err != nil {
					t.Fatal(err)
				}
				if said := c.Subject.Sample() + c.Text.Sample(); !strings.Contains(strings.ToLower(said), word) {
					t.Errorf("%s, %s in %s does not say %q: %s", name, kind, locale, word, said)
				}
			}
		}
	}
}

// TestBuiltInPostsAreSentences: a post has no name before it, so that each sentence in it begins as sentences
// do, however little room there is.
func TestBuiltInPostsAreSentences(t *testing.T) {
	s := loaded(t, nil)
	o := bank(t, nil)
	small := regexp.MustCompile(`(^|[.!?]\s+)\p{Ll}`)
	for _, p := range s.All() {
		c := checking{options: &o, playbook: p}
		for _, u := range c.typical() {
			for _, long := range []int{1, 4} {
				u.Playbook, u.Summary = p.Name, incident.Text{}
				for locale, text := range typicalSummary() {
					u.Summary[locale] = strings.TrimSpace(strings.Repeat(text+" ", long))
				}
				u.Short = u.Summary
				for _, locale := range []string{"en", "ro", "ru"} {
					if said := strings.ReplaceAll(rendered(t, s, u, channels.Social, locale), "https:", ""); small.MatchString(said) {
						t.Errorf("%s: %s in %s: a sentence begins small: %s", p.Name, u.Status, locale, said)
					}
				}
			}
		}
	}
}

// TestBuiltInHolding: what Tocsin says by itself while a repair is watched is not that it is being worked on.
func TestBuiltInHolding(t *testing.T) {
	s := loaded(t, nil)
	o := bank(t, nil)
	for _, p := range s.All() {
		c := checking{options: &o, playbook: p}
		for _, u := range c.typical() {
			if u.Playbook, u.Automatic = p.Name, incident.Holding; u.Status != incident.Monitoring {
				continue
			}
			for locale, want := range map[string]string{"en": "still keeping watch", "ro": "urmărim situația în continuare", "ru": "продолжаем наблюдать"} {
				for _, kind := range []channels.Kind{channels.Email, channels.Messenger, channels.Social} {
					if said := rendered(t, s, u, kind, locale); !strings.Contains(said, want) {
						t.Errorf("%s: %s in %s: %s", p.Name, kind, locale, said)
					}
				}
			}
		}
	}
}

// rendered is what an update says.
func rendered(t *testing.T, s *Set, u incident.Update, kind channels.Kind, locale string) string {
	t.Helper()
	p, faults := s.Prepare(u)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	c, err := p.Render(kind, locale)
	if err != nil {
		t.Fatal(err)
	}
	return c.Text.Sample()
}

func TestSecurityHasNoLinksInSMS(t *testing.T) {
	s := loaded(t, nil)
	o := bank(t, nil)
	c := checking{options: &o, playbook: s.Get("security")}
	for _, u := range c.typical() {
		u.Playbook = "security"
		p, faults := s.Prepare(u)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		for _, locale := range p.Locales {
			text, err := p.Render(channels.SMS, locale)
			if err != nil {
				t.Fatal(err)
			}
			switch u.Status {
			case incident.Investigating, incident.Identified, incident.Resolved:
				if said := text.Text.Sample(); strings.Contains(said, "://") {
					t.Errorf("%s in %s has a link: %s", u.Status, locale, said)
				}
			}
		}
	}
}
