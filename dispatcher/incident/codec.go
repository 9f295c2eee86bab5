package incident

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// MaxSize is how many bytes the body of an update's event may have.
const MaxSize = 256 << 10

// SpecVersion is the version of CloudEvents that updates use.
const SpecVersion = "1.0"

// ContentType is the media type of an event in structured mode, as [Encode] writes it.
const ContentType = "application/cloudevents+json"

// Fault is one thing that is wrong with an update.
type Fault struct {
	// Path says where: "data.affects.services[2]" in the data, "ce.time" for an attribute of the
	// event, "body" for the whole.
	Path string `json:"path"`
	// Problem says what, so that it reads on after the path: "is missing".
	Problem string `json:"problem"`
}

func (f Fault) String() string { return f.Path + " " + f.Problem }

// FaultError is an update refused, with every reason.
type FaultError struct{ Faults []Fault }

func (e *FaultError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return "bad update: " + strings.Join(lines, "; ")
}

// Decode reads an update from a CloudEvents 1.0 event in structured or binary mode, and checks it
// against [Schema]. It returns every fault it finds, sorted by path within the envelope and within
// the data, or none and the update.
//
// The header is that of an HTTP request or of a NATS message; names are compared without case.
// The mode is structured where the content type is application/cloudevents+json; else binary where
// there are ce- headers; else structured again where the body itself holds "specversion", since
// that is how events come from tools that set no headers. Unknown attributes are ignored, as
// extensions must be.
//
// It follows https://github.com/cloudevents/spec at v1.0.2: spec.md, formats/json-format.md,
// bindings/http-protocol-binding.md and extensions/sequence.md, and for NATS headers the binding of
// v1.0.3 (bindings/nats-protocol-binding.md), which takes the content type of the data from
// ce-datacontenttype.
func Decode(header map[string][]string, body []byte) (Update, []Fault) {
	if len(body) > MaxSize {
		return Update{}, []Fault{{"body", fmt.Sprintf("has %d bytes, at most %d are allowed", len(body), MaxSize)}}
	}
	e, faults := open(header, body)
	if len(faults) > 0 {
		return Update{}, faults
	}
	u, faults := e.attributes()
	data, more := decodeData(e.data)
	faults = append(faults, more...)
	if len(faults) > 0 {
		return Update{}, faults
	}
	u.Data = data
	return u, nil
}

// decodeData checks and reads the data of an event.
func decodeData(raw []byte) (Data, []Fault) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return Data{}, []Fault{{"data", "is missing"}}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return Data{}, []Fault{{"data", "is not JSON: " + err.Error()}}
	}
	if faults := schemaFaults(doc); len(faults) > 0 {
		return Data{}, faults
	}
	var d Data
	if err := json.Unmarshal(raw, &d); err != nil {
		return Data{}, []Fault{{"data", err.Error()}}
	}
	return d, append(timeFaults(d), contradictions(d)...)
}

// timeFaults checks what a schema can't: that times come after one another.
func timeFaults(d Data) []Fault {
	var faults []Fault
	if d.EndsAt != nil && !d.EndsAt.After(d.StartedAt) {
		faults = append(faults, Fault{"data.ends_at", "must be after started_at"})
	}
	if d.ResolvedAt != nil && d.ResolvedAt.Before(d.StartedAt) {
		faults = append(faults, Fault{"data.resolved_at", "must not be before started_at"})
	}
	return faults
}

// contradictions finds services that are said both to be affected and to work.
func contradictions(d Data) []Fault {
	var faults []Fault
	for i, id := range d.Unaffected {
		if slices.Contains(d.Affects.Services, id) {
			faults = append(faults, Fault{fmt.Sprintf("data.unaffected[%d]", i), "is among affects.services too"})
		}
	}
	return faults
}

// structured is an event in structured mode, as Encode writes it.
type structured struct {
	SpecVersion     string    `json:"specversion"`
	Type            string    `json:"type"`
	Source          string    `json:"source"`
	ID              string    `json:"id"`
	Time            time.Time `json:"time"`
	Sequence        string    `json:"sequence,omitempty"`
	DataContentType string    `json:"datacontenttype"`
	Data            Data      `json:"data"`
}

// Encode writes an update as an event in structured mode, to be sent with [ContentType]. It gives
// only what [Decode] takes: for any other update it returns a *[FaultError].
func Encode(u Update) ([]byte, error) {
	body, err := json.Marshal(structured{
		SpecVersion: SpecVersion, Type: EventType,
		Source: u.Source, ID: u.EventID, Time: u.Time, Sequence: u.Sequence,
		DataContentType: "application/json", Data: u.Data,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding update: %w", err)
	}
	if _, faults := Decode(nil, body); len(faults) > 0 {
		return nil, &FaultError{Faults: faults}
	}
	return body, nil
}
