package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

// values are what placeholders stand for in one request, by name.
type values map[string]string

// values returns what placeholders stand for in a message.
func (s *sender) values(m channels.Message) values {
	_, encoding := sms.Segments(m.Text)
	v := values{
		"number": m.Address, "digits": strings.TrimPrefix(m.Address, "+"), "text": strings.ToValidUTF8(m.Text, "\uFFFD"),
		"from": s.config.From, "ref": m.Ref, "callback": s.callback(m), "locale": m.Locale,
		"validity": s.config.Validity.of(m.UsefulFor), "encoding": s.config.Encoding.GSM7,
	}
	if encoding == sms.UCS2 {
		v["encoding"] = s.config.Encoding.UCS2
	}
	for name, secret := range s.config.Secrets {
		v[name] = secret.Reveal()
	}
	return v
}

// callback is the URL for receipts, with its key where that is the proof.
func (s *sender) callback(m channels.Message) string {
	if s.receipts == nil || s.receipts.key == "" || m.Callback == "" {
		return m.Callback
	}
	return m.Callback + "?" + paramKey + "=" + s.receipts.key.Of(m.Ref)
}

// unit is what a validity is counted in, 0 where that isn't described.
func (v Validity) unit() time.Duration {
	switch v.Unit {
	case "seconds":
		return time.Second
	case "minutes":
		return time.Minute
	case "hours":
		return time.Hour
	}
	return 0
}

// of is a time in whole units, at least one, at most what the gateway takes.
func (v Validity) of(useful time.Duration) string {
	unit := v.unit()
	if unit == 0 {
		return ""
	}
	if useful <= 0 || useful > v.Most {
		useful = v.Most
	}
	return fmt.Sprint(max(1, int64(useful/unit)))
}

// builtin are the placeholders that every request may have.
func builtin() []string {
	return []string{"callback", "digits", "encoding", "from", "locale", "number", "ref", "text", "validity"}
}

// part is a literal, or a placeholder.
type part struct {
	literal string
	name    string
	number  bool
}

// template is a text with placeholders.
type template []part

// names are the placeholders that there are, in order.
func (c *Config) names() []string {
	return slices.Sorted(slices.Values(slices.Concat(builtin(), slices.Collect(maps.Keys(c.Secrets)))))
}

// parse reads a text with placeholders. An error completes a sentence about the text and doesn't
// repeat it, since there may be a secret in it.
func (c *Config) parse(s string) (template, error) {
	var t template
	for s != "" {
		i := strings.IndexAny(s, "{}")
		switch {
		case i < 0:
			return append(t, part{literal: s}), nil
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			t = append(t, part{literal: s[:i+1]})
			s = s[i+2:]
			continue
		case i > 0:
			t = append(t, part{literal: s[:i]})
		}
		name, rest, closed := strings.Cut(s[i+1:], "}")
		if s[i] == '}' || !closed {
			return nil, fmt.Errorf("has a single brace; a brace that is meant is written twice")
		}
		p, err := c.placeholder(name)
		if err != nil {
			return nil, err
		}
		t, s = append(t, p), rest
	}
	return t, nil
}

// placeholder reads what stands between braces.
func (c *Config) placeholder(text string) (part, error) {
	name, form, formed := strings.Cut(text, ":")
	switch {
	case formed && form != "number":
		return part{}, fmt.Errorf("has {%s}, of which only {%s:number} is known", text, name)
	case !slices.Contains(c.names(), name):
		return part{}, fmt.Errorf("has the unknown placeholder {%s}: one of %s, or a name among secrets", name, strings.Join(c.names(), ", "))
	case name == "validity" && (c.Validity.unit() == 0 || c.Validity.Most < c.Validity.unit()):
		return part{}, fmt.Errorf("has {validity}, so validity needs a unit (seconds, minutes, hours) and most, at least one unit")
	case name == "encoding" && (c.Encoding.GSM7 == "" || c.Encoding.UCS2 == ""):
		return part{}, fmt.Errorf("has {encoding}, so encoding needs gsm7 and ucs2")
	case name == "from" && c.From == "":
		return part{}, fmt.Errorf("has {from}, so from is required")
	}
	return part{name: name, number: formed}, nil
}

// render puts values in place, each escaped.
func (t template) render(v values, escape func(string) string) string {
	var b strings.Builder
	for _, p := range t {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		b.WriteString(escape(v[p.name]))
	}
	return b.String()
}

// has reports whether a placeholder stands in a template.
func (t template) has(name string) bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.name == name })
}

// asIs escapes nothing.
func asIs(s string) string { return s }
