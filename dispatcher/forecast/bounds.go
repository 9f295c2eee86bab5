package forecast

import (
	"time"

	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Bound is something that a forecast is held to.
type Bound struct {
	Name BoundName `json:"name"`
	// Limit, Expected and Worst are in the bound's unit: see [BoundName].
	Limit    float64 `json:"limit"`
	Expected float64 `json:"expected"`
	Worst    float64 `json:"worst"`
	Verdict  Verdict `json:"verdict"`
}

// BoundName names a bound.
type BoundName string

// The bounds.
const (
	// LastWithin is within how many seconds of being let go everybody is to be told: the playbook says so.
	LastWithin BoundName = "last_within"
	// SegmentsBound is how many SMS segments the update is to take at most: the playbook says so.
	SegmentsBound BoundName = "segments"
	// BudgetBound is how many segments the incident may still spend.
	BudgetBound BoundName = "budget"
	// FirstNotice is within how many seconds of its start an outage is to be told of.
	FirstNotice BoundName = "first_notice"
	// UsefulFor is how many seconds the news is worth telling: what has not left by then doesn't any more.
	UsefulFor BoundName = "useful_for"
)

// Verdict says whether a bound holds.
type Verdict string

// The verdicts.
const (
	Holds  Verdict = "holds"
	AtRisk Verdict = "at_risk" // usually it does, in the worst case it doesn't
	Broken Verdict = "broken"  // already in the usual case it doesn't
)

// Limits are what bounds a forecast. Zero values are no bounds.
type Limits struct {
	Terms playbook.Bounds
	// Budget says whether the incident's spending is bounded, Left how many segments it may still spend.
	Budget bool
	Left   int64
	// FirstNotice is within what time of StartedAt an outage of which nobody has been told is to be told of.
	FirstNotice time.Duration
	StartedAt   time.Time
	UsefulFor   time.Duration
}

// hold holds a forecast to its limits.
func (l *Limits) hold(f *Forecast, now time.Time) []Bound {
	var all []Bound
	add := func(name BoundName, given bool, limit, expected, worst float64) {
		if given {
			all = append(all, Bound{name, limit, expected, worst, verdict(limit, expected, worst)})
		}
	}
	if l.FirstNotice > 0 {
		told := now.Sub(l.StartedAt).Seconds()
		add(FirstNotice, true, l.FirstNotice.Seconds(), seconds(told), seconds(told))
	}
	within := time.Duration(l.Terms.LastWithin)
	add(LastWithin, within > 0, within.Seconds(), f.LastSent.Expected, f.LastSent.Most)
	add(UsefulFor, l.UsefulFor > 0, l.UsefulFor.Seconds(), f.LastSent.Expected, f.LastSent.Most)
	add(SegmentsBound, l.Terms.Segments > 0, float64(l.Terms.Segments), f.Segments.Expected, f.Segments.Most)
	add(BudgetBound, l.Budget, float64(l.Left), f.Segments.Expected, f.Segments.Most)
	return all
}

func verdict(limit, expected, worst float64) Verdict {
	switch {
	case expected > limit:
		return Broken
	case worst > limit:
		return AtRisk
	}
	return Holds
}

// Broken lists the bounds that don't hold in the usual case.
func (f *Forecast) Broken() []Bound {
	var all []Bound
	for _, b := range f.Bounds {
		if b.Verdict == Broken {
			all = append(all, b)
		}
	}
	return all
}
