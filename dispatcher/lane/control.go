package lane

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// Control is where the fallback engine says what it has learnt of providers, and what operators have paused.
type Control interface {
	Watch(ctx context.Context, keys []string, each func(key string, value []byte)) error
	PutControl(ctx context.Context, key string, value []byte) error
}

// watchAgain is how long a lane waits after it has lost sight of what the engine says.
const watchAgain = time.Second

// watch follows what stands in the control bucket, until ctx ends.
func (l *Lane) watch(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() {
		l.follow(ctx, []string{bus.HealthKeys(l.Channel)}, l.hear, func() {
			for _, o := range l.outlets { // by its own breakers alone
				l.hush(o, time.Time{})
			}
		})
	})
	both.Go(func() { l.watchPauses(ctx) })
	both.Wait()
}

// watchPauses follows what is paused, and the lane's own marks among it, by one watch after another.
func (l *Lane) watchPauses(ctx context.Context) {
	for ctx.Err() == nil {
		watch, again := context.WithCancel(ctx)
		l.sight.watchedBy(again)
		// What is paused stays so while that can't be seen.
		l.follow(watch, []string{bus.PausedKeys, bus.BeatKey(l.Channel)}, l.hold, func() {})
		again()
	}
}

// follow hears words until ctx ends; blind is called when they can't be seen any more.
func (l *Lane) follow(ctx context.Context, keys []string, hear func(string, []byte), blind func()) {
	for ctx.Err() == nil {
		err := l.Control.Watch(ctx, keys, hear)
		if ctx.Err() != nil {
			return
		}
		l.Log.WarnContext(ctx, "what the fallback engine says can't be seen for the moment", "channel", l.Channel, "keys", keys, "error", err)
		blind()
		select {
		case <-time.After(watchAgain):
		case <-ctx.Done():
		}
	}
}

// hold takes word that an update is paused, or no longer is; or a mark of the lane's own.
func (l *Lane) hold(key string, value []byte) {
	if key == bus.BeatKey(l.Channel) && l.sight != nil {
		l.sight.hear(value)
		return
	}
	update := bus.PausedUpdate(key)
	if update == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(value) == 0 {
		delete(l.paused, update)
		return
	}
	l.paused[update] = true
}

func (l *Lane) isPaused(update int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paused[update]
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
