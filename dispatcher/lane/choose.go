package lane

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// MaxProviders bounds the providers of one channel.
const MaxProviders = 16

// tried is the set of providers that have had an attempt, by their places in the lane.
type tried uint16

func (t tried) has(i int) bool { return t&(1<<i) != 0 }

// chooser decides by weight. It is safe for concurrent use.
type chooser struct {
	mu     sync.Mutex
	random *rand.Rand
}

func newChooser(seed uint64) *chooser {
	return &chooser{random: rand.New(rand.NewPCG(seed, 0))}
}

// draw returns one of the outlets, each as often as its weight says; the first if none has one.
func (c *chooser) draw(among []*outlet) *outlet {
	sum := 0
	for _, o := range among {
		sum += o.Weight
	}
	if sum == 0 {
		return among[0]
	}
	c.mu.Lock()
	n := c.random.IntN(sum)
	c.mu.Unlock()
	for _, o := range among {
		if n -= o.Weight; n < 0 {
			return o
		}
	}
	return among[0]
}

// choose returns the provider that an attempt is to be given to: of those that may be asked and have
// not had it, the first that its rate keeps no waiting (by weight: one of those that have a place as
// well, so that a slow one holds up nobody else); if all would keep it waiting, the one that does so
// least. Where no step of the cascade follows, one whose receipts have stopped is better than none. It
// returns nil if none may be asked; why then says so.
func (l *Lane) choose(had tried, last bool, why *refusal) *outlet {
	now := time.Now()
	var ready [MaxProviders]*outlet
	n := 0
	var soonest, silent *outlet
	var least time.Duration
	for i, o := range l.outlets {
		if had.has(i) {
			continue
		}
		if e := o.refuses(now); e != nil {
			if e.Code == codeSilent && silent == nil {
				silent = o
			}
			why.add(e)
			continue
		}
		delay := o.delay(now)
		switch {
		case o.hushed.is(), delay <= 0 && !l.weighted: // the one that probes is not left to chance
			return o
		case delay <= 0 && o.free():
			ready[n] = o
			n++
		case soonest == nil || delay < least:
			soonest, least = o, delay
		}
	}
	switch {
	case n > 0:
		return l.chooser.draw(ready[:n])
	case soonest == nil && last:
		return silent
	}
	return soonest
}

// refusal is why no provider took an attempt: of what they said, that which asks for the least wait.
type refusal struct{ err *channels.Error }

func (r *refusal) add(e *channels.Error) {
	if r.err == nil || (e.RetryAfter > 0 && (r.err.RetryAfter == 0 || e.RetryAfter < r.err.RetryAfter)) {
		r.err = e
	}
}

// downSince returns since when every one of the channel's providers has been left alone; zero while
// there is one that isn't.
func (l *Lane) downSince() time.Time {
	var last time.Time
	for _, o := range l.outlets {
		since := o.downSince()
		if since.IsZero() {
			return since
		}
		if since.After(last) {
			last = since
		}
	}
	return last
}
