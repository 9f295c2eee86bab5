package promise

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// history is a case with its clocks, moved on minute by minute.
type history struct {
	c      Case
	states []State
	told   []string
	say    []incident.Update
}

// until steps through every minute from one to another.
func (h *history) until(from, to int) {
	for m := from; m <= to; m++ {
		t := Step(&h.c, h.states, at(m))
		h.states = t.States
		h.say = append(h.say, t.Say...)
		for _, n := range t.News {
			h.told = append(h.told, fmt.Sprintf("%d %s %s", m, n.Clock, n.What))
		}
	}
}

// speak lets an update go.
func (h *history) speak(w Word) {
	next, v := incident.Fold(&h.c.Incident, w.Update, w.At)
	if !v.Announce {
		panic(fmt.Sprint(v))
	}
	h.c.Incident, h.c.Words = next, append(h.c.Words, w)
}

func (h *history) want(t *testing.T, told ...string) {
	t.Helper()
	if diff := cmp.Diff(told, h.told); diff != "" {
		t.Errorf("what was told (-want +got):\n%s", diff)
	}
}

func TestAPromiseIsKept(t *testing.T) {
	h := history{c: caseOf(word(0, incident.Investigating, promises(40)))}
	h.c.FirstNoticeAt, h.c.Cadence.Holding = at(1), 0
	h.until(0, 35)
	h.speak(word(36, incident.Identified, promises(80)))
	h.until(36, 60)
	h.want(t, "30 next_update reminded", "36 next_update stopped")
}

func TestAPromiseIsBroken(t *testing.T) {
	h := history{c: caseOf(word(0, incident.Investigating, promises(40)))}
	h.c.FirstNoticeAt, h.c.Cadence.Holding = at(1), 0
	h.until(0, 100)
	h.speak(word(101, incident.Identified, promises(180)))
	h.until(101, 120)
	h.want(t, "30 next_update reminded", "40 next_update overdue", "101 next_update stopped")
}

func TestFirstNoticeIsWatched(t *testing.T) {
	h := history{c: caseOf(word(5, incident.Investigating, nil))}
	h.c.Words = nil
	h.until(5, 62)
	h.c.FirstNoticeAt = at(63)
	h.until(63, 70)
	h.want(t, "50 first_notice reminded", "60 first_notice overdue", "63 first_notice stopped")
}

// Who looks late tells what is true then, and reminds nobody of what is over.
func TestALateLookTellsOnlyWhatIsTrue(t *testing.T) {
	h := history{c: caseOf(word(0, incident.Identified, func(u *incident.Update) { promises(40)(u); expects(60)(u) }))}
	h.c.Cadence.Holding = 0
	h.until(300, 301)
	h.want(t, "300 next_update overdue", "300 first_notice overdue", "300 estimate overdue")
}

func TestHoldingUpdates(t *testing.T) {
	h := history{c: caseOf(word(0, incident.Identified, func(u *incident.Update) { promises(40)(u); expects(60)(u) }))}
	h.c.FirstNoticeAt = at(1)
	h.until(0, 35)
	if len(h.say) != 1 {
		t.Fatalf("%d holding updates, want one five minutes before the word is due", len(h.say))
	}
	first := h.say[0]
	if first.Automatic != incident.Holding || first.Source != Source || first.Follows != h.c.Words[0].EventID || first.Status != incident.Identified ||
		!first.NextUpdateAt.Equal(at(70)) || first.Estimate == nil || first.MissedEstimate != nil || first.Summary["en"] != "Cards fail." {
		t.Errorf("the first holding update: %+v", first)
	}
	if _, err := incident.Encode(first); err != nil {
		t.Error(err)
	}
	h.speak(Word{Update: first, At: at(35)})
	h.until(36, 65)
	if len(h.say) != 2 {
		t.Fatalf("%d holding updates, want a second", len(h.say))
	}
	second := h.say[1]
	if second.Estimate != nil || second.MissedEstimate == nil || !second.MissedEstimate.Equal(at(60)) || !second.NextUpdateAt.Equal(at(100)) ||
		second.EventID == first.EventID {
		t.Errorf("the second holding update: %+v; the estimate has passed", second)
	}
	h.speak(Word{Update: second, At: at(65)})
	h.until(66, 130)
	if len(h.say) != 2 {
		t.Errorf("%d holding updates in a row, want 2", len(h.say))
	}
	h.want(t, "30 next_update reminded", "35 next_update said", "36 next_update stopped", "50 estimate reminded", "60 estimate overdue",
		"60 next_update reminded", "65 next_update said", "66 estimate stopped", "66 next_update stopped", "90 next_update reminded", "100 next_update overdue")
	h.speak(word(131, incident.Monitoring, promises(150)))
	h.until(131, 145)
	if len(h.say) != 3 || h.say[2].MissedEstimate != nil {
		t.Errorf("after somebody spoke: %d holding updates, want a third", len(h.say))
	}
}

