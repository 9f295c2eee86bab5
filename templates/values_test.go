package templates

import (
	"io/fs"
	"testing"
	"testing/fstest"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// moldova is the bank with its zone by name.
func moldova(t testing.TB) Catalogue {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Chisinau")
	if err != nil {
		t.Fatal(err)
	}
	c := bank()
	c.Location = zone
	return c
}

func in(zone string, regions ...string) *audience.Recipient {
	return &audience.Recipient{Zone: zone, Regions: regions}
}

// read is what a recipient reads.
func read(t testing.TB, c *notification.Content, s notification.Segments, r *audience.Recipient) string {
	t.Helper()
	text, err := s.Expand(Values(c, r))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Recipients read times in their own zone: today is their today.
func TestTimesInTheRecipientsZone(t *testing.T) {
	r, err := New(Options{Catalogue: moldova(t), Layers: []fs.FS{fstest.MapFS{
		"ro/sms.tmpl": {Data: []byte(`{{define "in_progress"}}{{.StartedAt.At}}; {{.NextUpdateAt.By}}; {{.NextUpdateAt.Till}}; {{.StartedAt.Since}}; {{.Window}}; {{.Hours}}{{end}}`)},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	u := story()[6]
	u.Time = may(4, 23, 0)
	u.StartedAt, u.EndsAt, u.NextUpdateAt = may(4, 22, 0), new(may(5, 3, 0)), new(may(5, 0, 30))
	c := render(t, r, u, channels.SMS, "ro")
	const here = "astazi, la 22:00; maine, pana la 00:30; pana maine la 00:30; de la 22:00; " +
		"din 4 mai, ora 22:00, pana pe 5 mai, ora 03:00; astazi, intre 22:00 si 03:00"
	for zone, want := range map[string]string{
		"Europe/Chisinau": here, "Europe/Bucharest": here, "": here, "No/Such": here,
		"Europe/London": "astazi, la 20:00; astazi, pana la 22:30; pana la 22:30; de la 20:00; " +
			"din 4 mai, ora 20:00, pana pe 5 mai, ora 01:00; astazi, intre 20:00 si 01:00",
		"Asia/Tokyo": "astazi, la 04:00; astazi, pana la 06:30; pana la 06:30; de la 04:00; " +
			"astazi, intre 04:00 si 09:00; astazi, intre 04:00 si 09:00",
		"Pacific/Honolulu": "astazi, la 09:00; astazi, pana la 11:30; pana la 11:30; de la 09:00; " +
			"astazi, intre 09:00 si 14:00; astazi, intre 09:00 si 14:00",
	} {
		if got := read(t, &c, c.Text, in(zone)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", zone, got, want)
		}
	}
	for _, zone := range []string{"", "Europe/Chisinau", "Europe/Bucharest"} {
		if v := Values(&c, in(zone)); v != nil {
			t.Errorf("%s: values %v where the usual ones are right", zone, v)
		}
	}
}

// The alternative of the recipient's region follows the advice, and leaves no hole elsewhere.
func TestAlternatives(t *testing.T) {
	r := renderer(t)
	u := story()[1]
	u.Affects = incident.Audience{} // leaves room
	u.Alternatives = map[string]incident.Text{"balti": {"ro": "Filiala din Strada Păcii 1 <lucrează>", "en": "Go to Peace Street 1"}}
	for _, advice := range []incident.Text{u.Advice, nil} {
		u.Advice = advice
		for _, kind := range []channels.Kind{channels.Email, channels.Messenger, channels.SMS, channels.Voice, channels.Push} {
			without, with := u, u
			without.Alternatives = nil
			c, plain := render(t, r, with, kind, "ro"), render(t, r, without, kind, "ro")
			for part, s := range map[string][2]notification.Segments{"text": {c.Text, plain.Text}, "html": {c.HTML, plain.HTML}} {
				if diff := cmp.Diff(s[1].Sample(), read(t, &c, s[0], in("", "chisinau"))); diff != "" {
					t.Errorf("%s %s elsewhere: %s", kind, part, diff)
				}
			}
		}
	}
	c := render(t, r, u, channels.Messenger, "ro")
	golden(t, "ro.alternative", read(t, &c, c.Text, in("", "north", "balti"))+"\n")
	c = render(t, r, u, channels.Email, "ro")
	golden(t, "ro.alternative.html", read(t, &c, c.HTML, in("", "balti")))
	for _, kind := range []channels.Kind{channels.Social, channels.Web} {
		if c := render(t, r, u, kind, "ro"); placeholders(&c)[alternative] {
			t.Errorf("%s has a reader's own alternative", kind)
		}
	}
	if c := render(t, r, u, channels.Web, "ro"); c.News.Advice != "Bălți: Filiala din Strada Păcii 1 <lucrează>." {
		t.Errorf("news: %s", c.News.Advice)
	}
	if v := Values(&c, in("", "balti")); v[alternative] == "" {
		t.Errorf("values %v", v)
	}
}

// Recipients' own values stand where texts ask for them, and fit what the text is written in.
func TestOwnValues(t *testing.T) {
	r, err := New(Options{Catalogue: moldova(t), Layers: []fs.FS{fstest.MapFS{
		"ro/sms.tmpl":       {Data: []byte(`{{define "resolved"}}Dragă {{recipient "name" "clientă"}}, veniți la {{recipient "branch" "filialele noastre: ș"}}.{{end}}`)},
		"ro/messenger.tmpl": {Data: []byte(`{{define "resolved"}}Veniți la {{recipient "branch" "filialele noastre: ș"}}.{{end}}`)},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	ana := &audience.Recipient{Name: "Anișoara", Zone: "Asia/Tokyo", Values: map[string]string{"branch": "Țării 1", "atm": "x"}}
	sms, messenger := render(t, r, story()[3], channels.SMS, "ro"), render(t, r, story()[3], channels.Messenger, "ro")
	for _, tt := range []struct {
		c    *notification.Content
		r    *audience.Recipient
		want string
	}{
		{&sms, ana, "Draga Anisoara, veniti la Tarii 1."},
		{&sms, &audience.Recipient{}, "Draga clienta, veniti la filialele noastre: s."},
		{&messenger, ana, "Veniți la Țării 1."},
		{&messenger, &audience.Recipient{Name: "Ana"}, "Veniți la filialele noastre: ș."},
	} {
		if got := read(t, tt.c, tt.c.Text, tt.r); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	if v := Values(&messenger, &audience.Recipient{Name: "Ana", Values: map[string]string{"atm": "x"}}); v != nil {
		t.Errorf("values that nothing asks for: %v", v)
	}
}

// What recipients share is not changed by what is their own.
func TestFillerShares(t *testing.T) {
	r := renderer(t)
	u := story()[1]
	u.Alternatives = map[string]incident.Text{"balti": {"en": "Go to Peace Street 1"}}
	c := render(t, r, u, channels.Email, "en")
	f := NewFiller(&c)
	first := f.Values(&audience.Recipient{Name: "Ana", Zone: "Asia/Tokyo", Regions: []string{"balti"}})
	second := f.Values(in("Asia/Tokyo", "balti"))
	if first["name"] != "Ana" || second["name"] != "" || len(first) != len(second)+1 || first["time.1"] != second["time.1"] {
		t.Errorf("%v, then %v", first, second)
	}
}

// Contents that were frozen before they had recipes ask for the name alone.
func TestValuesWithoutRecipe(t *testing.T) {
	c := &notification.Content{Text: notification.Segments{{Placeholder: "name", Default: "x"}}}
	if got := Values(c, &audience.Recipient{Name: "Ana", Zone: "Asia/Tokyo"}); !cmp.Equal(got, map[string]string{"name": "Ana"}) {
		t.Errorf("values %v", got)
	}
	if got := Values(&notification.Content{Text: notification.Literal("x")}, &audience.Recipient{Name: "Ana"}); got != nil {
		t.Errorf("values %v of a text without placeholders", got)
	}
}

func BenchmarkValues(b *testing.B) {
	r, err := New(Options{Catalogue: moldova(b)})
	if err != nil {
		b.Fatal(err)
	}
	c := render(b, r, story()[1], channels.SMS, "ro")
	for name, rec := range map[string]*audience.Recipient{
		"usual":         {Name: "Ana", Zone: "Europe/Chisinau", Regions: []string{"balti"}},
		"of other zone": {Name: "Ana", Zone: "Europe/London"},
	} {
		b.Run(name, func(b *testing.B) {
			f := NewFiller(&c)
			b.ReportAllocs()
			for b.Loop() {
				f.Values(rec)
			}
		})
	}
}
