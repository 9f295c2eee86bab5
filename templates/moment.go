package templates

import (
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// moment is a time as texts say it: relative to when the update was written, in the zone of the
// catalogue, or in that of a recipient who lives in another. A nil moment says nothing.
type moment struct {
	t    time.Time
	book *book
}

// At is "today at 18:00", "on 5 May at 18:00".
func (m *moment) At() string { return m.say(sayAt) }

// By is "by 18:00 today", "by 18:00 on 5 May".
func (m *moment) By() string { return m.say(sayBy) }

// Till is the same in short: "by 18:00", "by 18:00 tomorrow".
func (m *moment) Till() string { return m.say(sayTill) }

// Since is "since 18:00", "since 18:00 on 5 May".
func (m *moment) Since() string { return m.say(saySince) }

func (m *moment) say(form string) string {
	if m == nil {
		return ""
	}
	return m.book.place(notification.Time{Say: form, At: m.t})
}

// book keeps the moments that a text says, for recipients of other zones.
type book struct {
	public bool      // everybody reads the same, and no moment is kept
	now    time.Time // as of which the text speaks
	loc    *time.Location
	w      *words
	times  map[string]notification.Time
}

func newBook(now time.Time, loc *time.Location, w *words, public bool) *book {
	return &book{public: public, now: now, loc: loc, w: w, times: map[string]notification.Time{}}
}

// place is the place of a moment, with the text in the catalogue's zone as its default; where everybody
// reads the same it is that text.
func (b *book) place(t notification.Time) string {
	if b.public {
		return b.w.say(t, b.now, b.loc)
	}
	t.At, t.To = t.At.UTC(), utc(t.To)
	name := ""
	for n, had := range b.times {
		if had == t {
			name = n
		}
	}
	if name == "" {
		name = "time." + strconv.Itoa(len(b.times)+1)
		b.times[name] = t
	}
	return place(name, b.w.say(t, b.now, b.loc))
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
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

func (b *book) of(t *time.Time) *moment {
	if t == nil || t.IsZero() {
		return nil
	}
	return &moment{t: *t, book: b}
}

// ahead leaves out what is not ahead: a promise for a time that has passed is worse than none.
func (b *book) ahead(t *time.Time) *moment {
	if t == nil || !t.After(b.now) {
		return nil
	}
	return b.of(t)
}

func (b *book) estimate(e *incident.Estimate) *estimate {
	if e == nil || b.ahead(&e.At) == nil {
		return nil
	}
	return &estimate{moment: b.of(&e.At), confidence: e.Confidence}
}

// join lists names in the language: "a, b and c".
func (w *words) join(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + w.and + names[last]
}