// An estimate that passes just before the word is due can be neither repeated nor called missed earlier.
func TestHoldingWaitsForAnEstimateToPass(t *testing.T) {
	h := history{c: caseOf(word(0, incident.Identified, func(u *incident.Update) { promises(40)(u); expects(38)(u) }))}
	h.until(0, 39)
	if len(h.say) != 0 {
		t.Fatalf("said before the estimate has passed: %+v", h.say)
	}
	h.until(40, 40)
	if len(h.say) != 1 || h.say[0].Estimate != nil || !h.say[0].MissedEstimate.Equal(at(38)) {
		t.Errorf("said %+v", h.say)
	}
}

func TestTocsinIsSilent(t *testing.T) {
	for name, change := range map[string]func(*Case){
		"where it is paused":                 func(c *Case) { c.Paused = true },
		"where the last word is paused":      func(c *Case) { c.Words[0].Paused = true },
		"while a newer update waits":         func(c *Case) { c.Incident.Newest = "another" },
		"where the cadence doesn't ask":      func(c *Case) { c.Cadence.Holding = 0 },
		"after a correction":                 func(c *Case) { c.Words = append(c.Words, word(10, incident.Correction, nil)); c.Incident.Newest = "" },
		"where it was merged into another":   func(c *Case) { c.Incident.MergedInto = "i0" },
		"where operators have called it off": func(c *Case) { c.CalledOff = true },
	} {
		h := history{c: caseOf(word(0, incident.Identified, promises(40)))}
		change(&h.c)
		h.until(0, 100)
		if len(h.say) != 0 {
			t.Errorf("%s it said %+v", name, h.say)
		}
		if !h.c.still() && !slices.ContainsFunc(h.told, func(s string) bool { return strings.HasSuffix(s, "next_update overdue") }) {
			t.Errorf("%s nobody was told that the word is overdue: %v", name, h.told)
		}
	}
}

// A holding update that nobody lets go keeps no promise.
func TestHoldingThatWaitsForApprovalIsOverdue(t *testing.T) {
	h := history{c: caseOf(word(0, incident.Identified, promises(40)))}
	h.c.FirstNoticeAt = at(1)
	h.until(0, 35)
	h.c.Incident, _ = incident.Fold(&h.c.Incident, h.say[0], at(35)) // taken in, and held
	h.until(36, 60)
	h.want(t, "30 next_update reminded", "35 next_update said", "40 next_update overdue")
	if len(h.say) != 1 {
		t.Errorf("it was said %d times", len(h.say))
	}
}

func TestHoldingPromisesWhatCanBeKept(t *testing.T) {
	c := caseOf(word(0, incident.Identified, promises(40)))
	for now, want := range map[int]int{35: 70, 40: 70, 55: 70, 56: 100, 300: 340} {
		turn := Step(&c, nil, at(now))
		if len(turn.Say) != 1 || !turn.Say[0].NextUpdateAt.Equal(at(want)) {
			t.Errorf("at %d it says %+v, want the next word promised for %d", now, turn.Say, want)
		}
	}
}

func TestMaintenanceIsTold(t *testing.T) {
	const day = 24 * 60
	h := history{c: caseOf(word(0, incident.Scheduled, plans(5*day, 5*day+60)))}
	said := 0
	for m := 0; m < 5*day; m += 5 {
		h.until(m, m)
		for ; said < len(h.say); said++ {
			h.speak(Word{Update: h.say[said], At: at(m)})
		}
	}
	var when []int
	for _, u := range h.say {
		when = append(when, int(u.Time.Sub(noon).Minutes()))
		if u.Automatic != incident.Reminder || u.Status != incident.Scheduled || !u.StartedAt.Equal(at(5*day)) {
			t.Errorf("a reminder: %+v", u)
		}
		if _, err := incident.Encode(u); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]int{2 * day, 4 * day, 5*day - 60}, when); diff != "" {
		t.Error(diff)
	}
	h.told = nil
	h.until(5*day, 5*day+70)
	h.want(t, fmt.Sprint(5*day+50, " overrun reminded"), fmt.Sprint(5*day+60, " overrun overdue"))
}

// A keeper that slept speaks late while that is of use, and leaves out what is not.
func TestNoticesThatWereSleptThrough(t *testing.T) {
	const day = 24 * 60
	h := history{c: caseOf(word(0, incident.Scheduled, plans(5*day, 5*day+60)))}
	h.until(1, 1)
	h.until(4*day+60, 4*day+60)
	if len(h.say) != 1 {
		t.Errorf("an hour late it said %d reminders, want one, of the day before", len(h.say))
	}
	h.until(5*day-46, 5*day-46)
	if len(h.say) != 2 {
		t.Errorf("said %d, want the notice of an hour a little late", len(h.say))
	}
	h.until(5*day+1, 5*day+2)
	if len(h.say) != 2 {
		t.Error("it reminds of what has begun")
	}
	late := history{c: h.c}
	late.until(5*day-30, 5*day-30)
	if len(late.say) != 0 {
		t.Error("half an hour before the work it gave the notice of an hour")
	}
}

func TestClocksThatStoppedAreForgottenInTheEnd(t *testing.T) {
	h := history{c: caseOf(word(0, incident.Investigating, promises(1)))}
	h.c.Cadence.Holding = 0
	for m := 1; m < 200; m++ {
		h.speak(word(m, incident.Investigating, promises(m+1)))
		h.until(m, m)
	}
	if n := len(h.states); n > keptStopped+3 {
		t.Errorf("%d clocks are remembered", n)
	}
}
