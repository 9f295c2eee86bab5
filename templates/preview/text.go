package preview

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is how many characters a line of a text has at most.
const width = 84

// Write writes a page for a terminal.
func Write(w io.Writer, p *Page) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s  %s, %s\n", p.Team, p.Incident, words(string(p.Status)), p.Impact)
	all := p.sections()
	for _, s := range all {
		for _, c := range s.Cards {
			writeCard(&b, s.Title, &c)
		}
	}
	if notes := p.general(all); len(notes) > 0 {
		b.WriteString("\nto mend\n")
		writeNotes(&b, notes)
	}
	_, err := io.WriteString(w, clean(b.String()))
	return err
}

func writeCard(b *strings.Builder, title string, c *card) {
	over := ""
	if c.Over {
		over = "  ✗ too long"
	}
	fmt.Fprintf(b, "\n%s · %s · %s%s\n", title, c.Locale, c.Length, over)
	if len(c.Subject) > 0 {
		writeLines(b, "┃ ", joined(c.Subject))
		b.WriteString("  │\n")
	}
	writeLines(b, "│ ", joined(c.Body))
	if len(c.Personal) > 0 {
		fmt.Fprintf(b, "  personal: %s\n", strings.Join(c.Personal, ", "))
	}
	for _, r := range c.Regions {
		writeLines(b, "", "in "+r.Region+": "+r.Text)
	}
	writeNotes(b, c.Notes)
}

func writeNotes(b *strings.Builder, all []Note) {
	for _, n := range all {
		fmt.Fprintf(b, "  %s: %s: %s (%s)\n", n.Severity, n.Place, n.Reason, n.Rule)
	}
}

func writeLines(b *strings.Builder, bar, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		for _, part := range wrapped(line) {
			b.WriteString(strings.TrimRight("  "+bar+part, " ") + "\n")
		}
	}
}

func joined(all []piece) string {
	var b strings.Builder
	for _, p := range all {
		b.WriteString(p.Text)
	}
	return b.String()
}

// wrapped breaks a line at its spaces.
func wrapped(line string) []string {
	var lines []string
	now := ""
	for word := range strings.SplitSeq(line, " ") {
		if now != "" && utf8.RuneCountInString(now)+1+utf8.RuneCountInString(word) > width {
			lines, now = append(lines, now), word
			continue
		}
		if now != "" {
			now += " "
		}
		now += word
	}
	return append(lines, now)
}

// clean takes what could command a terminal out of a text: nothing of it is hidden, or shown in another order.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return '�'
		}
		return r
	}, s)
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }
