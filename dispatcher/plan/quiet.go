package plan

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Quiet are the hours of a recipient's day in which nothing is sent to them that can wait. A nil
// Quiet has none. It is safe for concurrent use.
type Quiet struct {
	from, to int // minutes of the day
	unless   incident.Impact
	zone     *time.Location
	zones    sync.Map // *time.Location by name: to load one costs a hundred times what planning does
}

// NewQuiet makes the hours between two times of day ("22:00", "07:00"); where to is before from they
// end on the next day. News of incidents of impact unless, or worse, doesn't wait for their end. zone is
// that of recipients whose own is not known.
func NewQuiet(from, to string, unless incident.Impact, zone *time.Location) (*Quiet, error) {
	q := &Quiet{unless: unless, zone: zone}
	for _, t := range []struct {
		name, given string
		into        *int
	}{{"from", from, &q.from}, {"to", to, &q.to}} {
		at, err := time.Parse("15:04", t.given)
		if err != nil {
			return nil, fmt.Errorf("%s: %q must be a time of day such as 22:00", t.name, t.given)
		}
		*t.into = at.Hour()*60 + at.Minute()
	}
	if q.from == q.to {
		return nil, errors.New("to: must not be the same as from")
	}
	if !unless.Known() {
		return nil, fmt.Errorf("unless: %q must be minor, major or critical", unless)
	}
	return q, nil
}

// Until returns when the quiet hours end that now is in, for a recipient and news of an impact; zero
// where it may be sent at once. Public accounts have no quiet hours: nobody is woken by them.
//
// Hours are those on the recipient's clock: an hour that the clock skips, or shows twice, makes them
// shorter or longer. All recipients of a zone get the same end, so that they travel together.
func (q *Quiet) Until(r *audience.Recipient, impact incident.Impact, now time.Time) time.Time {
	if q == nil || r.Account() || impact.AtLeast(q.unless) {
		return time.Time{}
	}
	loc := q.location(r.Zone)
	year, month, day := now.In(loc).Date()
	// Those that began yesterday may last until today.
	for _, begun := range []int{day - 1, day} {
		ends := begun
		if q.to < q.from {
			ends++
		}
		from, to := moment(year, month, begun, q.from, loc), moment(year, month, ends, q.to, loc)
		if !now.Before(from) && now.Before(to) {
			return to.UTC()
		}
	}
	return time.Time{}
}

// moment is when the clocks of a zone show so many minutes of a day: the first time where they show it
// twice, and when they leap over it where they don't.
func moment(year int, month time.Month, day, minutes int, loc *time.Location) time.Time {
	t := time.Date(year, month, day, minutes/60, minutes%60, 0, 0, loc)
	if t.Hour()*60+t.Minute() == minutes {
		return t
	}
	begins, ends := t.ZoneBounds()
	if t.Hour()*60+t.Minute() < minutes {
		return ends
	}
	return begins
}

func (q *Quiet) location(name string) *time.Location {
	if name == "" {
		return q.zone
	}
	if loc, ok := q.zones.Load(name); ok {
		return loc.(*time.Location)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		loc = q.zone // the directory has checked it once; the machine's zones may be others by now
	}
	q.zones.Store(name, loc)
	return loc
}
