package templates

import (
	"fmt"
	"time"

	"golang.org/x/text/language"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// words is what a language needs besides its texts: how it says days, times and lists. All formats
// are fmt's. There is one file a language, words_<tag>.go; texts are in texts/<tag>.
type words struct {
	tag language.Tag
	// days are yesterday, today and tomorrow.
	days [3]string
	// months as they stand after a day's number.
	months [12]string
	// date of a day and a month; dateYear of that and a year, for other years than this.
	date, dateYear string
	// on says that something is on a date.
	on string
	// at and by say a time on a day: exactly then, and not later. The day is one of days, or comes
	// out of on.
	at, by string
	// till and since say a time in short: a deadline, and a beginning. The first of each is for today and
	// has the time only, the second is for other days: the day as for by, or the date.
	till, since [2]string
	// span says from when to when on one day; spanDays the same over days: date, time, date, time.
	span, spanDays string
	// and joins the last two of a list.
	and string
	// day, hour and minute count how long something lasted; durationAnd joins two of them.
	day, hour, minute unit
	durationAnd       string
	// gsm says that the language can be written in the GSM 7-bit alphabet, if need be without its
	// diacritics, as people do in their own messages: in SMS that more than doubles what fits.
	gsm bool
}

// folds reports whether texts of a kind are written in the GSM 7-bit alphabet.
func (w *words) folds(kind channels.Kind) bool { return w.gsm && kind == channels.SMS }

// languages returns the words of every language, by tag.
func languages() map[string]*words {
	return map[string]*words{"en": english(), "ro": romanian(), "ru": russian()}
}

// clockTime is how all our languages write a time of day.
const clockTime = "15:04"

// relation tells yesterday (-1), today (0) and tomorrow (1) from other days.
func relation(t, now time.Time) (days int, near bool) {
	for _, d := range []int{-1, 0, 1} {
		y, m, day := now.Date()
		if sameDay(t, time.Date(y, m, day+d, 12, 0, 0, 0, now.Location())) {
			return d, true
		}
	}
	return 0, false
}

func sameDay(a, b time.Time) bool {
	ya, ma, da := a.Date()
	yb, mb, db := b.Date()
	return ya == yb && ma == mb && da == db
}

// The forms in which texts say times; those of a content are frozen with it.
const (
	sayAt    = "at"
	sayBy    = "by"
	sayTill  = "till"
	saySince = "since"
	saySpan  = "span"
	sayHours = "hours"
)

// say says a moment in a zone, as of now. A form that it doesn't know says At.
func (w *words) say(t notification.Time, now time.Time, loc *time.Location) string {
	at, now := t.At.In(loc), now.In(loc)
	clock := at.Format(clockTime)
	switch t.Say {
	case sayBy:
		return fmt.Sprintf(w.by, w.dayOf(at, now), clock)
	case sayTill:
		if sameDay(at, now) {
			return fmt.Sprintf(w.till[0], clock)
		}
		return fmt.Sprintf(w.till[1], w.dayOf(at, now), clock)
	case saySince:
		if sameDay(at, now) {
			return fmt.Sprintf(w.since[0], clock)
		}
		return fmt.Sprintf(w.since[1], w.dateOf(at, now), clock)
	case saySpan:
		return w.spanOf(at, t.To.In(loc), now)
	case sayHours:
		return w.hoursOf(at, t.To.In(loc), now)
	}
	return fmt.Sprintf(w.at, w.dayOf(at, now), clock)
}

// dayOf is "today", "on 5 May".
func (w *words) dayOf(t, now time.Time) string {
	if d, near := relation(t, now); near {
		return w.days[d+1]
	}
	return fmt.Sprintf(w.on, w.dateOf(t, now))
}

// dateOf is "5 May", with the year where it is not this year.
func (w *words) dateOf(t, now time.Time) string {
	month := w.months[t.Month()-1]
	if t.Year() != now.Year() {
		return fmt.Sprintf(w.dateYear, t.Day(), month, t.Year())
	}
	return fmt.Sprintf(w.date, t.Day(), month)
}

// spanOf is "today from 17:00 to 18:00". Over more than one day it names the dates.
func (w *words) spanOf(from, to, now time.Time) string {
	a, b := from.Format(clockTime), to.Format(clockTime)
	if sameDay(from, to) {
		return fmt.Sprintf(w.span, w.dayOf(from, now), a, b)
	}
	return fmt.Sprintf(w.spanDays, w.dateOf(from, now), a, w.dateOf(to, now), b)
}

// hoursOf is the same in short: through a night it names only the day on which it begins.
func (w *words) hoursOf(from, to, now time.Time) string {
	if to.Sub(from) >= 24*time.Hour {
		return w.spanOf(from, to, now)
	}
	return fmt.Sprintf(w.span, w.dayOf(from, now), from.Format(clockTime), to.Format(clockTime))
}
