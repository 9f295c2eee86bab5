package templates

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

func must(t *testing.T, s string, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is left out is left out by rank, and what is less important takes the room that is left.
func TestChoose(t *testing.T) {
	part := func(rank int, long, short string) string {
		s, err := rather(rank, long, short)
		return must(t, s, err)
	}
	text := "a" + part(3, "ccc", "") + part(1, "bb", "") + part(2, "dddd", "d") + part(4, "e", "") + "z"
	for room, want := range map[int]string{
		99: "acccbbddddez", 12: "acccbbddddez", 11: "acccbbddddz", 10: "abbddddez", 9: "abbddddez", 8: "abbddddz",
		7: "abbdez", 6: "abbdez", 5: "abbdz", 4: "adez", 3: "adz", 0: "adz",
	} {
		got := choose(text, func(s string) bool { return len(s) <= room })
		if got != want {
			t.Errorf("room for %d: got %s, want %s", room, got, want)
		}
	}
}

// Whatever the parts: the text is no longer than asked for if that is possible at all, every part is
// whole or its short form, and with room enough all are whole.
func TestChooseProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.StringMatching(`[a-z]{0,9}`)
		var text, longest, shortest strings.Builder
		for range rapid.IntRange(0, 8).Draw(rt, "parts") {
			literal, long, short := words.Draw(rt, "literal"), words.Draw(rt, "long"), words.Draw(rt, "short")
			part, err := rather(rapid.IntRange(1, 9).Draw(rt, "rank"), long, short)
			if err != nil {
				rt.Fatal(err)
			}
			text.WriteString(literal + part)
			longest.WriteString(literal + long)
			shortest.WriteString(literal + short)
		}
		if got := choose(text.String(), func(string) bool { return true }); got != longest.String() {
			rt.Errorf("with room for all: %q, want %q", got, longest.String())
		}
		room := rapid.IntRange(0, 80).Draw(rt, "room")
		got := choose(text.String(), func(s string) bool { return len(s) <= room })
		if len(got) > max(room, shortest.Len()) || strings.ContainsFunc(got, isMarker) {
			rt.Errorf("room for %d: got %q", room, got)
		}
	})
}

func TestBadChoices(t *testing.T) {
	inner, err := optional(1, "x")
	must(t, inner, err)
	for _, rank := range []int{-1, 0, 10} {
		if _, err := optional(rank, "x"); err == nil {
			t.Errorf("rank %d is taken", rank)
		}
	}
	if _, err := optional(1, "a"+inner); err == nil {
		t.Error("a part within a part is taken")
	}
}

// An update that says too much loses what may be left out, never a part of a sentence, and where that
// isn't enough goes out longer, which is an error in peacetime.
func TestTooLong(t *testing.T) {
	r := renderer(t)
	for _, locale := range r.Locales() {
		u := story()[1]
		advice := strings.Repeat("Use cash. ", 40)
		u.Advice = incident.Text{locale: advice}
		c := render(t, r, u, channels.SMS, locale)
		text := expand(t, c.Text)
		if err := Fits(&c, channels.SMS, u.Status, locale); err != nil || strings.Contains(text, "Use") || !strings.Contains(text, "18:45") {
			t.Errorf("%v: %s", err, text)
		}
		u.Short = incident.Text{locale: strings.Repeat("Cards fail in shops. ", 20)}
		c = render(t, r, u, channels.SMS, locale)
		err := Fits(&c, channels.SMS, u.Status, locale)
		if err == nil || !strings.Contains(err.Error(), "at most 2: shorten short."+locale) {
			t.Errorf("error %v", err)
		}
		if text := expand(t, c.Text); strings.Count(text, "Cards fail in shops.") != 20 {
			t.Errorf("%s: cut: %s", locale, text)
		}
	}
}

// Whatever the update says, in texts that fit nothing is cut, and optional parts never make a text too long.
func TestFitProperty(t *testing.T) {
	r := renderer(t)
	rapid.Check(t, func(rt *rapid.T) {
		all := story()
		u := all[rapid.IntRange(0, len(all)-1).Draw(rt, "update")]
		words := rapid.StringMatching(`[A-Z][a-zșț ]{0,90}\.`)
		summary := words.Draw(rt, "summary")
		u.Short, u.Summary = nil, incident.Text{"ro": summary}
		u.Advice, u.Cause = incident.Text{"ro": words.Draw(rt, "advice")}, incident.Text{"ro": words.Draw(rt, "cause")}
		u.Alternatives = map[string]incident.Text{"balti": {"ro": words.Draw(rt, "alternative")}}
		for _, kind := range []channels.Kind{channels.SMS, channels.Social, channels.Push} {
			c, err := r.Render(u, kind, "ro")
			if err != nil {
				rt.Fatal(err)
			}
			if err := Fits(&c, kind, u.Status, "ro"); err != nil {
				rt.Errorf("%v: %s", err, c.Text.Sample())
			}
			said := strings.Join(strings.Fields(summary), " ")
			if kind == channels.SMS {
				said = gsmFold(said)
			}
			if !strings.Contains(c.Text.Sample(), said) {
				rt.Errorf("the summary is cut: %s", c.Text.Sample())
			}
		}
	})
}

// A team's text whose own words are too many is found when the Renderer is made.
func TestTextTooLongByItself(t *testing.T) {
	long := `{{define "resolved"}}{{.Organisation}} ` + strings.Repeat("работает ", 20) + `{{end}}`
	_, err := New(Options{Catalogue: bank(), Layers: []fs.FS{fstest.MapFS{"ru/sms.tmpl": {Data: []byte(long)}}}})
	if err == nil || strings.Count(err.Error(), "sms text") != 1 ||
		!strings.Contains(err.Error(), `sms text "resolved" in ru has 3 segments of UCS-2, at most 2`) {
		t.Errorf("error %v", err)
	}
}

func TestMeasure(t *testing.T) {
	for kind, want := range map[channels.Kind]string{
		channels.SMS: "3 segments of UCS-2, at most 2", channels.Social: "140 characters as X counts them, at most 280",
		channels.Messenger: "140 characters, at most 900", channels.Email: "140 characters", channels.Web: "140 characters",
		channels.Voice: "140 characters, at most 450", channels.Push: "140 characters, at most 320",
	} {
		l := Measure(kind, strings.Repeat("ж", 140))
		if l.String() != want || l.Over() != (kind == channels.SMS) {
			t.Errorf("%s: %s, over %v", kind, l, l.Over())
		}
	}
	if l := Measure(channels.Social, "a https://example.com/"+strings.Repeat("x", 300)); l.Count != 25 {
		t.Errorf("a post with a link has %s", l)
	}
}

// The longest alternative counts, written as it will be.
func TestAlternativesCount(t *testing.T) {
	u := minimal()[0]
	short, long := "Aici.", strings.Repeat("ș", 290)
	u.Alternatives = map[string]incident.Text{"balti": {"ro": short}, "chisinau": {"ro": long}}
	c := render(t, renderer(t), u, channels.SMS, "ro")
	if c.Personal() || Fits(&c, channels.SMS, u.Status, "ro") != nil {
		t.Errorf("an alternative that doesn't fit is said: %+v", c)
	}
	u.Alternatives["chisinau"] = incident.Text{"ro": strings.Repeat("ș", 60)}
	c = render(t, renderer(t), u, channels.SMS, "ro")
	if text := fullest(c.Text, c.Recipe); !strings.Contains(text, strings.Repeat("s", 60)) || Measure(channels.SMS, text).Over() {
		t.Errorf("%+v: %s", c.Recipe, text)
	}
}
