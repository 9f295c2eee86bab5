package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// unfilled finds what somebody was to fill in: marks of template languages, of formats, of Go's own
// complaints, and of people. What people write in brackets is in capitals: [NAME], <SERVICE>.
var unfilled = regexp.MustCompile(`\{\{|\}\}|\$\{|%!(?:[a-z]?\([^)]*\))?|%[+#-]?[sdvqxf]\b|<no value>|<nil>|&lt;no value&gt;|` +
	`\[[\p{Lu}][\p{Lu}\d _/-]+\]|<[\p{Lu}][\p{Lu}\d _/-]+>|(?i:\b(?:todo|tbd|tbc|fixme|undefined)\b)|(?:^|[^\pL])(?:X{3,}|Х{3,}|x{3,}|х{3,})(?:[^\pL]|$)|` +
	`(?i:lorem ipsum|\bhh:mm\b|\bdd[./]mm\b|(?:^|[^\pL])чч:мм(?:[^\pL]|$)|(?:^|[^\pL])дд[./]мм)|_{3,}|\?{3,}`)

func placeholder(m *message) []hit {
	var hits []hit
	for _, p := range m.passages() {
		for _, words := range unfilled.FindAllString(p.text, -1) {
			hits = append(hits, p.hit(strings.TrimSpace(words), "was to be filled in, or left out"))
		}
	}
	return hits
}

// unfilledAt says whether what stands at a place is still to be filled in.
func (p *passage) unfilledAt(place int) bool {
	return slices.ContainsFunc(unfilled.FindAllStringIndex(p.text, -1), func(at []int) bool { return at[0] <= place && place < at[1] })
}

// placeholdersOf lists the placeholders of a content.
func placeholdersOf(c *notification.Content) []notification.Segment {
	var all []notification.Segment
	for _, part := range []notification.Segments{c.Subject, c.Text, c.HTML} {
		for _, s := range part {
			if s.Placeholder != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

func placeholderDefault(m *message) []hit {
	var hits []hit
	for _, r := range m.texts {
		for _, s := range placeholdersOf(&r.Content) {
			if strings.TrimSpace(s.Default) == "" && !s.Optional {
				hits = append(hits, r.hit("asks for the recipient's “"+s.Placeholder+"” without a default: who has none gets nothing"))
			}
		}
	}
	return hits
}

func publicPersonal(m *message) []hit {
	var hits []hit
	for _, r := range m.texts {
		if !public(r.Kind) {
			continue
		}
		for _, s := range placeholdersOf(&r.Content) {
			if ours(s.Placeholder) {
				continue
			}
			hits = append(hits, r.hit("asks for a recipient's “"+s.Placeholder+"”, and everybody reads it"))
		}
	}
	return hits
}

// ours says whether a placeholder is one of Tocsin's own, whose value depends on the recipient's zone or
// region and tells nothing of the recipient. Their names have a dot, which those of recipients' values can't have.
func ours(placeholder string) bool { return strings.Contains(placeholder, ".") }

// public says whether everybody can read what goes out on channels of the kind.
func public(kind channels.Kind) bool { return kind == channels.Social || kind == channels.Web }

// marked finds tags, Markdown and BBCode.
var marked = regexp.MustCompile(`(?i)</?(?:a|b|i|u|p|br|div|span|strong|em|h[1-6]|ul|ol|li|font|img|script|style)\b[^<>]*>|&(?:nbsp|amp|lt|gt|quot|#\d+);|` +
	`\*\*[^*\n]+\*\*|__[^_\n]+__|\[[^\]\n]+\]\([^)\n]+\)|(?m:^#{1,6} )|` + "`[^`\n]+`" + `|\[/?(?:b|i|u|url|img)\b[^\]]*\]`)

func markup(m *message) []hit {
	var hits []hit
	for _, p := range m.passages() {
		for _, words := range marked.FindAllString(p.text, -1) {
			hits = append(hits, p.hit(words, "is markup, which readers would see as it stands"))
		}
	}
	return hits
}
