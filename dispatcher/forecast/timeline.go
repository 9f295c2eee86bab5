package forecast

import (
	"math"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// timeline is when lanes are done with what they have, in one case: step by step of the cascades.
type timeline struct {
	m *maker
	s scenario
	// work is how many messages each lane has on each step; from says which steps they come from.
	work []map[string]float64
	from []map[edge]bool
	// waits are the longest that a step waits on each channel, in seconds.
	waits map[string]float64
}

// edge is the way from one step's channel, with the time that the step waits, to the next one's.
type edge struct {
	before, after string
	wait          float64
}

func newTimeline(m *maker, s scenario) *timeline {
	return &timeline{m: m, s: s, waits: map[string]float64{}}
}

// step notes that of the recipients of a way the share on comes to its step i.
func (t *timeline) step(i int, w *way, on float64) {
	n := float64(w.count) * on
	if t.s.weather == bad {
		n += deviations * math.Sqrt(float64(w.count)*on*(1-on))
	}
	if n < half {
		return
	}
	for len(t.work) <= i {
		t.work, t.from = append(t.work, map[string]float64{}), append(t.from, map[edge]bool{})
	}
	channel := w.steps[i].Channel
	t.work[i][channel] += n
	t.waits[channel] = max(t.waits[channel], t.m.wait(&w.steps[i]))
	if i > 0 {
		t.from[i][edge{w.steps[i-1].Channel, channel, t.patience(&w.steps[i-1], float64(w.count))}] = true
	}
}

// half a message is none.
const half = 0.5

// patience is how long after it was sent a step's message is given up, in seconds, where any of n is lost.
func (t *timeline) patience(step *notification.Step, n float64) float64 {
	l := t.m.lanes[step.Channel]
	if l == nil {
		return 0
	}
	wait := t.m.wait(step)
	_, lost := t.s.shares(l)
	switch {
	case t.s.weather == bad:
		return max(wait, l.Bounce) + t.m.in.MoveOn
	case l.Presumed, n*lost < half:
		return 0 // who is refused goes on at once
	}
	return wait
}

// ends returns when the last message has left, and when the last outcome is known, in seconds from the
// beginning.
func (t *timeline) ends() (sent, known float64) {
	done, total := map[string]float64{}, map[string]float64{}
	for i := range t.work {
		ready := map[string]float64{}
		for e := range t.from[i] {
			ready[e.after] = max(ready[e.after], done[e.before]+e.wait)
		}
		next := map[string]float64{}
		for channel, n := range t.work[i] {
			l := t.m.lanes[channel]
			total[channel] += n
			end := max(ready[channel], t.takes(l, total[channel]))
			if t.s.weather == bad { // all of them come at the end, and one after the other
				end = max(ready[channel], done[channel]) + t.takes(l, n)
			}
			next[channel] = end
			if !t.s.isDown(channel) {
				sent, known = max(sent, end), max(known, end+t.until(l))
			}
		}
		for channel, end := range next {
			done[channel] = max(done[channel], end)
		}
	}
	if sent > 0 || known > 0 {
		sent, known = sent+t.m.quiet, known+t.m.quiet
	}
	return sent, known
}

// until is how long after the last message its outcome is known.
func (t *timeline) until(l *Lane) float64 {
	switch {
	case t.s.weather == bad:
		return max(t.waits[l.Channel], l.Bounce)
	case l.Presumed:
		return l.Bounce
	}
	return 0
}

// takes is how long a lane takes for so many messages, in seconds.
func (t *timeline) takes(l *Lane, n float64) float64 {
	rate := l.Rate
	if rate == 0 {
		switch t.s.weather {
		case fair:
			return 0
		case usual:
			rate = float64(max(1, l.AtOnce)) / t.m.latency(assumedLatency)
		case bad:
			rate = float64(max(1, l.AtOnce)) / t.m.latency(badLatency)
		}
	}
	return n / rate
}

type textKey struct {
	kind   channels.Kind
	locale string
}
