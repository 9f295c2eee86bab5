package fallback

import (
	"slices"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// health is what a process knows of the receipts of all providers. The engine that folds and the one
// that judges deadlines share it.
type health struct {
	mu        sync.Mutex
	providers map[providerKey]*silence
	waits     map[string]time.Duration // by channel
	pending   []*cohort                // oldest first
	unsaid    map[providerKey]bool     // whose word has changed and is not published yet
	kept      time.Time                // when the histories were stored last
}

type providerKey struct{ channel, name string }

// cohort is what one provider took of one batch, as far as this engine has folded it. It is counted
// when its wait is over.
type cohort struct {
	of    providerKey
	batch int64
	ids   []int64
	heard int       // of these, so many have been heard of
	first time.Time // when the provider took the first of them
}

const (
	// maxCohorts bounds what is kept. Of more batches than that at once a sample is counted.
	maxCohorts = 2048
	// abandoned is how long after its wait a cohort is dropped that was not counted: its deadline was
	// dealt with by another engine.
	abandoned = 10 * time.Minute
	// keepEvery is how often the histories are stored.
	keepEvery = time.Minute
)

// newHealth knows the providers whose silence can mean something.
func newHealth(p notification.Policy) *health {
	h := &health{
		providers: map[providerKey]*silence{}, waits: map[string]time.Duration{},
		unsaid: map[providerKey]bool{},
	}
	for channel, c := range p.Channels {
		h.waits[channel] = c.Wait
		for _, name := range c.Providers {
			if c.Silence == channels.SilenceIsFailure {
				h.providers[providerKey{channel, name}] = &silence{}
			}
		}
	}
	return h
}

// observe takes what a committed fold tells.
func (h *health) observe(s *signs, now time.Time) {
	if s.none() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, batches := range s.took {
		if h.providers[k] == nil {
			continue // not configured any more
		}
		for batch, ids := range batches {
			h.providers[k].took(len(ids), now)
			h.join(k, batch, ids, now)
		}
	}
	for k, batches := range s.heard {
		for batch, n := range batches {
			if h.providers[k] != nil {
				h.providers[k].heard(n, now)
			}
			if c := h.cohort(k, batch); c != nil {
				c.heard += n
			}
		}
	}
	for _, batch := range s.judged {
		h.count(batch, s.quiet[batch], now)
	}
}

func (h *health) cohort(k providerKey, batch int64) *cohort {
	for i := len(h.pending) - 1; i >= 0; i-- {
		if c := h.pending[i]; c.batch == batch && c.of == k {
			return c
		}
	}
	return nil
}

func (h *health) join(k providerKey, batch int64, ids []int64, now time.Time) {
	switch c := h.cohort(k, batch); {
	case c != nil:
		c.ids = append(c.ids, ids...)
	case len(h.pending) < maxCohorts:
		h.pending = append(h.pending, &cohort{of: k, batch: batch, ids: ids, first: now})
	}
}

// count takes the cohorts of a batch whose wait is over. The ledger keeps deadlines to the millisecond.
func (h *health) count(batch int64, quiet map[int64]bool, now time.Time) {
	h.pending = slices.DeleteFunc(h.pending, func(c *cohort) bool {
		if c.batch != batch || now.Sub(c.first) < h.waits[c.of.channel]-time.Millisecond {
			return false
		}
		silent := 0
		for _, id := range c.ids {
			if quiet[id] {
				silent++
			}
		}
		h.providers[c.of].ended(len(c.ids), silent, c.first, now)
		return true
	})
}

// countHeard takes the cohorts that were heard of whole: they may have no deadline. They are counted
// no sooner than if they had, beside those that were not.
func (h *health) countHeard(now time.Time) {
	h.pending = slices.DeleteFunc(h.pending, func(c *cohort) bool {
		past := now.Sub(c.first) - h.waits[c.of.channel]
		if past >= 0 && c.heard >= len(c.ids) {
			h.providers[c.of].ended(len(c.ids), 0, c.first, now)
			return true
		}
		return past > abandoned
	})
}

// judge looks whose receipts have stopped, or come again.
func (h *health) judge(now time.Time) {
	h.countHeard(now)
	heard := map[providerKey]bool{}
	for k, s := range h.providers {
		if s.isHeard(now) {
			heard[k] = true
		}
	}
	for k, s := range h.providers {
		others := len(heard) > 1 || (len(heard) == 1 && !heard[k])
		if s.judge(others, now) {
			h.unsaid[k] = true
		}
	}
}
