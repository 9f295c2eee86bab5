package templates

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Markers stand in a rendered text for what is not text. They are noncharacters (Unicode, section
// 23.7), which are never part of interchanged text, and foreign text is cleaned of them anyway.
const (
	openMark  = '\uFDD0' // begins a placeholder: name and default in hexadecimal, with a dot between
	closeMark = '\uFDD1' // ends it
	factMark  = '\uFDD2' // ends the label of a fact
)

func isMarker(r rune) bool { return r >= 0xFDD0 && r <= 0xFDEF }

// recipient is the template function {{recipient "name"}} or {{recipient "name" "default"}}: the
// place of a value of the recipient's. Written in hexadecimal, name and default pass unharmed
// through whatever is done to the text around them.
func recipient(name string, fallback ...string) (string, error) {
	if name == "" || len(fallback) > 1 {
		return "", fmt.Errorf("recipient takes a name and at most one default")
	}
	return string(openMark) + hex.EncodeToString([]byte(name)) + "." +
		hex.EncodeToString([]byte(strings.Join(fallback, ""))) + string(closeMark), nil
}

// segments splits a rendered text at its placeholders.
func segments(text string, html bool) (notification.Segments, error) {
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
		seg.HTML = html
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
