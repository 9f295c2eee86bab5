package templates

import "time"

// words is what a language needs besides its texts: how it says days, times and lists. All formats
// are fmt's. There is one file a language, words_<tag>.go; texts are in texts/<tag>.
type words struct {
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
	// span says from when to when on one day; spanDays the same over days: date, time, date, time.
	span, spanDays string
	// and joins the last two of a list.
	and string
	// gsm says that the language can be written in the GSM 7-bit alphabet, if need be without its
	// diacritics, as people do in their own messages: in SMS that more than doubles what fits.
	gsm bool
}

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
