package lane

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
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

// Control is where the fallback engine says what it has learnt of providers.
type Control interface {
	Watch(ctx context.Context, keys string, each func(key string, value []byte)) error
}

// watchAgain is how long a lane waits after it has lost sight of what the engine says.
const watchAgain = 5 * time.Second

// watch follows the engine's words on this channel's providers until ctx ends. While it can't see
// them, the lane goes by its own breakers alone.
func (l *Lane) watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.Control.Watch(ctx, bus.HealthKeys(l.Channel), l.hear)
		if ctx.Err() != nil {
			return
		}
		l.Log.WarnContext(ctx, "what the fallback engine says of providers can't be seen; the lane goes by its own breakers",
			"channel", l.Channel, "error", err)
		for _, o := range l.outlets {
			l.hush(o, time.Time{})
		}
		select {
		case <-time.After(watchAgain):
		case <-ctx.Done():
		}
	}
}

// hear takes one word.
func (l *Lane) hear(key string, value []byte) {
	for _, o := range l.outlets {
		if bus.HealthKey(l.Channel, o.Name) != key {
			continue
		}
		var word bus.Health
		if err := json.Unmarshal(value, &word); err != nil && len(value) > 0 {
			l.Log.Warn("unreadable word on a provider's health", "channel", l.Channel, "provider", o.Name, "error", err)
			return
		}
		var from time.Time
		if word.State == bus.HealthOpen {
			from = word.Since
		}
		l.hush(o, from)
	}
}

func (l *Lane) hush(o *outlet, from time.Time) {
	if !o.hushed.set(from, time.Now()) {
		return
	}
	l.Metrics.hush(o, !from.IsZero())
	if from.IsZero() {
		l.Log.Info("the provider is given everything again", "channel", l.Channel, "provider", o.Name)
		return
	}
	l.Log.Error("the provider's receipts have stopped; it is only probed until they come again", "channel", l.Channel, "provider", o.Name, "since", from)
}
