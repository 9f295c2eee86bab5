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
	Watch(ctx context.Context, keys string, each func(key string, value []byte)) error
}

// word is what stands under a key of the control bucket.
type word struct {
	key   string
	value []byte
}

// listenAgain is how long the engine waits after it has lost sight of the control bucket.
const listenAgain = 5 * time.Second

// listen gives the loop what stands in the control bucket: what this engine said before it was
// started again, and what others say meanwhile.
func (e *Engine) listen(ctx context.Context, words chan<- word) error {
	for ctx.Err() == nil {
		err := e.Control.Watch(ctx, ">", func(key string, value []byte) {
			select {
			case words <- word{key, value}:
			case <-ctx.Done():
			}
		})
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

// hear takes a word from the control bucket. One's own changes nothing.
func (h *health) hear(w word, c clock.Clock) {
	for k, s := range h.providers {
		switch w.key {
		case bus.HealthKey(k.channel, k.name):
			var said bus.Health
			if h.unsaid[k] || json.Unmarshal(w.value, &said) != nil || (said.State == bus.HealthOpen) == s.stopped {
				continue
			}
			s.turn(said.State == bus.HealthOpen, c.Now())
			s.since = c.Now().Add(-c.Product(time.Since(said.Since)))
		case bus.HistoryKey(k.channel, k.name):
			var o observed
			if json.Unmarshal(w.value, &o) == nil && s.history == (observed{}) {
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
	e.health.judge(now)
	for k := range e.health.unsaid {
		if e.say(ctx, k, e.health.providers[k], now) != nil {
			return
		}
		delete(e.health.unsaid, k)
	}
	if now.Sub(e.health.kept) >= keepEvery && e.keep(ctx) == nil {
		e.health.kept = now
	}
}

func (e *Engine) say(ctx context.Context, k providerKey, s *silence, now time.Time) error {
	said := bus.Health{State: bus.HealthClosed, Since: time.Now().Add(-e.Clock.Machine(now.Sub(s.since))).UTC(), Why: "receipts come again"}
	if s.stopped {
		said.State = bus.HealthOpen
		said.Why = fmt.Sprintf("%.0f %% of the last attempts ended in silence, usually %.0f %%", 100*s.by.share(), 100*s.history.share())
	}
	if err := e.put(ctx, bus.HealthKey(k.channel, k.name), said); err != nil {
		return err
	}
	e.Metrics.health(k.channel, k.name, s.stopped)
	e.Log.WarnContext(ctx, "word on a provider's receipts", "channel", k.channel, "provider", k.name, "state", string(said.State), "why", said.Why)
	return nil
}

func (e *Engine) keep(ctx context.Context) error {
	for k, s := range e.health.providers {
		if s.history == (observed{}) {
			continue
		}
		if err := e.put(ctx, bus.HistoryKey(k.channel, k.name), s.history); err != nil {
			return err
		}
	}
	return nil
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
