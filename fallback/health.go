package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Control is where the engine says which providers' receipts have stopped, and keeps what it needs to
// tell.
type Control interface {
	PutControl(ctx context.Context, key string, value []byte) error
	Watch(ctx context.Context, keys string, each func(key string, value []byte)) error
}

// signs are what a fold tells of the providers, by batches where it takes a batch to tell.
type signs struct {
	took   map[providerKey]map[int64][]int64 // by batch: notifications whose attempt the provider took
	heard  map[providerKey]map[int64]int     // by batch: attempts that a receipt came for
	quiet  map[int64]map[int64]bool          // by batch: notifications for which none came in time
	judged []int64                           // batches of which some attempts' wait is over
}

// witness notes what a change of a notification tells of a provider. Only where deliveries are
// reported does it tell anything.
func (f *fold) witness(before, after *notification.Notification, ev notification.Event) {
	was, is := attemptAt(before, ev.Attempt.Step), attemptAt(after, ev.Attempt.Step)
	if was == nil || is == nil || f.e.Policy.Channels[is.Channel].Silence != channels.SilenceIsFailure {
		return
	}
	k := providerKey{is.Channel, ev.Provider}
	switch {
	case ev.Kind == notification.SilencePassed && was.State == notification.Accepted && is.State == notification.Expired:
		f.signs.fell(was.Batch, before.ID)
		return
	case is.Took && !was.Took:
		f.signs.gave(k, is.Batch, before.ID)
	}
	if isReport(ev.Kind) && !reported(was.State) && reported(is.State) {
		f.signs.hear(k, is.Batch)
	}
}

func (s *signs) hear(k providerKey, batch int64) {
	if s.heard == nil {
		s.heard = map[providerKey]map[int64]int{}
	}
	if s.heard[k] == nil {
		s.heard[k] = map[int64]int{}
	}
	s.heard[k][batch]++
}

func (s *signs) gave(k providerKey, batch, notification int64) {
	if s.took == nil {
		s.took = map[providerKey]map[int64][]int64{}
	}
	if s.took[k] == nil {
		s.took[k] = map[int64][]int64{}
	}
	s.took[k][batch] = append(s.took[k][batch], notification)
}

func (s *signs) fell(batch, notification int64) {
	if s.quiet == nil {
		s.quiet = map[int64]map[int64]bool{}
	}
	if s.quiet[batch] == nil {
		s.quiet[batch] = map[int64]bool{}
	}
	s.quiet[batch][notification] = true
}

// isReport reports whether an event is a provider's word on what became of a message after it took it.
func isReport(k notification.EventKind) bool {
	return k == notification.ReceiptDelivered || k == notification.ReceiptRead || k == notification.ReceiptFailed
}

func reported(s notification.State) bool {
	return s == notification.Delivered || s == notification.Read || s == notification.Failed
}

func attemptAt(n *notification.Notification, step uint8) *notification.Attempt {
	if n.Attempt.Step == step {
		return &n.Attempt
	}
	for i := range n.Past {
		if n.Past[i].Step == step {
			return &n.Past[i]
		}
	}
	return nil
}

// provider returns the name of a channel's provider: the one given, or the only one.
func (e *Engine) provider(channel, name string) string {
	if all := e.Policy.Channels[channel].Providers; name == "" && len(all) == 1 {
		return all[0]
	}
	return name
}

// providerOf returns the provider of a channel that took the message with the id given.
func (e *Engine) providerOf(channel, id string) string {
	if len(e.Policy.Channels[channel].Providers) == 1 {
		return e.provider(channel, "")
	}
	name, _ := notification.SplitProvider(id)
	return name
}

// atProvider returns how a message goes by in the ledger that a provider knows by the id given.
func (e *Engine) atProvider(channel, provider, id string) string {
	if len(e.Policy.Channels[channel].Providers) > 1 {
		return notification.AtProvider(provider, id)
	}
	return id
}

// health is what the engine knows of the receipts of all providers. Only the engine's loop uses it.
type health struct {
	providers map[providerKey]*silence
	waits     map[string]time.Duration // by channel
	pending   []*cohort                // oldest first
	unsaid    map[providerKey]bool     // whose word has changed and is not published yet
	kept      time.Time                // when the histories were stored last
	words     chan word                // what stands in the control bucket
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
func newHealth(p notification.Policy) health {
	h := health{
		providers: map[providerKey]*silence{}, waits: map[string]time.Duration{},
		unsaid: map[providerKey]bool{}, words: make(chan word),
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
