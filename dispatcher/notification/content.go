package notification

import (
	"fmt"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// Segment is a stretch of a text: literal, or a placeholder for a value of the recipient's.
type Segment struct {
	// Literal text, already escaped for its target.
	Literal string `json:"l,omitempty"`
	// Placeholder names the value that goes here.
	Placeholder string `json:"p,omitempty"`
	// Default stands in where the recipient has no such value. A placeholder without a default
	// makes a missing value an error.
	Default string `json:"d,omitempty"`
	// HTML says that the value is to be escaped as HTML.
	HTML bool `json:"h,omitempty"`
}

// Segments is a text with placeholders.
type Segments []Segment

// Literal is a text without placeholders.
func Literal(s string) Segments {
	if s == "" {
		return nil
	}
	return Segments{{Literal: s}}
}

// Content is what an update says on one channel in one locale: rendered once, frozen, and the same
// for every recipient but for the placeholders.
type Content struct {
	Subject Segments `json:"subject,omitempty"`
	Text    Segments `json:"text"`
	HTML    Segments `json:"html,omitempty"`
	// News is the update as facts, for kinds whose adapters lay it out themselves; else nil.
	News *channels.News `json:"news,omitempty"`
}

// Personal reports whether the content asks for values of the recipient's.
func (c *Content) Personal() bool {
	for _, part := range []Segments{c.Subject, c.Text, c.HTML} {
		for i := range part {
			if part[i].Placeholder != "" {
				return true
			}
		}
	}
	return false
}

// Sample returns the text with each placeholder's default in its place, or its name where it has
// none: what to measure before recipients are known.
func (s Segments) Sample() string {
	var b strings.Builder
	for _, seg := range s {
		switch {
		case seg.Placeholder == "":
			b.WriteString(seg.Literal)
		case seg.Default != "":
			b.WriteString(seg.Default)
		default:
			b.WriteString(seg.Placeholder)
		}
	}
	return b.String()
}

// Expand puts the recipient's values in. It fails on a value that is missing without a default,
// never leaving a hole. A text without placeholders is returned as it is, without a copy.
func (s Segments) Expand(values map[string]string) (string, error) {
	if len(s) == 0 {
		return "", nil
	}
	if len(s) == 1 && s[0].Placeholder == "" {
		return s[0].Literal, nil
	}
	var b strings.Builder
	b.Grow(s.size())
	for i := range s {
		seg := &s[i]
		if seg.Placeholder == "" {
			b.WriteString(seg.Literal)
			continue
		}
		v := values[seg.Placeholder]
		if v == "" {
			v = seg.Default
		}
		if v == "" {
			return "", fmt.Errorf("no value for placeholder %q", seg.Placeholder)
		}
		if seg.HTML {
			v = htmlEscaper.Replace(v)
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

// size guesses how long the text will be with its values in.
func (s Segments) size() int {
	const value = 32
	n := 0
	for i := range s {
		n += len(s[i].Literal) + value
	}
	return n
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")
