package bounce

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// Bounds of what is looked at.
const (
	maxDepth  = 4  // multiparts in multiparts
	maxLeaves = 32 // parts
)

// entity is a message, or a part of one. Mail systems of thirty years write bounces, so what is wrong
// in one is passed over, where the packages of the standard library would give up.
type entity struct {
	header header
	kind   string // media type, in lower case
	params map[string]string
	body   []byte // encoded, lines end in LF
}

// header holds a header's fields in their order: name in lower case, unfolded value.
type header []field

type field struct{ name, value string }

func (h header) all(name string) []string {
	var values []string
	for _, f := range h {
		if f.name == strings.ToLower(name) {
			values = append(values, f.value)
		}
	}
	return values
}

// get returns the first value of a field, "" if there is none.
func (h header) get(name string) string {
	for _, f := range h {
		if f.name == strings.ToLower(name) {
			return f.value
		}
	}
	return ""
}

func (h header) has(name string) bool { return h.get(name) != "" }

func parseEntity(message []byte) entity {
	return newEntity(bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n")))
}

func newEntity(b []byte) entity {
	h, body := parseHeader(b)
	e := entity{header: h, body: body}
	kind, params, _ := mime.ParseMediaType(h.get("Content-Type"))
	if kind == "" { // what can't be read is text, as RFC 2045, section 5.2, would have it
		kind = "text/plain"
	}
	e.kind, e.params = kind, params
	return e
}

// parseHeader reads fields up to an empty line, and returns what comes after it. A line that is no field
// is passed over.
func parseHeader(b []byte) (header, []byte) {
	var h header
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n := len(h); n > 0 {
				h[n-1].value += " " + string(bytes.TrimSpace(line))
			}
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && !bytes.ContainsAny(name, " \t") {
			h = append(h, field{strings.ToLower(string(name)), string(bytes.TrimSpace(value))})
		}
	}
	return h, b
}

// leaves returns the parts that hold no others, e itself where it is one. A message that is attached is a
// leaf: what is said in it is said of something else.
func (e entity) leaves() []entity { return e.gather(nil, 0) }

func (e entity) gather(into []entity, depth int) []entity {
	if !strings.HasPrefix(e.kind, "multipart/") || depth >= maxDepth {
		return append(into, e)
	}
	for _, p := range e.split() {
		if len(into) >= maxLeaves {
			break
		}
		into = p.gather(into, depth+1)
	}
	return into
}

// split cuts a multipart at its boundaries (RFC 2046, section 5.1.1); one without an end is read to its end.
func (e entity) split() []entity {
	delimiter := []byte("\n--" + e.params["boundary"])
	_, rest, ok := bytes.Cut(append([]byte("\n"), e.body...), delimiter)
	var all []entity
	for ok && len(all) < maxLeaves && !bytes.HasPrefix(rest, []byte("--")) {
		var part []byte
		part, rest, ok = bytes.Cut(rest, delimiter)
		_, part, _ = bytes.Cut(part, []byte("\n")) // the rest of the boundary's line
		all = append(all, newEntity(part))
	}
	return all
}

// decoded is the body without its transfer encoding, as far as it can be undone.
func (e entity) decoded() []byte {
	var r io.Reader
	switch strings.ToLower(e.header.get("Content-Transfer-Encoding")) {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, bytes.NewReader(e.body))
	case "quoted-printable":
		r = quotedprintable.NewReader(bytes.NewReader(e.body))
	default:
		return e.body
	}
	b, _ := io.ReadAll(r) // what came before an error is better than nothing
	return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
}
