package promise

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// world is an incident whose updates come, wait and go in any order, with the updates on their way to it.
type world struct {
	history
	now       int
	under     []incident.Update // published, not yet taken in
	published map[string]int    // what Tocsin said, by id
	events    int
}

// take takes one of the updates under way in, and lets it go unless it is held.
func (w *world) take(i int, held bool) (announced bool) {
	u := w.under[i]
	w.under = append(w.under[:i:i], w.under[i+1:]...)
	next, v := incident.Fold(&w.c.Incident, u, at(w.now))
	if len(v.Faults) > 0 {
		return false
	}
	w.c.Incident = next
	if v.Announce && !held {
		w.c.Words = append(w.c.Words, Word{Update: u, At: at(w.now)})
	}
	return v.Announce && !held
}

func (w *world) team(t *rapid.T) incident.Update {
	w.events++
	u := word(w.now, rapid.SampledFrom([]incident.Status{
		incident.Investigating, incident.Identified, incident.Monitoring, incident.Correction, incident.Resolved,
	}).Draw(t, "status"), nil).Update
	u.EventID = fmt.Sprint("team-", w.events)
	if u.Status == incident.Resolved {
		u.ResolvedAt = new(at(w.now))
	}
	if rapid.Bool().Draw(t, "promises") {
		promises(w.now + rapid.IntRange(1, 90).Draw(t, "next"))(&u)
	}
	if rapid.Bool().Draw(t, "estimates") {
		expects(w.now + rapid.IntRange(-10, 60).Draw(t, "back"))(&u)
	}
	return u
}

// TestTocsinSpeaksOncePerPromise: whatever comes in whatever order, whoever looks how often, nothing is said
// twice for one promise, nothing false, nothing after the end, and never more in a row than is allowed.
func TestTocsinSpeaksOncePerPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := word(0, incident.Investigating, promises(rapid.IntRange(5, 60).Draw(t, "first")))
		w := world{history: history{c: caseOf(first)}, published: map[string]int{}}
		w.c.Cadence.Holding = rapid.IntRange(0, 3).Draw(t, "holding")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				w.under = append(w.under, w.team(t))
			case 1:
				w.c.Paused = !w.c.Paused
			case 2, 3:
				if n := len(w.under); n > 0 {
					w.take(rapid.IntRange(0, n-1).Draw(t, "which"), rapid.Bool().Draw(t, "held"))
				}
			default:
				w.now += rapid.IntRange(0, 40).Draw(t, "minutes")
			}
			w.look(t)
			w.check(t)
		}
	})
}

// look moves the clocks on, and checks what is said.
func (w *world) look(t *rapid.T) {
	turn := Step(&w.c, w.states, at(w.now))
	if again := Step(&w.c, turn.States, at(w.now)); len(again.Say) > 0 || len(again.News) > 0 {
		t.Fatalf("a second look said %+v, told %+v", again.Say, again.News)
	}
	w.states = turn.States
	for _, u := range turn.Say {
		w.published[u.EventID]++
		if w.published[u.EventID] > 1 {
			t.Fatalf("%s is said twice", u.EventID)
		}
		if w.c.Paused || w.c.still() || w.c.Incident.Over() {
			t.Fatalf("said %+v although it is paused, or over", u)
		}
		if u.Estimate != nil && !u.Estimate.At.After(at(w.now)) || !u.NextUpdateAt.After(at(w.now)) {
			t.Fatalf("said at %d what has passed: %+v", w.now, u)
		}
		if _, err := incident.Encode(u); err != nil {
			t.Fatal(err)
		}
		w.under = append(w.under, u)
	}
}

// check: what customers were told is right.
func (w *world) check(t *rapid.T) {
	row := 0
	for i, word := range w.c.Words {
		row++
		if word.Automatic == "" {
			row = 0
		}
		if row > w.c.Cadence.Holding {
			t.Fatalf("%d holding updates in a row", row)
		}
		if word.Automatic != "" && (i == 0 || w.c.Words[i-1].EventID != word.Follows) {
			t.Fatalf("%s was told, although it does not follow what was told before", word.EventID)
		}
	}
	for _, s := range w.states {
		if next := Next(&w.c, w.states, at(w.now)); !next.IsZero() && !next.After(at(w.now)) {
			t.Fatalf("next look at %s, which is not after now", next.Format(time.TimeOnly))
		}
		if s.StoppedAt.IsZero() && w.c.still() {
			t.Fatalf("it is over, and %s runs", s.Name)
		}
	}
}
