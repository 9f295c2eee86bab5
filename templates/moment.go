package templates

import (
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// moment is a time as texts say it: relative to when the update was written, in the zone of the
// catalogue. A nil moment says nothing.
type moment struct {
	t, now time.Time // both in the catalogue's zone
	w      *words
}

// At is "today at 18:00", "on 5 May at 18:00".
func (m *moment) At() string { return m.say(func(w *words) string { return w.at }) }

// By is "by 18:00 today", "by 18:00 on 5 May".
func (m *moment) By() string { return m.say(func(w *words) string { return w.by }) }

func (m *moment) say(format func(*words) string) string {
	if m == nil {
		return ""
	}
	return fmt.Sprintf(format(m.w), m.day(), m.t.Format(clockTime))
}

// day is "today", "on 5 May".
func (m *moment) day() string {
	if d, near := relation(m.t, m.now); near {
		return m.w.days[d+1]
	}
	return fmt.Sprintf(m.w.on, m.date())
}

// date is "5 May", with the year where it is not this year.
func (m *moment) date() string {
	month := m.w.months[m.t.Month()-1]
	if m.t.Year() != m.now.Year() {
		return fmt.Sprintf(m.w.dateYear, m.t.Day(), month, m.t.Year())
	}
	return fmt.Sprintf(m.w.date, m.t.Day(), month)
}

// span is "today from 17:00 to 18:00". Over more than one day it names the dates.
func span(from, to *moment) string {
	a, b := from.t.Format(clockTime), to.t.Format(clockTime)
	if sameDay(from.t, to.t) {
		return fmt.Sprintf(from.w.span, from.day(), a, b)
	}
	return fmt.Sprintf(from.w.spanDays, from.date(), a, to.date(), b)
}

// estimate is when it should be over. The wording follows the confidence.
type estimate struct {
	*moment
	confidence string
}

// High reports whether the team is sure.
func (e *estimate) High() bool { return e.confidence == "high" }

// Medium reports whether the team is fairly sure.
func (e *estimate) Medium() bool { return e.confidence == "medium" }

// moments makes the moments of one update.
type moments struct {
	now time.Time
	loc *time.Location
	w   *words
}

func (ms moments) of(t *time.Time) *moment {
	if t == nil || t.IsZero() {
		return nil
	}
	return &moment{t: t.In(ms.loc), now: ms.now.In(ms.loc), w: ms.w}
}

// ahead leaves out what is not ahead: a promise for a time that has passed is worse than none.
func (ms moments) ahead(t *time.Time) *moment {
	if t == nil || !t.After(ms.now) {
		return nil
	}
	return ms.of(t)
}

func (ms moments) estimate(e *incident.Estimate) *estimate {
	if e == nil || ms.ahead(&e.At) == nil {
		return nil
	}
	return &estimate{moment: ms.of(&e.At), confidence: e.Confidence}
}

// join lists names in the language: "a, b and c".
func (w *words) join(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + w.and + names[last]
}
