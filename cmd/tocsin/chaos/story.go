package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// story is what happens around one incident, or two of which one turns out to be part of the other.
type story struct {
	At    time.Duration // since the drill's traffic began
	Steps []step
}

// step is one thing that a story does, some time after the one before.
type step struct {
	After  time.Duration
	Update *incident.Update // or
	Order  *order
}

// order is an operator's order about one of the story's updates, its incident, or a channel.
type order struct {
	Verb    ledger.Verb
	Key     ledger.IncidentKey
	Channel string
	// Newest and First say that it is for one of the incident's updates, rather than all of it.
	Newest, First bool
}

// stories makes up what happens in a drill: the same for the same seed and duration.
func stories(seed uint64, duration, every time.Duration, channels []string) []story {
	t := teller{rng: rand.New(rand.NewPCG(seed, 2)), channels: channels}
	var all []story
	for at := time.Duration(0); at < duration; at += every/2 + time.Duration(t.rng.Int64N(int64(every))) {
		all = append(all, t.story(at))
	}
	return all
}

type teller struct {
	rng      *rand.Rand
	channels []string
	events   int // so far
	told     int // incidents so far
}

// mark is what an update's text says and no other's, so that a witness knows what it was given.
func mark(event int) string { return fmt.Sprintf("Q%05dZ", event) }

func (t *teller) one(from ...string) string { return from[t.rng.IntN(len(from))] }

func (t *teller) chance(share float64) bool { return t.rng.Float64() < share }

// gap is some seconds between updates: mostly enough for an update to go out, at times much less.
func (t *teller) gap() time.Duration {
	if t.chance(0.3) {
		return time.Duration(200+t.rng.IntN(1500)) * time.Millisecond
	}
	return time.Duration(3000+t.rng.IntN(9000)) * time.Millisecond
}

func (t *teller) story(at time.Duration) story {
	s := story{At: at}
	main := t.incident()
	say := func(d incident.Data, st incident.Status) *incident.Update {
		d.Status = st
		u := t.update(d)
		s.Steps = append(s.Steps, step{After: t.gap(), Update: u})
		return u
	}
	first := say(main, incident.Investigating)
	s.Steps[0].After = 0
	var child *incident.Data
	if t.chance(0.2) {
		d := t.incident()
		d.Team, child = main.Team, &d
		say(d, incident.Investigating)
	}
	t.orders(&s, main)
	if t.chance(0.7) {
		say(main, incident.Identified)
	}
	if child != nil {
		child.MergedInto = main.Incident
		say(*child, incident.Identified)
	}
	if t.chance(0.2) {
		d := main
		d.Corrects = first.EventID
		say(d, incident.Correction)
	}
	t.orders(&s, main)
	if t.chance(0.5) {
		say(main, incident.Monitoring)
	}
	say(main, incident.Resolved)
	if t.chance(0.3) {
		t.recall(&s, ledger.IncidentKey{Team: main.Team, Incident: main.Incident})
	}
	return s
}

// orders has an operator interfere now and then. What is paused is resumed.
func (t *teller) orders(s *story, d incident.Data) {
	key := ledger.IncidentKey{Team: d.Team, Incident: d.Incident}
	add := func(o order) { s.Steps = append(s.Steps, step{After: t.soon(), Order: &o}) }
	switch {
	case t.chance(0.08):
		add(order{Verb: ledger.Pause, Key: key})
		add(order{Verb: ledger.Resume, Key: key})
	case t.chance(0.06):
		add(order{Verb: ledger.Cancel, Key: key, Newest: true})
	case t.chance(0.06):
		add(order{Verb: ledger.Move, Key: key, Channel: t.one(t.channels...)})
	case t.chance(0.1):
		t.recall(s, key)
	}
}

// soon is some moment after an update, when mostly it still goes out.
func (t *teller) soon() time.Duration {
	return time.Duration(300+t.rng.IntN(3000)) * time.Millisecond
}

// recall has an operator take back what was said first of an incident, or what was said last, which may still be
// going out.
func (t *teller) recall(s *story, key ledger.IncidentKey) {
	first := t.chance(0.5)
	s.Steps = append(s.Steps, step{After: t.soon(), Order: &order{Verb: ledger.Recall, Key: key, First: first, Newest: !first}})
}

// incident makes up an incident, without what changes from update to update.
func (t *teller) incident() incident.Data {
	t.told++
	d := incident.Data{
		Team: t.one(teams()...), Incident: fmt.Sprintf("drill-%d", t.told), Kind: incident.Outage,
		Impact: incident.Impact(t.one("minor", "major", "critical")),
	}
	if t.chance(0.8) {
		d.Affects.Regions = []string{t.one("balti", "cahul", "chisinau", "orhei"), t.one("comrat", "edinet", "soroca", "ungheni")}
	}
	if t.chance(0.4) {
		d.Affects.Services = []string{t.one("atm", "branches", "cards", "online-banking")}
	}
	return d
}

// teams are those that publish.
func teams() []string { return []string{"cards", "network", "operations"} }

func (t *teller) update(d incident.Data) *incident.Update {
	t.events++
	m := mark(t.events)
	d.Summary = incident.Text{
		"en": "This is a drill, number " + m + ".", "ro": "Acesta este un exercițiu, numărul " + m + ".", "ru": "Это учение, номер " + m + ".",
	}
	return &incident.Update{Source: "chaos", EventID: m, Data: d}
}
