package lane

import (
	"sync"
	"time"
)

// How much a provider whose receipts have stopped is still given: one attempt in so many that it
// would otherwise have had, and not more than one within the shorter time; but one at least each time
// the longer has passed, so that little traffic does not keep it shut for ever. From what becomes of
// these the fallback engine sees that receipts come again.
const (
	probeShare = 50
	probeMost  = time.Second
	probeLeast = 30 * time.Second
)

// hushed is the fallback engine's word on one provider: that its receipts have stopped coming. It
// works as a breaker that lets a trickle through. Its zero value allows everything; it is safe for
// concurrent use.
type hushed struct {
	mu     sync.Mutex
	from   time.Time // since when receipts have not come; zero while they do
	probed time.Time // when the last attempt was let through
	passed int       // attempts since then that were not
}

// allows reports whether an attempt may be given to the provider.
func (h *hushed) allows(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.from.IsZero() {
		return true
	}
	h.passed++
	since := now.Sub(h.probed)
	if since < probeLeast && (h.passed < probeShare || since < probeMost) {
		return false
	}
	h.probed, h.passed = now, 0
	return true
}

// set takes the engine's word, and reports whether it changes anything. The first probe is due a
// probeLeast after it at the latest.
func (h *hushed) set(from, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.from.IsZero() == from.IsZero() {
		return false
	}
	h.from, h.probed, h.passed = from, now, 0
	return true
}

// since returns since when receipts have not come, zero while they do.
func (h *hushed) since() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.from
}

// is reports whether receipts have stopped.
func (h *hushed) is() bool { return !h.since().IsZero() }
