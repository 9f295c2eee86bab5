package forecast

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// maker makes one forecast.
type maker struct {
	in    *Inputs
	ways  []*way
	lanes map[string]*Lane
	units map[textKey]int
	quiet float64 // seconds
}

// Make makes the forecast of what was counted. Inputs.Channels must be judged ([Lane.Judge]); of them, and of
// the texts, those are kept that somebody in the audience may need.
func Make(t *Tally, in Inputs, limits Limits, now time.Time) Forecast {
	m := &maker{in: &in, ways: t.sorted(), lanes: map[string]*Lane{}, units: map[textKey]int{}, quiet: t.quiet(now)}
	m.choose()
	f := Forecast{MadeAt: now, Audience: t.audience()}
	m.fill(&f)
	in.Assumed = assumed(in.Channels, &in.Prices, f.Segments.Most > 0)
	f.Inputs = in
	f.Bounds = limits.hold(&f, now)
	return f
}

// choose keeps the lanes and texts that are needed.
func (m *maker) choose() {
	needed, spoken := map[string]bool{}, map[string]bool{}
	for _, w := range m.ways {
		for i := range w.steps {
			needed[w.steps[i].Channel] = true
		}
		spoken[w.locale] = true
	}
	m.in.Channels = slices.DeleteFunc(slices.Clone(m.in.Channels), func(l Lane) bool { return !needed[l.Channel] })
	slices.SortFunc(m.in.Channels, func(a, b Lane) int { return strings.Compare(a.Channel, b.Channel) })
	kinds := map[channels.Kind]bool{}
	for i := range m.in.Channels {
		l := &m.in.Channels[i]
		m.lanes[l.Channel], kinds[l.Kind] = l, true
	}
	m.in.Texts = slices.DeleteFunc(slices.Clone(m.in.Texts), func(x Text) bool { return !kinds[x.Kind] || !spoken[x.Locale] })
	slices.SortFunc(m.in.Texts, func(a, b Text) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Locale, b.Locale)) })
	for _, x := range m.in.Texts {
		m.units[textKey{x.Kind, x.Locale}] = x.Units
	}
}

// fill plays all cases and writes what comes of them.
func (m *maker) fill(f *Forecast) {
	all := scenarios(m.lanes)
	plays := make([]*played, len(all))
	for i := range all {
		plays[i] = m.play(all[i])
	}
	f.Channels = m.channels(plays)
	f.Reached = over(plays, func(p *played) *sum { return &p.told })
	f.Segments = over(plays, func(p *played) *sum { return &p.segments })
	f.Money = over(plays, func(p *played) *sum { return &p.cents }).hundredths()
	f.LastSent = times(plays, func(p *played) float64 { return p.lastSent })
	f.LastReached = times(plays, func(p *played) float64 { return p.lastReached })
	f.Worst = worst(all, plays)
}

func (m *maker) channels(plays []*played) []Channel {
	first := map[string]int64{}
	for _, w := range m.ways {
		first[w.steps[0].Channel] += w.count
	}
	var all []Channel
	for i := range m.in.Channels {
		name := m.in.Channels[i].Channel
		c := Channel{Channel: name, First: first[name]}
		c.Attempts = over(plays, func(p *played) *sum { return p.attempts[name] })
		c.Reached = over(plays, func(p *played) *sum { return p.reached[name] })
		c.Reached.Most = c.Attempts.Most // the others may do badly while this one does well
		all = append(all, c)
	}
	return all
}

// over is a figure over all cases, the first being the usual one, in whole numbers: the bounds outwards.
func over(plays []*played, of func(*played) *sum) Range {
	r := Range{Least: math.Inf(1), Expected: of(plays[0]).mean}
	for _, p := range plays {
		s := of(p)
		r.Least, r.Most = min(r.Least, s.low()), max(r.Most, s.high())
	}
	return Range{math.Floor(r.Least), math.Round(r.Expected), math.Ceil(r.Most)}
}

// hundredths makes amounts of money of cents.
func (r Range) hundredths() Range { return Range{r.Least / 100, r.Expected / 100, r.Most / 100} }

func times(plays []*played, of func(*played) float64) Range {
	r := Range{Least: math.Inf(1), Expected: seconds(of(plays[0]))}
	for _, p := range plays {
		r.Least, r.Most = min(r.Least, of(p)), max(r.Most, of(p))
	}
	return Range{seconds(r.Least), r.Expected, seconds(r.Most)}
}

func seconds(s float64) float64 { return math.Round(s*10) / 10 }

// worst is the case that costs most of those in which something is down: in money, else in segments, else
// in recipients who are not reached.
func worst(all []scenario, plays []*played) Worst {
	var w Worst
	var most *played
	for i := range all {
		if len(all[i].down) == 0 || (most != nil && !costsMore(plays[i], most)) {
			continue
		}
		most = plays[i]
		w = Worst{
			Down: all[i].down, Reached: math.Round(most.told.mean), Segments: math.Round(most.segments.mean),
			Money: math.Round(most.cents.mean) / 100, LastSent: seconds(most.lastSent), LastReached: seconds(most.lastReached),
		}
	}
	return w
}

func costsMore(a, b *played) bool {
	switch {
	case a.cents.mean != b.cents.mean:
		return a.cents.mean > b.cents.mean
	case a.segments.mean != b.segments.mean:
		return a.segments.mean > b.segments.mean
	}
	return a.told.mean < b.told.mean
}

// wait is how long a step waits, in seconds.
func (m *maker) wait(s *notification.Step) float64 {
	if s.Wait > 0 {
		return s.Wait.Seconds()
	}
	return m.lanes[s.Channel].Wait
}

// latency is a span of the machine's time in the product's, in seconds.
func (m *maker) latency(machine float64) float64 {
	if m.in.TimeScale > 0 {
		return machine * m.in.TimeScale
	}
	return machine
}
