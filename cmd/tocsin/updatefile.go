package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// event is an update that is ready to be published.
type event struct {
	update incident.Update
	// body is the update as a CloudEvent in structured mode.
	body []byte
}

// readUpdates reads a file of updates, "-" being the standard input.
func (c *cli) readUpdates(path string) ([]json.RawMessage, error) {
	var raw []byte
	var err error
	if path == "-" {
		raw, err = io.ReadAll(c.stdin)
	} else {
		raw, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading updates: %w", err)
	}
	objects, err := parseUpdates(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return objects, nil
}

// parseUpdates reads one update or a list of them, in YAML or JSON, and returns each as a JSON object.
func parseUpdates(raw []byte) ([]json.RawMessage, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode {
		return nil, errors.New("holds no update")
	}
	nodes := doc.Content
	if nodes[0].Kind == yaml.SequenceNode {
		nodes = nodes[0].Content
	}
	objects := make([]json.RawMessage, 0, len(nodes))
	for _, n := range nodes {
		var v map[string]any
		if err := n.Decode(&v); err != nil {
			return nil, fmt.Errorf("line %d: is no update, which is an object with team, incident, status and so on: %w", n.Line, err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n.Line, err)
		}
		objects = append(objects, b)
	}
	if len(objects) == 0 {
		return nil, errors.New("holds no update")
	}
	return objects, nil
}

// newEvent makes the CloudEvent of an update as it stands in a file: the data's fields, with those of
// the envelope (id, source, time, sequence) beside them where somebody wants to give them. A whole
// CloudEvent is taken as it is. All faults are returned, if there are any.
func newEvent(object json.RawMessage, now time.Time) (event, []incident.Fault) {
	var data map[string]json.RawMessage
	if err := json.Unmarshal(object, &data); err != nil {
		return event{}, []incident.Fault{{Path: "body", Problem: "is not an object"}}
	}
	body := []byte(object)
	if _, whole := data["specversion"]; !whole {
		var err error
		if body, err = envelop(data, now); err != nil {
			return event{}, []incident.Fault{{Path: "body", Problem: err.Error()}}
		}
	}
	u, faults := incident.Decode(nil, body)
	return event{u, body}, faults
}

// envelop puts data into an envelope. The id is made of the content, so that publishing the same
// file again announces nothing twice.
func envelop(data map[string]json.RawMessage, now time.Time) ([]byte, error) {
	content, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	var team string
	_ = json.Unmarshal(data["team"], &team) // whatever else it is, the check will say
	envelope := map[string]any{
		"specversion": incident.SpecVersion, "type": incident.EventType, "datacontenttype": "application/json",
		"id": hex.EncodeToString(sum[:12]), "source": "tocsin-cli/" + team, "time": now.Format(time.RFC3339Nano),
	}
	data = maps.Clone(data)
	for _, key := range []string{"id", "source", "time", "sequence"} {
		if v, given := data[key]; given {
			envelope[key] = asText(v)
			delete(data, key)
		}
	}
	envelope["data"] = data
	return json.Marshal(envelope)
}

// asText makes a string of a bare number: people write "sequence: 3".
func asText(v json.RawMessage) json.RawMessage {
	var n json.Number
	if bytes.HasPrefix(v, []byte(`"`)) || json.Unmarshal(v, &n) != nil {
		return v
	}
	return json.RawMessage(`"` + n.String() + `"`)
}
