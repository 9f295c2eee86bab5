package templates

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Markers stand in a rendered text for what is not text. They are noncharacters (Unicode, section
// 23.7), which are never part of interchanged text, and foreign text is cleaned of them anyway.
const (
	openMark  = '\uFDD0' // begins a placeholder: name and default in hexadecimal, with a dot between
	closeMark = '\uFDD1' // ends it
	factMark  = '\uFDD2' // ends the label of a fact

	openGroup  = '\uFDD3' // begins what is said only where the placeholder within has a value
	closeGroup = '\uFDD4' // ends it

	openChoice  = '\uFDD5' // begins a choice: its rank, its long form,
	orChoice    = '\uFDD6' // its short form
	closeChoice = '\uFDD7' // ends it
)

func isMarker(r rune) bool { return r >= 0xFDD0 && r <= 0xFDEF }

// valueName is what recipients' own values are called.
var valueName = regexp.MustCompile(`^[a-z_]{1,32}$`)

// recipient is the template function {{recipient "name"}} or {{recipient "branch" "our branches"}}: the
// place of a value of the recipient's.
func recipient(name string, fallback ...string) (string, error) {
	if !valueName.MatchString(name) || len(fallback) > 1 {
		return "", fmt.Errorf("recipient takes a name of 1 to 32 of the characters a-z and _, and at most one default")
	}
	return place(name, strings.Join(fallback, "")), nil
}

// place is the place of a value. Written in hexadecimal, name and default pass unharmed through
// whatever is done to the text around them.
func place(name, fallback string) string {
	return string(openMark) + hex.EncodeToString([]byte(name)) + "." + hex.EncodeToString([]byte(fallback)) + string(closeMark)
}

// segments splits a rendered text at its placeholders. Defaults go through fold.
func segments(text string, html bool, fold func(string) string) (notification.Segments, error) {
	var out notification.Segments
	for text != "" {
		before, rest, found := strings.Cut(text, string(openGroup))
		outside, err := placed(before, html, fold)
		if err != nil {
			return nil, err
		}
		out = append(out, outside...)
		if !found {
			break
		}
		inside, after, _ := strings.Cut(rest, string(closeGroup))
		group, err := placed(inside, html, fold)
		if err != nil {
			return nil, err
		}
		out, text = append(out, join(group)), after
	}
	return out, nil
}

// join makes one segment of a group: its placeholder, and the literals around it.
func join(group notification.Segments) notification.Segment {
	var one notification.Segment
	before := ""
	for _, s := range group {
		switch {
		case s.Placeholder != "":
			one, one.Before, one.Optional = s, before, true
		case one.Placeholder == "":
			before += s.Literal
		default:
			one.After += s.Literal
		}
	}
	return one
}

func placed(text string, html bool, fold func(string) string) (notification.Segments, error) {
	var out notification.Segments
	for text != "" {
		literal, rest, found := strings.Cut(text, string(openMark))
		if literal != "" {
			out = append(out, notification.Segment{Literal: literal})
		}
		if !found {
			break
		}
		inside, after, _ := strings.Cut(rest, string(closeMark))
		seg, err := placeholder(inside)
		if err != nil {
			return nil, err
		}
		seg.HTML, seg.Default = html, fold(seg.Default)
		out, text = append(out, seg), after
	}
	return out, nil
}

func placeholder(inside string) (notification.Segment, error) {
	name, fallback, _ := strings.Cut(inside, ".")
	n, err := hex.DecodeString(name)
	if err != nil {
		return notification.Segment{}, fmt.Errorf("placeholder was changed on the way: %w", err)
	}
	d, err := hex.DecodeString(fallback)
	if err != nil {
		return notification.Segment{}, fmt.Errorf("placeholder was changed on the way: %w", err)
	}
	return notification.Segment{Placeholder: string(n), Default: string(d)}, nil
}

// group is text that is said only where the placeholder in it has a value.
func group(text string) string { return string(openGroup) + text + string(closeGroup) }

// attach takes the white space that belongs to groups into them, so that nothing is left where they
// are not said: of a group that is a line of its own the line breaks before it, and of one that begins
// a line the space behind it.
func attach(text string) string {
	if !strings.ContainsRune(text, openGroup) {
		return text
	}
	return beginsLine.ReplaceAllString(ownLine.ReplaceAllString(text, "\uFDD3$1$2\uFDD4$3"), "\uFDD3$1 \uFDD4")
}

var (
	ownLine    = regexp.MustCompile(`(\n+)\x{FDD3}([^\n\x{FDD4}]*)\x{FDD4}(\n|$)`)
	beginsLine = regexp.MustCompile(`(?m)^\x{FDD3}([^\n\x{FDD4}]*)\x{FDD4} `)
)

// facts is the template function {{facts "Label" value "Label" value …}}: a block of lines, one for
// each value that is not empty. In HTML it becomes a table.
func facts(pairs ...string) (string, error) {
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("facts takes labels and values in pairs")
	}
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if value := oneLine(pairs[i+1]); value != "" {
			fmt.Fprintf(&b, "%s:%c %s\n", pairs[i], factMark, value)
		}
	}
	return b.String(), nil
}

// need is the template function {{need "cause" .Cause}}: a value that is optional elsewhere but not
// in this text.
func need(variable, value string) (string, error) {
	if value == "" {
		return "", missing(variable)
	}
	return value, nil
}

// plainFacts takes the marks of facts out of a text.
func plainFacts(s string) string { return strings.ReplaceAll(s, string(factMark), "") }
