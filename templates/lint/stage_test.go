package lint

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
)

// bad is a message that breaks one rule, told by what it differs in from a good one.
type bad struct {
	Rule string `yaml:"rule"`
	// Place is where the first finding must be.
	Place string `yaml:"place"`
	// Base is the status of the sample update that it is made of, and Update what is other (RFC 7396).
	Base   string         `yaml:"base"`
	Update map[string]any `yaml:"update"`
	// Previous is in what the update before it differs from the base.
	Previous map[string]any `yaml:"previous"`
	// Languages that it has; else that of its file.
	Languages []string `yaml:"languages"`
	Settings  Settings `yaml:"settings"`
	// Texts replace what kinds of channel say, Add is put behind it, and Pad makes it so long.
	Texts map[string]string `yaml:"texts"`
	Add   map[string]string `yaml:"add"`
	Pad   map[string]int    `yaml:"pad"`
	// Unsorry and Uncaused leave the apology and the promise of a cause out of the texts.
	Unsorry  bool `yaml:"unsorry"`
	Uncaused bool `yaml:"uncaused"`
	// Elsewhere leaves the region out of texts that are short.
	Elsewhere bool `yaml:"elsewhere"`
	// Rendered takes the built-in texts, and Decode reads the update as it arrives.
	Rendered bool `yaml:"rendered"`
	Decode   bool `yaml:"decode"`
}

// manners are what the texts of the stage say around an update's fields, so that a good update's texts
// are good. They are few, and don't change with the built-in texts.
type manners struct{ sorry, next, estimate, follows, over string }

var spoken = map[string]manners{
	"en": {"We are sorry.", "We will write again by ", "It may be over by ", "We will tell you what caused it.", "It ended at "},
	"ro": {"Ne cerem scuze.", "Revenim până la ", "Sperăm să terminăm până la ", "Vă spunem ce s-a întâmplat.", "S-a încheiat la "},
	"ru": {"Просим прощения.", "Напишем до ", "Надеемся закончить до ", "О причине расскажем.", "Закончилось в "},
}

// say makes a text of an update in one language.
func (b *bad) say(s *Story, u *incident.Update, kind channels.Kind, locale string) string {
	if t, ok := b.Texts[string(kind)]; ok {
		return t
	}
	m := spoken[locale]
	long := (&rendition{Text: Text{Kind: kind}}).long()
	first := u.Summary[locale]
	if !long && kind != channels.Social && u.Short[locale] != "" {
		first = u.Short[locale]
	}
	parts := []string{first}
	for ids, names := range map[*[]string]map[string]incident.Text{&u.Affects.Services: s.Services, &u.Affects.Regions: s.Regions} {
		for _, id := range *ids {
			if b.Elsewhere && !long && ids == &u.Affects.Regions {
				continue
			}
			parts = append(parts, names[id][locale]+".")
		}
	}
	slices.Sort(parts[1:])
	if !b.Unsorry {
		parts = append(parts, m.sorry)
	}
	if kind == channels.Email || kind == channels.Messenger {
		parts = append(parts, u.Advice[locale])
	}
	if u.Estimate != nil {
		parts = append(parts, m.estimate+u.Estimate.At.In(s.Zone).Format("15:04")+".")
	}
	if u.NextUpdateAt != nil {
		parts = append(parts, m.next+u.NextUpdateAt.In(s.Zone).Format("15:04")+".")
	}
	if u.ResolvedAt != nil {
		parts = append(parts, m.over+u.ResolvedAt.In(s.Zone).Format("15:04")+".")
	}
	if long {
		parts = append(parts, u.Cause[locale], u.Compensation[locale])
		if u.Status == incident.Resolved && !b.Uncaused {
			parts = append(parts, m.follows)
		}
	}
	text := strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ") + b.Add[string(kind)]
	for len([]rune(text)) < b.Pad[string(kind)] {
		text += "\n" + first[:strings.IndexByte(first, ' ')]
	}
	if locale != "ru" && kind == channels.SMS {
		text = strings.NewReplacer("ă", "a", "â", "a", "î", "i", "ș", "s", "ț", "t", "Ș", "S", "Ț", "T", "Î", "I").Replace(text)
	}
	return text
}

var placeholders = regexp.MustCompile(`\{([a-z]+)(?:\|([a-z]+))?\}`)

// content reads {name} and {name|default} as placeholders.
func content(text string) notification.Content {
	var parts notification.Segments
	from := 0
	for _, at := range placeholders.FindAllStringSubmatchIndex(text, -1) {
		if at[0] > 0 && text[at[0]-1] == '{' {
			continue // {{name}} is no placeholder of ours
		}
		seg := notification.Segment{Placeholder: text[at[2]:at[3]]}
		if at[4] >= 0 {
			seg.Default = text[at[4]:at[5]]
		}
		parts = append(append(parts, notification.Literal(text[from:at[0]])...), seg)
		from = at[1]
	}
	return notification.Content{Text: append(parts, notification.Literal(text[from:])...)}
}

// input is what is checked of a message, in the languages it has.
func (b *bad) input(t *testing.T, s *Story, languages ...string) Input {
	t.Helper()
	if len(b.Languages) > 0 {
		languages = b.Languages
	}
	base := sampleOf(t, s, incident.Status(b.Base))
	in := Input{
		Update: patched(t, base, languages, b.Update), Settings: b.Settings,
		Services: s.Services, Regions: s.Regions, Organisation: s.Organisation, Zone: s.Zone,
	}
	in.Settings.Domains = []string{s.Domain}
	if b.Previous != nil {
		previous := patched(t, base, languages, b.Previous)
		in.Previous = &previous
	}
	if b.Decode {
		in.Faults = faultsOf(in.Update)
		return in
	}
	if b.Rendered {
		r, err := templates.New(templates.Options{Catalogue: s.Catalogue()})
		if err != nil {
			t.Fatal(err)
		}
		return InputOf(r, in.Update, nil, in.Settings)
	}
	for _, locale := range languages {
		for _, kind := range templates.Kinds() {
			in.Texts = append(in.Texts, Text{kind, locale, content(b.say(s, &in.Update, kind, locale))})
		}
	}
	return in
}

func faultsOf(u incident.Update) []incident.Fault {
	u.Source, u.EventID = "test", "1"
	_, err := incident.Encode(u)
	if e, ok := err.(*incident.FaultError); ok {
		return e.Faults
	}
	return nil
}

func sampleOf(t *testing.T, s *Story, status incident.Status) incident.Update {
	t.Helper()
	for _, u := range s.Updates {
		if u.Status == status {
			return u
		}
	}
	t.Fatalf("no sample of status %q", status)
	return incident.Update{}
}

// patched is a sample in some of its languages, merged with what is other.
func patched(t *testing.T, u incident.Update, languages []string, patch map[string]any) incident.Update {
	t.Helper()
	for _, text := range []*incident.Text{&u.Summary, &u.Short, &u.Advice, &u.Cause, &u.Compensation} {
		kept := maps.Clone(*text)
		maps.DeleteFunc(kept, func(locale, _ string) bool { return !slices.Contains(languages, locale) })
		*text = kept
	}
	var object map[string]any
	if err := yaml.Unmarshal(mustJSON(t, u), &object); err != nil {
		t.Fatal(err)
	}
	merge(object, patch)
	out, err := readUpdate(object)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// merge is RFC 7396.
func merge(into, patch map[string]any) {
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(into, k)
		case map[string]any:
			inner, ok := into[k].(map[string]any)
			if !ok {
				inner = map[string]any{}
				into[k] = inner
			}
			merge(inner, v)
		default:
			into[k] = v
		}
	}
}
