package templates

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]map[string]string{
		0:                              {"en": "1 minute", "ro": "1 minut", "ru": "1 минуту"},
		90 * time.Second:               {"en": "2 minutes", "ro": "2 minute", "ru": "2 минуты"},
		time.Hour:                      {"en": "1 hour", "ro": "1 oră", "ru": "1 час"},
		2*time.Hour + 35*time.Minute:   {"en": "2 hours and 35 minutes", "ro": "2 ore și 35 de minute", "ru": "2 часа 35 минут"},
		5*time.Hour + time.Minute:      {"en": "5 hours and 1 minute", "ro": "5 ore și 1 minut", "ru": "5 часов 1 минуту"},
		21*time.Hour + 19*time.Minute:  {"en": "21 hours and 19 minutes", "ro": "21 de ore și 19 minute", "ru": "21 час 19 минут"},
		24 * time.Hour:                 {"en": "1 day", "ro": "1 zi", "ru": "1 день"},
		50*time.Hour + 29*time.Minute:  {"en": "2 days and 2 hours", "ro": "2 zile și 2 ore", "ru": "2 дня 2 часа"},
		119*time.Hour + 59*time.Minute: {"en": "5 days", "ro": "5 zile", "ru": "5 дней"},
	} {
		for tag, w := range languages() {
			if got := w.duration(d); got != want[tag] {
				t.Errorf("%v in %s: got %q, want %q", d, tag, got, want[tag])
			}
		}
	}
}

// Every number that a duration can hold has its form in every language.
func TestUnitsHaveEveryForm(t *testing.T) {
	for tag, w := range languages() {
		for _, u := range []unit{w.minute, w.hour, w.day} {
			for n := range 1000 {
				if _, err := w.plural(n, u...); err != nil {
					t.Errorf("%s: %v", tag, err)
				}
			}
		}
	}
}

// Teams count in their texts as ours do.
func TestPluralInTexts(t *testing.T) {
	text := func(s string) (string, error) {
		r, err := New(Options{Catalogue: bank(), Layers: []fs.FS{fstest.MapFS{
			"ru/sms.tmpl": {Data: []byte(`{{define "resolved"}}{{.Organisation}}: ` + s + `{{end}}`)},
		}}})
		if err != nil {
			return "", err
		}
		return expand(t, render(t, r, story()[3], channels.SMS, "ru").Text), nil
	}
	for n, want := range map[string]string{"1": "1 касса", "3": "3 кассы", "11": "11 касс", "21": "21 касса", "-2": "-2 кассы"} {
		got, err := text(`{{plural ` + n + ` "one" "# касса" "few" "# кассы" "many" "# касс"}}`)
		if err != nil || got != "Banca Nord: "+want {
			t.Errorf("%s: got %q, %v", n, got, err)
		}
	}
	for s, want := range map[string]string{
		`{{plural 5 "one" "# касса"}}`: `plural has no form "many", which ru has for 5`,
		`{{plural 5 "one"}}`:           "plural takes a number, and pairs",
		`{{say "nothing" .}}`:          `"nothing"`,
		`{{may 0 "x"}}`:                "a rank is a number from 1 to 9, not 0",
	} {
		if _, err := text(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", s, err)
		}
	}
}
