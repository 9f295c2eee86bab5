package preview

import (
	"html"
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// piece is a stretch of a text: plain, a link, or a recipient's value.
type piece struct {
	Text string
	Link bool
	// Value says that each recipient reads their own here.
	Value bool
}

// linkPattern finds what telephones and networks make links of.
var linkPattern = regexp.MustCompile(`https?://[^\s<>"]+[^\s<>".,;:!?)]`)

// pieces cuts a text at its links and values. A value that stands there only for those who have one is left
// out, as it is for most.
func pieces(s notification.Segments) []piece {
	var all []piece
	for i := range s {
		seg := &s[i]
		switch {
		case seg.Placeholder == "":
			all = append(all, linked(seg.Literal)...)
		case seg.Default == "" && seg.Optional:
		default:
			all = append(all, linked(seg.Before)...)
			all = append(all, piece{Text: shown(seg), Value: true})
			all = append(all, linked(seg.After)...)
		}
	}
	return all
}

func linked(text string) []piece {
	var all []piece
	at := 0
	for _, m := range linkPattern.FindAllStringIndex(text, -1) {
		if m[0] > at {
			all = append(all, piece{Text: text[at:m[0]]})
		}
		all = append(all, piece{Text: text[m[0]:m[1]], Link: true})
		at = m[1]
	}
	if at < len(text) {
		all = append(all, piece{Text: text[at:]})
	}
	return all
}

// shown is what stands for a recipient's value.
func shown(s *notification.Segment) string {
	if s.Default != "" {
		return s.Default
	}
	return "⟨" + s.Placeholder + "⟩"
}

// sampleHTML is an e-mail's HTML as somebody reads it of whom nothing is known.
func sampleHTML(s notification.Segments) string {
	var b strings.Builder
	for i := range s {
		seg := &s[i]
		switch {
		case seg.Placeholder == "":
			b.WriteString(seg.Literal)
		case seg.Default == "" && seg.Optional:
		default:
			b.WriteString(seg.Before + html.EscapeString(shown(seg)) + seg.After)
		}
	}
	return b.String()
}
