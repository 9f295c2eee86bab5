package templates

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func renderer(t testing.TB) *Renderer {
	t.Helper()
	r, err := New(Options{Catalogue: bank()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t testing.TB, r *Renderer, u incident.Update, kind channels.Kind, locale string) notification.Content {
	t.Helper()
	c, err := r.Render(u, kind, locale)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func expand(t testing.TB, s notification.Segments) string {
	t.Helper()
	text, err := s.Expand(map[string]string{"name": "Ana"})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// required lists the placeholders that have no default.
func required(c notification.Content) []string {
	var names []string
	for _, part := range []notification.Segments{c.Subject, c.Text, c.HTML} {
		for _, s := range part {
			if s.Placeholder != "" && s.Default == "" && !s.Optional {
				names = append(names, s.Placeholder)
			}
		}
	}
	return names
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
		t.Error(diff)
	}
}

// TestTexts keeps every text as customers would read it.
func TestTexts(t *testing.T) {
	r := renderer(t)
	for name, updates := range map[string][]incident.Update{"full": story(), "minimal": minimal(), "automatic": automatic()} {
		for _, locale := range r.Locales() {
			for _, kind := range Kinds() {
				var b strings.Builder
				for _, u := range updates {
					c := render(t, r, u, kind, locale)
					text := expand(t, c.Text)
					fmt.Fprintf(&b, "=== %s%s\n", u.Status, measure(kind, text))
					if len(c.Subject) > 0 {
						fmt.Fprintf(&b, "Subject: %s\n\n", expand(t, c.Subject))
					}
					fmt.Fprintf(&b, "%s\n\n", text)
				}
				golden(t, fmt.Sprintf("%s.%s.%s", locale, kind, name), b.String())
			}
		}
	}
}

func measure(kind channels.Kind, text string) string {
	if l := Measure(kind, text); l.Most > 0 {
		return fmt.Sprintf(" (%s)", l)
	}
	return ""
}

func TestHTML(t *testing.T) {
	r := renderer(t)
	for _, locale := range r.Locales() {
		golden(t, locale+".html", expand(t, render(t, r, story()[1], channels.Email, locale).HTML))
	}
}

func TestTypicalTextsFit(t *testing.T) {
	r := renderer(t)
	for _, u := range slices.Concat(story(), minimal(), automatic()) {
		for _, locale := range r.Locales() {
			for _, kind := range Kinds() {
				c := render(t, r, u, kind, locale)
				if err := Fits(&c, kind, u.Status, locale); err != nil {
					t.Error(err)
				}
			}
			text := expand(t, render(t, r, u, channels.SMS, locale).Text)
			if _, encoding := sms.Segments(text); (encoding == sms.GSM7) != (locale != "ru") {
				t.Errorf("SMS %s in %s is in %s: %s", u.Status, locale, encoding, text)
			}
			if strings.Contains(text, "\n") {
				t.Errorf("SMS %s in %s has more than one line", u.Status, locale)
			}
		}
	}
}

// Whatever is left out, no text shows a hole.
func TestNoHoles(t *testing.T) {
	r := renderer(t)
	for _, u := range slices.Concat(story(), minimal(), automatic()) {
		for _, locale := range r.Locales() {
			for _, kind := range Kinds() {
				c := render(t, r, u, kind, locale)
				for _, part := range []notification.Segments{c.Subject, c.Text, c.HTML} {
					text := expand(t, part)
					for _, bad := range []string{"  ", " \n", "\n\n\n", " .", " ,", "..", "()", ": \n", "<no value>", "%!", "!", "\uFDD0", "\uFDD2"} {
						if strings.Contains(text, bad) && !(bad == "!" && strings.HasPrefix(text, "<!doctype")) {
							t.Errorf("%s %s in %s holds %q:\n%s", kind, u.Status, locale, bad, text)
						}
					}
				}
			}
		}
	}
}

func TestLocales(t *testing.T) {
	r := renderer(t)
	if diff := cmp.Diff([]string{"en", "ro", "ru"}, r.Locales()); diff != "" {
		t.Error(diff)
	}
	u := minimal()[0]
	u.Summary["ro-MD"] = "Text din Moldova."
	for locale, want := range map[string]string{
		"en": "Some card", "en-GB": "Some card", "ro": "Unele", "ro-RO": "Unele", "ro-MD": "din Moldova",
		"ro_MD": "din Moldova", "RO-md": "din Moldova", "ru-UA": "Часть", "fr": "Unele", "": "Unele", "???": "Unele",
	} {
		if text := expand(t, render(t, r, u, channels.Social, locale).Text); !strings.Contains(text, want) {
			t.Errorf("locale %q: %s", locale, text)
		}
	}
}

func TestLocaleOfRecipient(t *testing.T) {
	r := renderer(t)
	for locale, want := range map[string]string{
		"en": "en", "en_GB": "en-GB", "RO-md": "ro-MD", "ru": "ru", "fr": "ro", "": "ro", "???": "ro",
	} {
		if got := r.Locale(locale); got != want {
			t.Errorf("%q: got %q, want %q", locale, got, want)
		}
	}
}

func TestMissing(t *testing.T) {
	r := renderer(t)
	for _, tt := range []struct {
		name   string
		kind   channels.Kind
		locale string
		spoil  func(*incident.Update)
		want   string
	}{
		{"summary", channels.SMS, "ru", func(u *incident.Update) { u.Summary = incident.Text{"en": "x"} }, `sms text "investigating" in ru: summary is missing`},
		{"summary in the regional locale", channels.Email, "ro-MD", func(u *incident.Update) { delete(u.Summary, "ro") }, `email text "investigating" in ro-MD: summary is missing`},
		{"cause", channels.Email, "ro", func(u *incident.Update) { u.Status = incident.Postmortem }, `email text "postmortem" in ro: cause is missing`},
		{"service", channels.Messenger, "en", func(u *incident.Update) { u.Affects.Services = []string{"loans"} }, `messenger text "investigating" in en: name of service "loans" is missing`},
		{"region", channels.Social, "en", func(u *incident.Update) { u.Affects.Regions = []string{"moon"} }, `social text "investigating" in en: name of region "moon" is missing`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := minimal()[0]
			tt.spoil(&u)
			_, err := r.Render(u, tt.kind, tt.locale)
			m, ok := errors.AsType[*MissingError](err)
			if !ok || err.Error() != tt.want || m.Kind != tt.kind || m.Status != u.Status {
				t.Errorf("error %v", err)
			}
		})
	}
	u := minimal()[0]
	u.Status = "burning"
	if _, err := r.Render(u, channels.SMS, "en"); err == nil {
		t.Error("an unknown status was rendered")
	}
	if _, err := r.Render(minimal()[0], "fax", "en"); err == nil {
		t.Error("a kind without texts was rendered")
	}
}

func TestNameOfOrganisation(t *testing.T) {
	c := bank()
	c.Organisation = incident.Text{"ro": "Banca Nord"}
	r, err := New(Options{Catalogue: c})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Render(minimal()[0], channels.SMS, "en")
	if m, ok := errors.AsType[*MissingError](err); !ok || m.Variable != "name of the organisation" {
		t.Errorf("error %v", err)
	}
}

func TestPlaceholders(t *testing.T) {
	r := renderer(t)
	for locale, want := range map[string][2]string{
		"en": {"Dear Ana & Co,", "Dear customer,"},
		"ro": {"Bună ziua, Ana & Co,", "Bună ziua, stimate client,"},
		"ru": {"Здравствуйте, Ana & Co.", "Здравствуйте, уважаемый клиент."},
	} {
		c := render(t, r, story()[0], channels.Email, locale)
		if names := required(c); len(names) > 0 {
			t.Errorf("%s: placeholders without a default: %v", locale, names)
		}
		for i, values := range []map[string]string{{"name": "Ana & Co"}, nil} {
			text, err := c.Text.Expand(values)
			html, errHTML := c.HTML.Expand(values)
			if err != nil || errHTML != nil {
				t.Fatal(err, errHTML)
			}
			if !strings.HasPrefix(text, want[i]+"\n") {
				t.Errorf("%s: text begins %.40q", locale, text)
			}
			if escaped := strings.ReplaceAll(want[i], "&", "&amp;"); !strings.Contains(html, ">"+escaped+"<") {
				t.Errorf("%s: no %q in the HTML", locale, escaped)
			}
		}
	}
	for _, kind := range []channels.Kind{channels.Social, channels.Web} {
		if c := render(t, r, story()[0], kind, "en"); c.Personal() || c.Recipe != nil {
			t.Errorf("%s has readers' own values: %+v", kind, c)
		}
	}
	for _, kind := range []channels.Kind{channels.SMS, channels.Messenger, channels.Social} {
		if c := render(t, r, story()[0], kind, "en"); len(required(c)) > 0 || c.HTML != nil || c.Subject != nil {
			t.Errorf("%s is more than a text: %+v", kind, c)
		}
	}
}

func TestForeignTextIsHarmless(t *testing.T) {
	u := minimal()[0]
	u.Summary = incident.Text{"en": "<script>x</script> {{.Secret}} \uFDD06e.\uFDD1 a\x00b https://a.example/?q=1&r=<b>. (see http://b.example/x)"}
	u.Link = `https://c.example/"onclick="x`
	c := render(t, renderer(t), u, channels.Email, "en")
	text, html := expand(t, c.Text), expand(t, c.HTML)
	if !strings.Contains(text, "<script>x</script> {{.Secret}} 6e. ab https") {
		t.Errorf("text: %s", text)
	}
	for _, want := range []string{
		"&lt;script&gt;x&lt;/script&gt; {{.Secret}}",
		`<a href="https://a.example/?q=1&amp;r=" style="overflow-wrap:anywhere">`, `(see <a href="http://b.example/x" style="overflow-wrap:anywhere">http://b.example/x</a>)`,
		`<a href="https://c.example/" style="overflow-wrap:anywhere">`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s in the HTML: %s", want, html)
		}
	}
	if strings.Contains(html, "<script") || strings.Contains(html, `"onclick`) {
		t.Errorf("HTML: %s", html)
	}
}

func TestPromisesThatPassedAreLeftOut(t *testing.T) {
	u := minimal()[0]
	u.NextUpdateAt = new(u.Time)
	u.Estimate = &incident.Estimate{At: u.Time.Add(-time.Minute), Confidence: "high"}
	r := renderer(t)
	bare := expand(t, render(t, r, minimal()[0], channels.Email, "en").Text)
	if got := expand(t, render(t, r, u, channels.Email, "en").Text); got != bare {
		t.Errorf("says a promise that has passed: %s", got)
	}
}

func TestEstimateFollowsConfidence(t *testing.T) {
	u := minimal()[0]
	for confidence, want := range map[string]string{"high": "We expect it back", "medium": "Probably back", "low": "We hope to be back"} {
		u.Estimate = &incident.Estimate{At: may(5, 9, 0), Confidence: confidence}
		got := expand(t, render(t, renderer(t), u, channels.SMS, "en").Text)
		if !strings.Contains(got, want+" by 09:00 tomorrow") {
			t.Errorf("%s: %s", confidence, got)
		}
	}
}

func TestLayers(t *testing.T) {
	with := func(file, text string) error {
		_, err := New(Options{Catalogue: bank(), Layers: []fs.FS{fstest.MapFS{file: {Data: []byte(text)}}}})
		return err
	}
	for _, tt := range []struct{ name, file, text, want string }{
		{"unknown file", "fr/sms.tmpl", "x", "fr/sms.tmpl replaces no text"},
		{"misspelt locale", "ro-md/sms.tmpl", "x", "ro-md/sms.tmpl replaces no text"},
		{"misspelt kind", "ro/mail.tmpl", "x", "ro/mail.tmpl replaces no text"},
		{"too deep", "ro/x/sms.tmpl", "x", "ro/x/sms.tmpl replaces no text"},
		{"beside the folders", "sms.tmpl", "x", "sms.tmpl replaces no text"},
		{"syntax", "ro/sms.tmpl", `{{define "resolved"}}{{.Summary`, "ro/sms.tmpl:1"},
		{"unknown variable", "ro/sms.tmpl", `{{define "resolved"}}{{.Sumary}}{{end}}`, `sms text "resolved" in ro: template: ro/sms.tmpl:1:23`},
		{"only in one branch", "en/phrases.tmpl", `{{define "estimate"}}{{if .Estimate.High}}{{.Nonsense}}{{end}}{{end}}`, "Nonsense"},
		{"empty", "ru/social.tmpl", `{{define "resolved"}}{{if false}}x{{end}}{{end}}`, `social text "resolved" in ru: comes out empty`},
		{"bad placeholder", "en/email.tmpl", `{{define "greeting"}}{{recipient ""}}{{end}}`, "recipient takes a name"},
		{"too many defaults", "en/email.tmpl", `{{define "greeting"}}{{recipient "a" "b" "c"}}{{end}}`, "recipient takes a name"},
		{"odd facts", "en/email.tmpl", `{{define "greeting"}}{{facts "a"}}{{end}}`, "in pairs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := with(tt.file, tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
	r, err := New(Options{Catalogue: bank(), Layers: []fs.FS{fstest.MapFS{
		"en/sms.tmpl": {Data: []byte(`{{define "resolved"}}All good, {{recipient "name"}}: {{.Brief}}{{end}}`)},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	c := render(t, r, story()[3], channels.SMS, "en")
	if got := expand(t, c.Text); got != "All good, Ana: Card payments and cash machines work as usual." {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff([]string{"name"}, required(c)); diff != "" {
		t.Error(diff)
	}
}

// Later layers replace what earlier ones say, a region what its language says, and what is no text
// does not matter.
func TestLayersInOrder(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	r, err := New(Options{Catalogue: bank(), Layers: []fs.FS{
		fstest.MapFS{
			"playbook.yaml": file("x"), ".git/objects/x.tmpl": file("{{"), "ro/.sms.tmpl.swp": file("{{"),
			"ro/sms.tmpl":    file(`{{define "resolved"}}first {{template "next word" .}}{{end}}{{define "next word"}}one{{end}}`),
			"ro-MD/sms.tmpl": file(`{{define "next word"}}region{{end}}`),
		},
		fstest.MapFS{"ro/sms.tmpl": file(`{{define "next word"}}two{{end}}`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for locale, want := range map[string]string{"ro": "first two", "ro-MD": "first region", "ro-RO": "first two", "fr": "first two"} {
		if got := expand(t, render(t, r, story()[3], channels.SMS, locale).Text); got != want {
			t.Errorf("%s: got %q, want %q", locale, got, want)
		}
	}
	if diff := cmp.Diff([]string{"en", "ro", "ro-MD", "ru"}, r.Locales()); diff != "" {
		t.Error(diff)
	}
}

// A status, kind or locale without a text is found when the Renderer is made.
func TestMissingTexts(t *testing.T) {
	root := fstest.MapFS{}
	err := fs.WalkDir(builtIn, "texts", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := builtIn.ReadFile(path)
		root[strings.TrimPrefix(path, "texts/")] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newFrom(root, Options{Catalogue: bank()}); err != nil {
		t.Fatal(err)
	}
	whole := root["ru/social.tmpl"].Data
	root["ru/social.tmpl"] = &fstest.MapFile{Data: []byte(strings.Replace(string(whole), `"verifying"`, `"verifing"`, 1))}
	if _, err := newFrom(root, Options{Catalogue: bank()}); err == nil || !strings.Contains(err.Error(), `social text "verifying" in ru`) {
		t.Errorf("a missing status: %v", err)
	}
	delete(root, "ru/social.tmpl")
	if _, err := newFrom(root, Options{Catalogue: bank()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing kind: %v", err)
	}
	delete(root, "layout.html.tmpl")
	if _, err := newFrom(root, Options{Catalogue: bank()}); err == nil {
		t.Error("a missing layout was not noticed")
	}
}

func TestCatalogueIsChecked(t *testing.T) {
	_, err := New(Options{Catalogue: Catalogue{DefaultLocale: "fr"}})
	for _, want := range []string{"no time zone", "no name of the organisation", `default locale "fr"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestRenderConcurrently(t *testing.T) {
	r := renderer(t)
	want := render(t, r, story()[1], channels.Email, "ru")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := r.Render(story()[1], channels.Email, "ru")
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
	wg.Wait()
}
