package incident

import (
	"bytes"
	_ "embed" // for the schema
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed update.schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (draft 2020-12) that an update's data follows: the JSON form of
// [Data]. The copy is the caller's.
func Schema() []byte { return bytes.Clone(schemaJSON) }

const schemaURL = "https://tocsin.dev/schemas/incident-update-v1.json"

// compiledSchema is compiled at first use and read-only afterwards. The schema is part of the
// program, so that one which does not compile is a bug, which every test of this package finds.
var compiledSchema = sync.OnceValue(func() *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		panic(fmt.Sprintf("incident: reading the schema: %v", err))
	}
	c := jsonschema.NewCompiler()
	// Formats are asserted, and date-time means exactly what Data can hold.
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: validateTime})
	if err := c.AddResource(schemaURL, doc); err != nil {
		panic(fmt.Sprintf("incident: adding the schema: %v", err))
	}
	return c.MustCompile(schemaURL)
})

func validateTime(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	return new(time.Time).UnmarshalText([]byte(s))
}

// schemaFaults checks the data against the schema. The faults are sorted by path, one a path.
func schemaFaults(data any) []Fault {
	err := compiledSchema().Validate(data)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []Fault{{Path: "data", Problem: err.Error()}}
	}
	return tidy(leafFaults(invalid, nil))
}

// tidy sorts faults and keeps one a path: the shortest, which of two lists of allowed values is the
// one that takes more into account.
func tidy(faults []Fault) []Fault {
	slices.SortFunc(faults, func(a, b Fault) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		if c := len(a.Problem) - len(b.Problem); c != 0 {
			return c
		}
		return strings.Compare(a.Problem, b.Problem)
	})
	return slices.CompactFunc(faults, func(a, b Fault) bool { return a.Path == b.Path })
}

// leafFaults collects the faults at the leaves of a validator's error: what stands above them only
// says which of the schema's rules led there.
func leafFaults(e *jsonschema.ValidationError, faults []Fault) []Fault {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			faults = leafFaults(cause, faults)
		}
		return faults
	}
	path := dataPath(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			faults = append(faults, Fault{Path: path + "." + name, Problem: "is missing"})
		}
		return faults
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			faults = append(faults, Fault{Path: path + member(name), Problem: unknownMember(e.InstanceLocation)})
		}
		return faults
	}
	return append(faults, Fault{Path: path, Problem: problem(path, e.ErrorKind)})
}

// problem words one broken rule for the person who wrote the update.
func problem(path string, k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("must be of type %s, not %s", strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum:
		return fmt.Sprintf("must be one of %s", list(k.Want))
	case *kind.Format:
		return badFormat(k)
	case *kind.Pattern:
		return badPattern(path)
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters, at most %d are allowed", k.Got, k.Want)
	case *kind.MinLength:
		return "must not be empty"
	case *kind.MaxItems:
		return fmt.Sprintf("has %d entries, at most %d are allowed", k.Got, k.Want)
	case *kind.MaxProperties:
		what := "languages"
		if path == "data.alternatives" {
			what = "regions"
		}
		return fmt.Sprintf("has %d %s, at most %d are allowed", k.Got, what, k.Want)
	case *kind.MinProperties:
		return "must be given in at least one language"
	case *kind.UniqueItems:
		return fmt.Sprintf("has the same entry twice, at %d and %d", k.Duplicates[0], k.Duplicates[1])
	case *kind.FalseSchema:
		return notAllowed(path)
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}

func badFormat(k *kind.Format) string {
	if k.Want == "date-time" {
		return "must be a time with a zone as in RFC 3339, such as 2026-05-04T18:00:00+03:00"
	}
	return "must be a full address, such as https://status.example.com/1"
}

// badPattern says which characters belong at a path.
func badPattern(path string) string {
	switch {
	case path == "data.team" || path == "data.incident" || path == "data.merged_into" ||
		path == "data.playbook" || strings.HasPrefix(path, "data.compensate["):
		return "must be 1 to 64 of the characters a-z, 0-9, '-' and '_'"
	case path == "data.link":
		return "must be an http or https address"
	case strings.HasPrefix(path, "data.affects.recipients"):
		return "must not hold control characters"
	case strings.HasPrefix(path, "data.affects") || strings.HasPrefix(path, "data.unaffected"):
		return "must be 1 to 64 letters, digits, '.', '-' and '_', the first a letter or a digit"
	case strings.HasPrefix(path, "data.short") || strings.HasPrefix(path, "data.alternatives"):
		return "must be one line of text, not blank and without control characters"
	}
	return "must be text, not blank and without control characters"
}

func notAllowed(path string) string {
	switch path {
	case "data.automatic":
		return "is for what Tocsin says by itself: holding updates while it goes on, and reminders of what is scheduled"
	case "data.follows":
		return "is for what Tocsin says by itself, with automatic"
	case "data.corrects":
		return "is for the status correction only"
	case "data.ends_at":
		return "is for maintenance only; say when an outage should be over with estimate"
	case "data.resolved_at":
		return "is for the statuses resolved, completed, postmortem and correction only"
	}
	return "is not allowed here"
}

func unknownMember(parent []string) string {
	switch {
	case len(parent) == 1 && parent[0] == "alternatives":
		return "must be a region's id: 1 to 64 letters, digits, '.', '-' and '_', the first a letter or a digit"
	case len(parent) == 2 && parent[0] == "alternatives",
		len(parent) == 1 && parent[0] != "affects" && parent[0] != "estimate":
		return "must be a language tag, such as en or ro-MD"
	}
	return "is not a known property"
}

func list(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ", ")
}

// dataPath writes a location as data.affects.services[2].
func dataPath(location []string) string {
	var b strings.Builder
	b.WriteString("data")
	for _, token := range location {
		if _, err := strconv.Atoi(token); err == nil {
			b.WriteString("[" + token + "]")
			continue
		}
		b.WriteString(member(token))
	}
	return b.String()
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// member writes a property's name, quoted and cut where a stranger chose it freely.
func member(name string) string {
	if plainName.MatchString(name) {
		return "." + name
	}
	const longest = 64
	if r := []rune(name); len(r) > longest {
		name = string(r[:longest]) + "…"
	}
	return "[" + strconv.Quote(name) + "]"
}
