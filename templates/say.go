package templates

import (
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// functions are those that texts of a language call.
func functions(w *words) template.FuncMap {
	return template.FuncMap{
		"recipient": recipient, "facts": facts, "need": need, "may": optional, "rather": rather,
		"plural": w.plural,
		// Set for each kind, whose phrases it says.
		"say": func(string, any) (string, error) { return "", fmt.Errorf("say is not for the top of a file") },
	}
}

// say is the template function {{say "next" .}}: what {{template "next" .}} writes, as a value.
func say(set *template.Template) func(name string, data any) (string, error) {
	return func(name string, data any) (string, error) {
		var b strings.Builder
		err := set.ExecuteTemplate(&b, name, data)
		return strings.TrimSpace(b.String()), err
	}
}

// plural is the template function {{plural n "one" "# hour" "other" "# hours"}}: the form that the
// language has for n by the plural rules of CLDR, with n in the place of "#". English has the forms one
// and other, Romanian one, few and other, Russian one, few, many and other.
func (w *words) plural(n int, forms ...string) (string, error) {
	if len(forms) == 0 || len(forms)%2 != 0 {
		return "", fmt.Errorf("plural takes a number, and pairs of a form and its text")
	}
	want := pluralNames()[plural.Cardinal.MatchPlural(w.tag, max(n, -n), 0, 0, 0, 0)]
	for i := 0; i < len(forms); i += 2 {
		if forms[i] == want {
			return strings.ReplaceAll(forms[i+1], "#", strconv.Itoa(n)), nil
		}
	}
	return "", fmt.Errorf("plural has no form %q, which %s has for %d", want, w.tag, n)
}

func pluralNames() map[plural.Form]string {
	return map[plural.Form]string{
		plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
	}
}

// unit is what durations are counted in: its plural forms, as plural takes them.
type unit []string

// duration says how long something lasted, in whole minutes and at most two units: "2 hours and 35
// minutes", "3 days and 1 hour". Less than a minute is one.
func (w *words) duration(d time.Duration) string {
	minutes := max(1, int(d.Round(time.Minute)/time.Minute))
	if minutes >= 24*60 {
		hours := (minutes + 30) / 60
		return w.two(hours/24, w.day, hours%24, w.hour)
	}
	return w.two(minutes/60, w.hour, minutes%60, w.minute)
}

// two says a number of a unit, and of a smaller one.
func (w *words) two(n int, big unit, m int, small unit) string {
	var parts []string
	for _, x := range []struct {
		n int
		u unit
	}{{n, big}, {m, small}} {
		if x.n == 0 {
			continue
		}
		s, err := w.plural(x.n, x.u...)
		if err != nil {
			return "" // words have every form, as their test sees to
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, w.durationAnd)
}

func tag(s string) language.Tag { return language.MustParse(s) }
