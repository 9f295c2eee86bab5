package forecast

import "math"

// sum is a count in which chance has a part: its mean, its variance, and what it can't be below and above.
type sum struct{ mean, variance, sure, all float64 }

// add adds n recipients, each of whom counts for weight with probability p.
func (s *sum) add(n int64, p, weight float64) {
	s.mean += float64(n) * p * weight
	s.variance += float64(n) * p * (1 - p) * weight * weight
	if p >= 1 {
		s.sure += float64(n) * weight
	}
	if p > 0 {
		s.all += float64(n) * weight
	}
}

// deviations is how many standard deviations chance is given.
const deviations = 4

func (s *sum) low() float64  { return max(s.sure, s.mean-deviations*math.Sqrt(s.variance)) }
func (s *sum) high() float64 { return min(s.all, s.mean+deviations*math.Sqrt(s.variance)) }

// played is what comes of one case.
type played struct {
	attempts, reached     map[string]*sum // by channel
	told, segments, cents sum
	lastSent, lastReached float64 // seconds
}

// play goes through the cascades in one case.
func (m *maker) play(s scenario) *played {
	p := &played{attempts: map[string]*sum{}, reached: map[string]*sum{}}
	for name := range m.lanes {
		p.attempts[name], p.reached[name] = &sum{}, &sum{}
	}
	line := newTimeline(m, s)
	for _, w := range m.ways {
		m.playWay(&s, w, p, line)
	}
	p.lastSent, p.lastReached = line.ends()
	return p
}

// playWay goes through one cascade: on each step are those whom none before has reached.
func (m *maker) playWay(s *scenario, w *way, p *played, line *timeline) {
	on := 1.0 // the probability of coming as far as the step
	for i := range w.steps {
		l := m.lanes[w.steps[i].Channel]
		if l == nil {
			continue // not configured any more: nobody is told there
		}
		refused, lost := s.shares(l)
		p.attempts[l.Channel].add(w.count, on, 1)
		p.reached[l.Channel].add(w.count, on*(1-refused-lost), 1)
		if units := m.units[textKey{l.Kind, w.locale}]; units > 0 {
			p.segments.add(w.count, on*(1-refused), float64(units))
			p.cents.add(w.count, on*(1-refused), 100*float64(units)*m.in.Prices.Of(w.country))
		}
		line.step(i, w, on)
		on *= refused + lost
	}
	p.told.add(w.count, 1-on, 1)
}
