package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
)

// printUpdateView writes everything that whoever approves an update must see.
func printUpdateView(w io.Writer, v *httpapi.UpdateView, zone *time.Location) error {
	var b strings.Builder
	fmt.Fprintf(&b, "update %d of %s/%s: %s, %s, %s\n", v.ID, v.Team, v.Incident, v.Kind, words(string(v.Status)), v.Impact)
	fmt.Fprintf(&b, "came %s; for %s", clockTime(v.ReceivedAt, zone), affected(&v.Affects))
	if v.Playbook != "" {
		fmt.Fprintf(&b, "; playbook %s", v.Playbook)
	}
	b.WriteString("\n")
	for i := range v.Texts {
		if err := printText(&b, &v.Texts[i]); err != nil {
			return err
		}
	}
	b.WriteString("\n── forecast ──\n")
	if err := printForecast(&b, v.Forecast); err != nil {
		return err
	}
	printStanding(&b, v, zone)
	_, err := io.WriteString(w, visible(b.String()))
	return err
}

// visible writes out what a terminal would not show but obey: who approves a text must see all of it.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// affected says whom an update is for.
func affected(a *incident.Audience) string {
	var parts []string
	for _, p := range []struct {
		what string
		all  []string
	}{{"services", a.Services}, {"regions", a.Regions}, {"segments", a.Segments}} {
		if len(p.all) > 0 {
			parts = append(parts, p.what+" "+strings.Join(p.all, ", "))
		}
	}
	if n := len(a.Recipients); n > 0 {
		parts = append(parts, thousands(int64(n))+" customers by name")
	}
	if len(parts) == 0 {
		return "everybody"
	}
	return strings.Join(parts, "; ")
}

// printText writes one frozen text: as plain text, with its placeholders.
func printText(b *strings.Builder, t *httpapi.TextView) error {
	text := shown(t.Content.Text)
	lengths := thousands(int64(utf8.RuneCountInString(t.Content.Text.Sample()))) + " characters"
	if t.Units > 0 {
		lengths = fmt.Sprintf("%d SMS %s, %s", t.Units, plural(t.Units, "segment", "segments"), lengths)
	}
	fmt.Fprintf(b, "\n── %s · %s · %s ──\n", t.Kind, t.Locale, lengths)
	if s := shown(t.Content.Subject); s != "" {
		fmt.Fprintf(b, "subject: %s\n\n", s)
	}
	b.WriteString(strings.TrimRight(text, "\n") + "\n")
	printRegions(b, &t.Content)
	if n := utf8.RuneCountInString(t.Content.HTML.Sample()); n > 0 {
		fmt.Fprintf(b, "(the same as HTML: %s characters)\n", thousands(int64(n)))
	}
	if t.Content.News == nil {
		return nil
	}
	facts, err := json.MarshalIndent(t.Content.News, "", "  ")
	if err == nil {
		fmt.Fprintf(b, "(with these facts)\n%s\n", facts)
	}
	return err
}

// printRegions writes what stands in a text for recipients of one region: it is approved with the text.
func printRegions(b *strings.Builder, c *notification.Content) {
	said := templates.Alternatives(c)
	for _, region := range slices.Sorted(maps.Keys(said)) {
		fmt.Fprintf(b, "{region.alternative} in %s: %s\n", region, said[region])
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// shown is a text with its placeholders in braces, and what stands there for who has no such value.
func shown(s notification.Segments) string {
	var b strings.Builder
	for _, seg := range s {
		switch {
		case seg.Placeholder == "":
			b.WriteString(seg.Literal)
		case seg.Optional && seg.Default == "":
			b.WriteString(seg.Before + "{" + seg.Placeholder + "}" + seg.After)
		case seg.Default == "":
			b.WriteString("{" + seg.Placeholder + "}")
		default:
			fmt.Fprintf(&b, "{%s, else %q}", seg.Placeholder, seg.Default)
		}
	}
	return b.String()
}

// printForecast writes a forecast, of which kept is what the ledger has.
func printForecast(w io.Writer, kept []byte) error {
	if len(kept) == 0 {
		_, err := io.WriteString(w, "none: it has not been made yet\n")
		return err
	}
	var f forecast.Forecast
	if err := json.Unmarshal(kept, &f); err != nil {
		return fmt.Errorf("forecast: %w", err)
	}
	return forecast.Print(w, &f)
}

// printStanding says who has approved, who must, until when, and by which hash all this is named.
func printStanding(b *strings.Builder, v *httpapi.UpdateView, zone *time.Location) {
	s := &v.Approval
	b.WriteString("\n── approval ──\n")
	for i := range s.Said {
		fmt.Fprintf(b, "%s  %s\n", clockTime(s.Said[i].At, zone), s.Said[i].Line())
	}
	if v.State != ledger.Held {
		fmt.Fprintf(b, "it is %s%s\n", words(string(v.State)), prefixed(": ", some(v.ApprovedBy, v.Reason)))
		return
	}
	fmt.Fprintf(b, "waits for %s", morePeople(s.Missing))
	if s.Missing < s.People {
		b.WriteString(" more")
	}
	if s.People > 1 {
		b.WriteString(", each with an account of their own")
	}
	fmt.Fprintf(b, "%s\n", prefixed("; may approve: ", others(v)))
	if !s.Due.IsZero() {
		fmt.Fprintf(b, "otherwise %s, at %s\n", otherwise(s, v.AsOf), clockTime(s.Due, zone))
	}
	fmt.Fprintf(b, "seen %s\n", v.Seen)
}

// others are the people who may still approve an update.
func others(v *httpapi.UpdateView) []string {
	return slices.DeleteFunc(slices.Clone(v.Approvers), func(name string) bool {
		o := ledger.ApprovalSaid{By: name}
		return slices.ContainsFunc(v.Approval.Said, func(s ledger.ApprovalSaid) bool { return s.Word == ledger.SaidYes && s.SamePerson(&o) })
	})
}

// some are those of the texts that are not empty.
func some(all ...string) []string {
	var kept []string
	for _, s := range all {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}
