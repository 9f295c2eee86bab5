package clock

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Span is a time that may be long: a duration that may have days, of 24 hours each, before its hours. In
// files it is written as 400d, 1d12h, 36h or 90m.
type Span time.Duration

// ParseSpan reads 400d, 1d12h, 36h, or 0.
func ParseSpan(s string) (Span, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		days, rest = "0", s
	}
	n, err := strconv.ParseUint(days, 10, 15)
	d := time.Duration(0)
	if err == nil && rest != "" {
		d, err = time.ParseDuration(rest)
	}
	if err != nil || d < 0 || s == "" {
		return 0, fmt.Errorf("%q is not a time: want days, hours or both, as in 400d or 36h", s)
	}
	return Span(time.Duration(n)*24*time.Hour + d), nil
}

// Duration returns the span as a time.Duration.
func (s Span) Duration() time.Duration { return time.Duration(s) }

// String writes a span as ParseSpan reads it.
func (s Span) String() string {
	const day = 24 * time.Hour
	d := time.Duration(s)
	days := ""
	if n := d / day; n > 0 {
		days, d = strconv.FormatInt(int64(n), 10)+"d", d%day
	}
	if d == 0 && days != "" {
		return days
	}
	rest := d.String()
	if strings.HasSuffix(rest, "m0s") {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if strings.HasSuffix(rest, "h0m") {
		rest = strings.TrimSuffix(rest, "0m")
	}
	return days + rest
}

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSpan(string(text))
	return err
}

// UnmarshalYAML implements yaml.Unmarshaler. Its error names the line, and is one of those that the YAML
// library gathers before it returns them all.
func (s *Span) UnmarshalYAML(node *yaml.Node) error {
	span, err := ParseSpan(node.Value)
	if err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %v", node.Line, err)}}
	}
	*s = span
	return nil
}
