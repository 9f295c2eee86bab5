package notification

import (
	"fmt"
	"strings"
	"time"

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
	// Optional says that nothing stands here where there is neither a value nor a default. Before and
	// After are literal text that stands around the value only where there is one.
	Optional bool   `json:"o,omitempty"`
	Before   string `json:"b,omitempty"`
	After    string `json:"a,omitempty"`
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
	// Recipe says how the values of recipients are made; nil where the content asks for none. It is for
	// planning: lanes get the values.
	Recipe *Recipe `json:"recipe,omitempty"`
	// News is the update as facts, for kinds whose adapters lay it out themselves; else nil.
	News *channels.News `json:"news,omitempty"`
}

// Recipe is what it takes to make a recipient's values from the recipient alone, so that what a content
// will say is frozen with it.
type Recipe struct {
	// Locale is that of the text.
	Locale string `json:"locale"`
	// Zone is the time zone in which the defaults say times, Now the time as of which they do: what
	// "today" is.
	Zone string    `json:"zone"`
	Now  time.Time `json:"now"`
	// Times are the moments that the text says, by placeholder: for recipients of other zones.
	Times map[string]Time `json:"times,omitempty"`
	// Alternatives are what to do meanwhile, by region.
	Alternatives map[string]string `json:"alternatives,omitempty"`
	// Fold says that values are written in the GSM 7-bit alphabet.
	Fold bool `json:"fold,omitempty"`
}

// Time is a moment as a text says it, or the span of two.
type Time struct {
	// Say is the form, one of package templates'.
	Say string    `json:"say"`
	At  time.Time `json:"at"`
	To  time.Time `json:"to,omitzero"`
}

// Bare returns the content without what only planning needs: what a lane gets.
func (c Content) Bare() Content {
	c.Recipe = nil
	return c
}

// Usual returns the content as recipients without values get it, who are most: without placeholders,
// so that expanding it costs nothing. Where a placeholder has no default, it is the content itself.
func (c *Content) Usual() *Content {
	u := *c
	for _, part := range []*Segments{&u.Subject, &u.Text, &u.HTML} {
		text, err := part.Expand(nil)
		if err != nil {
			return c
		}
		*part = Literal(text)
	}
	return &u
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
			b.WriteString(seg.Before + seg.Default + seg.After)
		case seg.Optional:
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
		if v == "" && seg.Optional {
			continue
		}
		if v == "" {
			return "", fmt.Errorf("no value for placeholder %q", seg.Placeholder)
		}
		if seg.HTML {
			v = htmlEscaper.Replace(v)
		}
		b.WriteString(seg.Before)
		b.WriteString(v)
		b.WriteString(seg.After)
	}
	return b.String(), nil
}

// size guesses how long the text will be with its values in.
func (s Segments) size() int {
	const value = 32
	n := 0
	for i := range s {
		if n += len(s[i].Literal); s[i].Placeholder != "" {
			n += value
		}
	}
	return n
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")
