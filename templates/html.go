package templates

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// page is what the HTML layout is filled with. It is made from the plain text, so that the two
// parts of an e-mail say the same in the same words.
type page struct {
	Lang   string
	Title  string
	Colour template.CSS // of the bar beside the title
	Blocks []block
}

// Preview is what an inbox shows behind the subject: the first line of the news, where else it would be
// the title once more. Readers don't see it. nil if there is none.
func (p page) Preview() *line {
	if len(p.Blocks) < 2 || len(p.Blocks[1].Lines) == 0 || p.Blocks[1].Lines[0].Optional {
		return nil // the first block is the greeting
	}
	return &p.Blocks[1].Lines[0]
}

// block is a paragraph, or a table of facts.
type block struct {
	Lines []line
	Facts []fact
}

// line is one of a paragraph. An optional one stands there for those only who have a value of its
// placeholder.
type line struct {
	Pieces   []piece
	Optional bool
}

// piece is a stretch of text, or a link.
type piece struct {
	Text string
	Link bool
}

type fact struct {
	Label string
	Value line
}

// Open and Close stand around what is optional.
func (block) Open() string  { return string(openGroup) }
func (block) Close() string { return string(closeGroup) }

// Optional reports whether the whole block is.
func (b block) Optional() bool { return len(b.Lines) == 1 && b.Lines[0].Optional }

// newPage reads the paragraphs of a tidied text.
func newPage(lang, title, text string, status incident.Status) page {
	p := page{Lang: lang, Title: title, Colour: colour(status)}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		var b block
		for l := range strings.Lines(paragraph) {
			l = strings.TrimSpace(l)
			if label, value, ok := strings.Cut(l, string(factMark)); ok {
				b.Facts = append(b.Facts, fact{Label: label, Value: newLine(strings.TrimSpace(value))})
				continue
			}
			b.Lines = append(b.Lines, newLine(l))
		}
		p.Blocks = append(p.Blocks, b)
	}
	return p
}

// webAddress finds links in plain text; punctuation behind one is not part of it.
var webAddress = regexp.MustCompile(`https?://[^\s<>"\x{FDD0}-\x{FDEF}]*[^\s<>".,;:!?)\x{FDD0}-\x{FDEF}]`)

func newLine(s string) line {
	inside, optional := strings.CutPrefix(s, string(openGroup))
	inside, whole := strings.CutSuffix(inside, string(closeGroup))
	if optional && whole && !strings.ContainsRune(inside, openGroup) {
		return line{Pieces: pieces(inside), Optional: true}
	}
	return line{Pieces: pieces(s)}
}

func pieces(s string) []piece {
	var l []piece
	for s != "" {
		at := webAddress.FindStringIndex(s)
		if at == nil {
			return append(l, piece{Text: s})
		}
		if at[0] > 0 {
			l = append(l, piece{Text: s[:at[0]]})
		}
		l = append(l, piece{Text: s[at[0]:at[1]], Link: true})
		s = s[at[1]:]
	}
	return l
}

// colour tells bad news, good news and notices apart at a glance; the title says the same in words.
// Each is legible on white and on black.
func colour(s incident.Status) template.CSS {
	switch s {
	case incident.Investigating, incident.Identified:
		return "#d9480f"
	case incident.Monitoring, incident.Resolved, incident.Completed, incident.Verifying:
		return "#2b8a3e"
	}
	return "#1971c2"
}

// layOut writes a page with the layout.
func layOut(layout *template.Template, p page) (string, error) {
	var b strings.Builder
	if err := layout.Execute(&b, p); err != nil {
		return "", fmt.Errorf("laying out: %w", err)
	}
	return b.String(), nil
}
