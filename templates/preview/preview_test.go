package preview_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
	"github.com/tocsin-dev/tocsin/templates/preview"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

var out = flag.String("page", "", "where to keep the page of a scenario's update, to look at")

// scenarioPage is the n-th update of a scenario in all kinds and languages.
func scenarioPage(t testing.TB, name string, n int) *preview.Page {
	t.Helper()
	s, err := scenarios.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation(s.Bank.Zone)
	if err != nil {
		t.Fatal(err)
	}
	r, err := templates.New(templates.Options{Catalogue: templates.Catalogue{
		Organisation: s.Bank.Organisation, Services: s.Bank.Services, Regions: s.Bank.Regions, DefaultLocale: s.Bank.Locale, Location: zone, StatusPage: s.Bank.Link,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Events {
		if e.Update == nil {
			continue
		}
		if n--; n > 0 {
			continue
		}
		u := incident.Update{Time: s.At(e)}
		if err := json.Unmarshal(e.Update, &u.Data); err != nil {
			t.Fatal(err)
		}
		p := &preview.Page{Organisation: s.Bank.Organisation.In("en"), Team: u.Team, Incident: u.Incident, Status: u.Status, Impact: u.Impact, At: u.Time.In(zone)}
		for _, kind := range templates.Kinds() {
			for _, locale := range r.Locales() {
				c, err := r.Render(u, kind, locale)
				if err != nil {
					t.Fatal(err)
				}
				p.Texts = append(p.Texts, preview.Text{Kind: kind, Locale: locale, Content: c})
			}
		}
		return p
	}
	t.Fatalf("scenario %s has fewer updates", name)
	return nil
}

// TestEveryTextIsShown in both forms, whatever the kind and the language.
func TestEveryTextIsShown(t *testing.T) {
	for _, name := range scenarios.Names() {
		p := scenarioPage(t, name, 1)
		p.Notes = []preview.Note{
			{Severity: "warning", Rule: "tone", Place: "sms/ro", Reason: "says soon"},
			{Severity: "error", Rule: "links", Place: "summary.ro", Reason: "leads elsewhere"},
		}
		var text, page bytes.Buffer
		if err := preview.Write(&text, p); err != nil {
			t.Fatal(err)
		}
		if err := preview.HTML(&page, p); err != nil {
			t.Fatal(err)
		}
		flat, shown := squeezed(text.String()), squeezed(visible(t, page.String()))
		for _, x := range p.Texts {
			want := squeezed(x.Content.Text.Sample())
			if !strings.Contains(flat, want) {
				t.Errorf("%s: %s/%s is not in the text: %q", name, x.Kind, x.Locale, want)
			}
			if !strings.Contains(shown, want) {
				t.Errorf("%s: %s/%s is not in the page: %q", name, x.Kind, x.Locale, want)
			}
		}
		for _, want := range []string{"says soon", "leads elsewhere", "segments of UCS-2"} {
			if !strings.Contains(text.String(), want) || !strings.Contains(page.String(), want) {
				t.Errorf("%s: %q is missing", name, want)
			}
		}
		if *out != "" {
			if err := os.WriteFile(filepath.Join(*out, name+".html"), page.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// squeezed is a text without the bars and breaks of a terminal.
func squeezed(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' || r == '│' || r == '┃' }), "")
}

// walk reads a page as a browser does, near enough: tags with their attributes, and text.
func walk(t *testing.T, page string, tag func(name string, attributes map[string]string), text func(string)) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, append(xml.HTMLAutoClose, "meta"), xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			attributes := map[string]string{}
			for _, a := range x.Attr {
				attributes[a.Name.Local] = a.Value
			}
			tag(x.Name.Local, attributes)
		case xml.CharData:
			text(string(x))
		}
	}
}

// visible is what a page says.
func visible(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	walk(t, page, func(string, map[string]string) {}, func(s string) { b.WriteString(s) })
	return b.String()
}

// hostile is what nobody should ever say.
const hostile = `</textarea><script>alert(1)</script><img src=x onerror=alert(2)>"' onload=x {{.}} ` + "\x1b[31m"

// TestNothingRuns: whatever is said, the page has no script, no handler, no address that something is loaded from,
// and the frames of e-mails have no rights.
func TestNothingRuns(t *testing.T) {
	bad := notification.Segments{{Literal: hostile}, {Placeholder: "name", Default: hostile}, {Literal: " javascript:alert(3) https://evil.example/" + hostile}}
	p := &preview.Page{Organisation: hostile, Team: hostile, Incident: hostile, Status: hostile, Impact: hostile, At: time.Now()}
	for _, kind := range append(templates.Kinds(), "fax") {
		p.Texts = append(p.Texts, preview.Text{Kind: kind, Locale: hostile, Content: notification.Content{
			Subject: bad, Text: bad, HTML: notification.Segments{{Literal: hostile}, {Placeholder: "name", Default: hostile, HTML: true}},
			News: &channels.News{Services: []string{hostile}, Regions: []string{hostile}},
		}})
	}
	p.Notes = []preview.Note{{Severity: hostile, Rule: hostile, Place: hostile, Reason: hostile}}
	var page, text bytes.Buffer
	if err := preview.HTML(&page, p); err != nil {
		t.Fatal(err)
	}
	frames := 0
	walk(t, strings.ReplaceAll(page.String(), "\x1b", ""), func(name string, attributes map[string]string) {
		for key, value := range attributes {
			if strings.HasPrefix(key, "on") || key == "src" || key == "href" || key == "action" {
				t.Errorf("<%s> has %s=%q", name, key, value)
			}
		}
		switch name {
		case "script", "img", "a", "form", "object", "embed", "link":
			t.Errorf("the page has <%s>", name)
		case "iframe":
			frames++
			if sandbox, ok := attributes["sandbox"]; !ok || sandbox != "" {
				t.Errorf("a frame with rights: %v", attributes)
			}
		}
	}, func(string) {})
	if frames != 1 {
		t.Errorf("%d frames, want that of the e-mail", frames)
	}
	if err := preview.Write(&text, p); err != nil || strings.ContainsRune(text.String(), 0x1b) {
		t.Errorf("a text commands the terminal, %v", err)
	}
}

func TestMailIsWhole(t *testing.T) {
	p := scenarioPage(t, "datacentre", 1)
	var page bytes.Buffer
	if err := preview.HTML(&page, p); err != nil {
		t.Fatal(err)
	}
	frames := 0
	walk(t, page.String(), func(name string, attributes map[string]string) {
		if name == "iframe" {
			frames++
			if source := attributes["srcdoc"]; !strings.HasPrefix(source, "<!doctype html>") || !strings.Contains(source, "</html>") {
				t.Errorf("the frame holds %.80q", source)
			}
		}
	}, func(string) {})
	if frames != 3 {
		t.Errorf("%d mails, want one a language", frames)
	}
}

func TestTooLong(t *testing.T) {
	p := &preview.Page{Texts: []preview.Text{
		{Kind: channels.SMS, Locale: "ru", Content: notification.Content{Text: notification.Literal(strings.Repeat("Ж", 200))}},
		{Kind: channels.SMS, Locale: "en", Content: notification.Content{Text: notification.Literal("Short.")}},
	}}
	var text bytes.Buffer
	if err := preview.Write(&text, p); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "✗ too long"); n != 1 || strings.Index(text.String(), "SMS · en") > strings.Index(text.String(), "SMS · ru") {
		t.Errorf("%d are too long in\n%s", n, text.String())
	}
}

// TestValues: what each reads in their own way is marked, what only some have is left out and named.
func TestValues(t *testing.T) {
	p := &preview.Page{Texts: []preview.Text{{Kind: channels.SMS, Locale: "en", Content: notification.Content{Text: notification.Segments{
		{Literal: "Dear "}, {Placeholder: "name", Default: "customer"}, {Literal: "."}, {Placeholder: "nearest_atm", Optional: true, Before: " Cash: ", After: "."},
	}}}}}
	var text, page bytes.Buffer
	if err := preview.Write(&text, p); err != nil {
		t.Fatal(err)
	}
	if err := preview.HTML(&page, p); err != nil {
		t.Fatal(err)
	}
	if s := text.String(); !strings.Contains(s, "Dear customer.\n") || !strings.Contains(s, "personal: name, nearest atm") || strings.Contains(s, "Cash") {
		t.Errorf("text:\n%s", s)
	}
	if !strings.Contains(page.String(), `Dear <span class="value">customer</span>.`) {
		t.Error("the page doesn't mark the name")
	}
}

// TestRegions: what recipients of one region read is shown, nothing of it hidden, and its length counts.
func TestRegions(t *testing.T) {
	p := &preview.Page{Texts: []preview.Text{{Kind: channels.SMS, Locale: "en", Content: notification.Content{
		Text:   notification.Segments{{Literal: "Cards fail."}, {Placeholder: "region.alternative", Optional: true, Before: " "}},
		Recipe: &notification.Recipe{Alternatives: map[string]string{"south": "The branch in \u202eCahul pays out.", "north": strings.Repeat("Pay in cash. ", 25)}},
	}}}}
	var text, page bytes.Buffer
	if err := preview.Write(&text, p); err != nil {
		t.Fatal(err)
	}
	if err := preview.HTML(&page, p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"in south: The branch in �Cahul pays out.", "in north: Pay in cash.", "3 segments", "✗ too long"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
	if !strings.Contains(visible(t, page.String()), "in north: Pay in cash.") {
		t.Error("the page doesn't show what is said in a region")
	}
}
