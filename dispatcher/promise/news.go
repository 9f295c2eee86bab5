package promise

import (
	"bytes"
	_ "embed" // for the schema
	"encoding/json"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// EventType is the CloudEvents type of what happens to a clock.
const EventType = "dev.tocsin.promise.v1"

// What happens to a clock.
type What string

// The things that happen.
const (
	WasReminded What = "reminded" // it will be due soon
	WasOverdue  What = "overdue"  // it is due, and the promise is not kept
	WasSaid     What = "said"     // Tocsin has published an update by itself
	WasStopped  What = "stopped"  // after one of those: the promise is kept, late or not, or was moved
)

// News says what happened to a clock. Its JSON form is the data of an event, by the published schema.
type News struct {
	Team     string          `json:"team"`
	Incident string          `json:"incident"`
	Kind     incident.Kind   `json:"kind"`
	Status   incident.Status `json:"status"`
	Impact   incident.Impact `json:"impact"`
	Clock    Name            `json:"clock"`
	Due      time.Time       `json:"due"`
	What     What            `json:"what"`
	At       time.Time       `json:"at"`
	// Late is how many seconds after the due time it happened, 0 if before.
	Late float64 `json:"late_seconds,omitempty"`
	// Update is the CloudEvents id of the update that Tocsin published.
	Update string `json:"update,omitempty"`
}

func (t *Turn) tell(c *Case, s *State, what What, update string, now time.Time) {
	i := &c.Incident
	t.News = append(t.News, News{
		Team: i.Team, Incident: i.ID, Kind: i.Kind, Status: i.Status, Impact: i.Impact, Clock: s.Name, Due: s.Due,
		What: what, At: now, Late: max(0, now.Sub(s.Due).Seconds()), Update: update,
	})
}

//go:embed promise.schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (draft 2020-12) that an event's data follows: the JSON form of [News]. The
// copy is the caller's.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// ContentType is the media type of an event as Encode writes it.
const ContentType = "application/cloudevents+json"

// ID is the event's id: the same whenever the same thing happens to the same clock.
func (n *News) ID() string {
	return fmt.Sprintf("%s/%s/%s/%s/%s", n.Team, n.Incident, n.Clock, n.Due.Format(time.RFC3339Nano), n.What)
}

// Encode writes the event in CloudEvents' structured mode.
func (n *News) Encode() ([]byte, error) {
	return json.Marshal(struct {
		SpecVersion     string    `json:"specversion"`
		Type            string    `json:"type"`
		Source          string    `json:"source"`
		ID              string    `json:"id"`
		Time            time.Time `json:"time"`
		DataContentType string    `json:"datacontenttype"`
		Data            *News     `json:"data"`
	}{"1.0", EventType, Source, n.ID(), n.At, "application/json", n})
}
