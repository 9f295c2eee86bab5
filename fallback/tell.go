package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
)

// Control is where the engine says which providers' receipts have stopped, and keeps what it needs to
// tell.
type Control interface {
	PutControl(ctx context.Context, key string, value []byte) error
	Watch(ctx context.Context, keys []string, each func(key string, value []byte)) error
}

// listenAgain is how long the engine waits after it has lost sight of the control bucket.
const listenAgain = 5 * time.Second

// hearControl hears what stands in the control bucket, until ctx ends: what was said before this process
// was started again, and what others say meanwhile.
func (e *Engine) hearControl(ctx context.Context) error {
	if e.Control == nil {
		return nil
	}
	for ctx.Err() == nil {
		err := e.Control.Watch(ctx, []string{">"}, func(key string, value []byte) { e.health.hear(key, value, e.Clock) })
		if ctx.Err() != nil {
			return nil
		}
		e.Log.WarnContext(ctx, "what is known of providers' receipts can't be read", "error", err)
		select {
		case <-time.After(listenAgain):
		case <-ctx.Done():
		}
	}
	return nil
}

// hear takes what stands under a key of the control bucket. One's own word changes nothing.
func (h *health) hear(key string, value []byte, c clock.Clock) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, s := range h.providers {
		switch key {
		case bus.HealthKey(k.channel, k.name):
			var said bus.Health
			if h.unsaid[k] || json.Unmarshal(value, &said) != nil || (said.State == bus.HealthOpen) == s.stopped {
				continue
			}
			s.turn(said.State == bus.HealthOpen, c.Now())
			s.since = c.Now().Add(-c.Product(time.Since(said.Since)))
		case bus.HistoryKey(k.channel, k.name):
			var o observed
			if json.Unmarshal(value, &o) == nil && s.history == (observed{}) {
				s.history = o
			}
		}
	}
}

// tell publishes whose receipts have stopped or come again, and now and then keeps the histories. What
// fails is tried again: the lanes have breakers of their own meanwhile.
func (e *Engine) tell(ctx context.Context) {
	if e.Control == nil {
		return
	}
	now := e.Clock.Now()
	for k, said := range e.health.toSay(e.Clock, now) {
		if e.put(ctx, bus.HealthKey(k.channel, k.name), said) != nil {
			return
		}
		e.health.wasSaid(k)
		e.Metrics.health(k.channel, k.name, said.State == bus.HealthOpen)
		e.Log.WarnContext(ctx, "word on a provider's receipts", "channel", k.channel, "provider", k.name, "state", string(said.State), "why", said.Why)
	}
	for k, o := range e.health.toKeep(now) {
		if e.put(ctx, bus.HistoryKey(k.channel, k.name), o) != nil {
			return
		}
	}
}

// toSay judges, and returns the words that have changed and are not published yet.
func (h *health) toSay(c clock.Clock, now time.Time) map[providerKey]bus.Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.judge(now)
	words := make(map[providerKey]bus.Health, len(h.unsaid))
	for k := range h.unsaid {
		s := h.providers[k]
		said := bus.Health{State: bus.HealthClosed, Since: time.Now().Add(-c.Machine(now.Sub(s.since))).UTC(), Why: "receipts come again"}
		if s.stopped {
			said.State = bus.HealthOpen
			said.Why = fmt.Sprintf("%.0f %% of the last attempts ended in silence, usually %.0f %%", 100*s.by.share(), 100*s.history.share())
		}
		words[k] = said
	}
	return words
}

func (h *health) wasSaid(k providerKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.unsaid, k)
}

// toKeep returns the histories if it is time to store them.
func (h *health) toKeep(now time.Time) map[providerKey]observed {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.kept) < keepEvery {
		return nil
	}
	h.kept = now
	all := map[providerKey]observed{}
	for k, s := range h.providers {
		if s.history != (observed{}) {
			all[k] = s.history
		}
	}
	return all
}

// controlTimeout bounds how long the engine's loop waits for the control bucket: it has better to do.
const controlTimeout = 2 * time.Second

func (e *Engine) put(ctx context.Context, key string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	if err := e.Control.PutControl(ctx, key, body); err != nil {
		e.Metrics.failed()
		e.Log.WarnContext(ctx, "not said yet, will try again", "key", key, "error", err)
		return err
	}
	return nil
}
