package main

import (
	"encoding/json"
	"testing"
	"time"
)

const update = `
team: payments
incident: cards
kind: outage
status: investigating
impact: major
affects: {}
started_at: 2026-05-04T17:40:00+03:00
summary: {en: Card payments fail.}
`

func newTestEvent(t *testing.T, file string) event {
	t.Helper()
	objects, err := parseUpdates([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	e, faults := newEvent(objects[0], time.Date(2026, 5, 4, 15, 0, 0, 0, time.UTC))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return e
}

func TestEventDefaults(t *testing.T) {
	e := newTestEvent(t, update)
	if e.update.Source != "tocsin-cli/payments" || len(e.update.EventID) != 24 || e.update.Sequence != "" {
		t.Errorf("source %q, id %q, sequence %q", e.update.Source, e.update.EventID, e.update.Sequence)
	}
	if want := time.Date(2026, 5, 4, 15, 0, 0, 0, time.UTC); !e.update.Time.Equal(want) {
		t.Errorf("time %v, want %v", e.update.Time, want)
	}
	if again := newTestEvent(t, update); again.update.EventID != e.update.EventID {
		t.Error("the same content got another id")
	}
	if other := newTestEvent(t, update+"link: https://status.example\n"); other.update.EventID == e.update.EventID {
		t.Error("other content got the same id")
	}
}

func TestEventKeepsItsEnvelope(t *testing.T) {
	e := newTestEvent(t, update+"id: 7\nsource: /payments\ntime: 2026-05-04T18:00:00+03:00\nsequence: 12\n")
	u := e.update
	if u.EventID != "7" || u.Source != "/payments" || u.Sequence != "12" || !u.Time.Equal(time.Date(2026, 5, 4, 15, 0, 0, 0, time.UTC)) {
		t.Errorf("envelope %q %q %q %v", u.EventID, u.Source, u.Sequence, u.Time)
	}
	whole, faults := newEvent(json.RawMessage(e.body), time.Time{})
	if len(faults) > 0 || string(whole.body) != string(e.body) {
		t.Errorf("a whole CloudEvent is not taken as it is: %v", faults)
	}
}

func FuzzParseUpdates(f *testing.F) {
	f.Add([]byte(update))
	f.Add([]byte(`[{"team": "payments", "id": 3}]`))
	f.Add([]byte("- a\n- {b: c}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		objects, err := parseUpdates(raw)
		if err == nil && len(objects) == 0 {
			t.Error("neither an update nor an error")
		}
		for _, o := range objects {
			if e, faults := newEvent(o, time.Unix(0, 0)); len(faults) == 0 && e.update.Team == "" {
				t.Errorf("taken without a team: %s", o)
			}
		}
	})
}
