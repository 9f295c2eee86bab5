package forecast

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// Regions that stand for others.
const (
	// SeveralRegions stands for customers with more than one region.
	SeveralRegions = "(several)"
	// OtherRegions stands for all beyond the first so many.
	OtherRegions = "(other)"
)

// maxRegions bounds how many regions are told apart.
const maxRegions = 500

// Tally counts decisions. What it holds grows with the number of different cascades, languages, countries
// and regions, not with that of recipients. It is not safe for concurrent use.
type Tally struct {
	kinds     map[string]channels.Kind
	countries audience.Countries
	ways      map[string]*way
	cells     map[cellKey]int64
	regions   map[string]bool
	untold    map[untoldKey]int64
	total     Audience
	key       []byte
}

type cellKey struct{ channel, region, locale string }

type untoldKey struct {
	outcome notification.Outcome
	reason  notification.Reason
}

// way is a cascade that several recipients share, with all that its cost depends on.
type way struct {
	steps   []notification.Step
	locale  string
	country string // of the number that is billed; "" where none is
	count   int64
}

// NewTally makes a tally. kinds are those of the channels.
func NewTally(kinds map[string]channels.Kind) *Tally {
	return &Tally{
		kinds: kinds, ways: map[string]*way{}, cells: map[cellKey]int64{}, regions: map[string]bool{}, untold: map[untoldKey]int64{},
	}
}

// Add counts what was decided for a recipient.
func (t *Tally) Add(r *audience.Recipient, d *plan.Decision) {
	t.total.Recipients++
	if r.Account() {
		t.total.Accounts++
	}
	if len(d.Steps) == 0 {
		t.untold[untoldKey{d.Outcome, d.Reason}]++
		return
	}
	if !d.NotBefore.IsZero() {
		t.total.Quiet++
		if d.NotBefore.After(t.total.QuietUntil) {
			t.total.QuietUntil = d.NotBefore
		}
	}
	if !r.Account() {
		t.cells[cellKey{d.Steps[0].Channel, t.region(r.Regions), d.Locale}]++
	}
	t.way(d, t.country(r, d.Steps)).count++
}

// region is the name under which a recipient's regions are counted.
func (t *Tally) region(all []string) string {
	switch {
	case len(all) == 0:
		return ""
	case len(all) > 1:
		return SeveralRegions
	case !t.regions[all[0]] && len(t.regions) >= maxRegions:
		return OtherRegions
	}
	t.regions[all[0]] = true
	return all[0]
}

// country is that of the first number which is billed.
func (t *Tally) country(r *audience.Recipient, steps []notification.Step) string {
	for i := range steps {
		if t.kinds[steps[i].Channel] == channels.SMS {
			return t.countries.Of(r.Address(steps[i].Channel))
		}
	}
	return ""
}

// way finds the recipients' way, and begins it if they are its first.
func (t *Tally) way(d *plan.Decision, country string) *way {
	k := append(t.key[:0], country...)
	k = append(append(k, 0), d.Locale...)
	for i := range d.Steps {
		s := &d.Steps[i]
		k = append(append(k, 0), s.Channel...)
		k = binary.BigEndian.AppendUint64(append(k, byte(s.Proof)), uint64(s.Wait))
	}
	t.key = k
	w := t.ways[string(k)]
	if w == nil {
		w = &way{steps: slices.Clone(d.Steps), locale: d.Locale, country: country}
		t.ways[string(k)] = w
	}
	return w
}

// audience is what was counted, in order.
func (t *Tally) audience() Audience {
	a := t.total
	for k, n := range t.cells {
		a.Cells = append(a.Cells, Cell{k.channel, k.region, k.locale, n})
	}
	slices.SortFunc(a.Cells, func(x, y Cell) int {
		return cmp.Or(strings.Compare(x.Channel, y.Channel), strings.Compare(x.Region, y.Region), strings.Compare(x.Locale, y.Locale))
	})
	for k, n := range t.untold {
		a.Untold = append(a.Untold, Untold{k.outcome.String(), k.reason, n})
	}
	slices.SortFunc(a.Untold, func(x, y Untold) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Outcome, y.Outcome), cmp.Compare(x.Reason, y.Reason))
	})
	return a
}

// sorted are the ways in an order that is always the same, so that sums are too.
func (t *Tally) sorted() []*way {
	keys := make([]string, 0, len(t.ways))
	for k := range t.ways {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	all := make([]*way, len(keys))
	for i, k := range keys {
		all[i] = t.ways[k]
	}
	return all
}

// quiet is how long the last of those waits whom quiet hours hold back, in seconds.
func (t *Tally) quiet(now time.Time) float64 {
	if t.total.QuietUntil.IsZero() {
		return 0
	}
	return max(0, t.total.QuietUntil.Sub(now).Seconds())
}
