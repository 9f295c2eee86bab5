package promise

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// TestNewsFollowsItsSchema holds all that is ever told to the published schema.
func TestNewsFollowsItsSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("promise.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("promise.json")
	if err != nil {
		t.Fatal(err)
	}
	var news []News
	cases := caseOf(word(0, incident.Identified, func(u *incident.Update) { promises(40)(u); expects(60)(u) }))
	var states []State
	for m := 0; m < 90; m++ {
		turn := Step(&cases, states, at(m))
		states, news = turn.States, append(news, turn.News...)
	}
	cases.Incident.MergedInto = "i0"
	news = append(news, Step(&cases, states, at(90)).News...)
	seen := map[What]bool{}
	for i := range news {
		body, err := news[i].Encode()
		if err != nil {
			t.Fatal(err)
		}
		var event struct {
			Type, Source, ID, SpecVersion string
			Data                          any
		}
		if err := json.Unmarshal(body, &event); err != nil {
			t.Fatal(err)
		}
		if event.Type != EventType || event.Source != Source || event.SpecVersion != "1.0" || event.ID != news[i].ID() {
			t.Errorf("event %s", body)
		}
		if err := schema.Validate(event.Data); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		seen[news[i].What] = true
	}
	for _, what := range []What{WasReminded, WasOverdue, WasSaid, WasStopped} {
		if !seen[what] {
			t.Errorf("nothing was %s", what)
		}
	}
	Schema()[0] = 'x'
	if Schema()[0] != '{' {
		t.Error("Schema gave away its own copy")
	}
}
