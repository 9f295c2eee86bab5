package incident

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxAttribute bounds id, source and sequence, in bytes. CloudEvents asks consumers to take 4 KiB
// for all attributes together.
const maxAttribute = 256

// envelope is an event taken apart, whichever way it came.
type envelope struct {
	attrs map[string]string // by name, without the ce- prefix
	data  []byte
}

// open finds out the event's mode and takes it apart.
func open(header map[string][]string, body []byte) (envelope, []Fault) {
	if !utf8.Valid(body) {
		return envelope{}, []Fault{{"body", "is not UTF-8"}}
	}
	attrs, contentType, faults := headerAttributes(header)
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil && contentType != "":
		return envelope{}, []Fault{{"content-type", "is not a media type"}}
	case media == ContentType || media == "application/cloudevents":
		return openStructured(body)
	case strings.HasPrefix(media, "application/cloudevents"):
		return envelope{}, []Fault{{"content-type", "must be " + ContentType + " or, with ce- headers, application/json"}}
	case len(attrs) == 0 && len(faults) == 0:
		return openStructured(body)
	}
	if attrs["datacontenttype"] == "" && contentType != "" {
		attrs["datacontenttype"] = contentType
	}
	return envelope{attrs: attrs, data: body}, faults
}

// headerAttributes reads the attributes of binary mode, and the content type.
func headerAttributes(header map[string][]string) (attrs map[string]string, contentType string, faults []Fault) {
	attrs = map[string]string{}
	for name, values := range header {
		if len(values) == 0 {
			continue
		}
		name = strings.ToLower(name)
		if name == "content-type" {
			contentType = values[0]
		}
		attr, ok := strings.CutPrefix(name, "ce-")
		if !ok {
			continue
		}
		v, err := url.PathUnescape(unquote(values[0]))
		if err != nil || !utf8.ValidString(v) {
			faults = append(faults, Fault{"ce." + attr, "is not percent-encoded UTF-8"})
			continue
		}
		attrs[attr] = v
	}
	return attrs, contentType, tidy(faults)
}

// unquote undoes a quoted string (RFC 9110, section 5.6.4), which the HTTP binding asks readers to
// accept.
func unquote(v string) string {
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return v
	}
	var b strings.Builder
	for i := 1; i < len(v)-1; i++ {
		if v[i] == '\\' && i+1 < len(v)-1 {
			i++
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// openStructured reads the JSON event format.
func openStructured(body []byte) (envelope, []Fault) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return envelope{}, []Fault{{"body", "is not a JSON object"}}
	}
	if _, ok := members["specversion"]; !ok {
		return envelope{}, []Fault{{"body", `is not a CloudEvent: no "specversion" in it, and no ce- headers with it`}}
	}
	e := envelope{attrs: map[string]string{}, data: members["data"]}
	var faults []Fault
	for name, raw := range members {
		if name == "data" || name == "data_base64" || !known(name) || string(raw) == "null" {
			continue
		}
		var v string
		if err := json.Unmarshal(raw, &v); err != nil {
			faults = append(faults, Fault{"ce." + name, "must be a string"})
			continue
		}
		e.attrs[name] = v
	}
	if raw, ok := members["data_base64"]; ok {
		var fault *Fault
		if e.data, fault = unpack(raw, e.data != nil); fault != nil {
			faults = append(faults, *fault)
		}
	}
	return e, tidy(faults)
}

// known reports whether an attribute is one that this package reads.
func known(name string) bool {
	return slices.Contains([]string{"specversion", "id", "source", "type", "time", "subject",
		"datacontenttype", "sequence"}, name)
}

// unpack reads data_base64, the JSON event format's way to carry data that its writer did not know
// to be JSON.
func unpack(raw json.RawMessage, twice bool) ([]byte, *Fault) {
	if twice {
		return nil, &Fault{"data_base64", "must not be given together with data"}
	}
	var encoded string
	if err := json.Unmarshal(raw, &encoded); err != nil {
		return nil, &Fault{"data_base64", "must be a string"}
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !utf8.Valid(data) {
		return nil, &Fault{"data_base64", "is not UTF-8 text in base64"}
	}
	return data, nil
}

// attributes checks the attributes and puts them into an update.
func (e envelope) attributes() (Update, []Fault) {
	var faults []Fault
	check := func(name, problem string) {
		if problem != "" {
			faults = append(faults, Fault{"ce." + name, problem})
		}
	}
	check("specversion", mustBe(e.attrs["specversion"], SpecVersion))
	check("type", mustBe(e.attrs["type"], EventType))
	check("id", badName(e.attrs["id"]))
	check("source", badSource(e.attrs["source"]))
	check("datacontenttype", badDataType(e.attrs["datacontenttype"]))
	if seq, ok := e.attrs["sequence"]; ok {
		check("sequence", badName(seq))
	}
	at, problem := parseTime(e.attrs["time"])
	check("time", problem)
	return Update{
		Source: e.attrs["source"], EventID: e.attrs["id"], Time: at, Sequence: e.attrs["sequence"],
	}, tidy(faults)
}

func mustBe(got, want string) string {
	switch got {
	case want:
		return ""
	case "":
		return "is missing"
	}
	return "must be " + want
}

// badName checks an attribute that we store and compare.
func badName(s string) string {
	switch {
	case s == "":
		return "is missing"
	case len(s) > maxAttribute:
		return "is longer than 256 bytes"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "must not hold control characters"
	}
	return ""
}

func badSource(s string) string {
	if problem := badName(s); problem != "" {
		return problem
	}
	if _, err := url.Parse(s); err != nil {
		return "must be a URI reference, such as /payments or https://payments.example.com"
	}
	return ""
}

// badDataType takes JSON in any of its names (application/json, …+json), and nothing, which the
// JSON event format defines to be application/json.
func badDataType(s string) string {
	if s == "" {
		return ""
	}
	media, _, err := mime.ParseMediaType(s)
	if err != nil || media != "application/json" && media != "text/json" && !strings.HasSuffix(media, "+json") {
		return "must be application/json"
	}
	return ""
}

func parseTime(s string) (time.Time, string) {
	if s == "" {
		return time.Time{}, "is missing"
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil {
		return time.Time{}, "must be a time with a zone as in RFC 3339, such as 2026-05-04T18:00:00+03:00"
	}
	return t, ""
}
