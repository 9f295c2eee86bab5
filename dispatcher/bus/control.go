package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ControlBucket is the key-value bucket in which roles tell one another how things stand:
//
//	provider.<channel>.<name>   Health: whether the provider's receipts come; engine → lanes, engines
//	history.<channel>.<name>    what the engine needs to judge that, kept over restarts; engine → engine
//	paused.<update>             there while an operator has paused the update; engine → lanes
//	ledger                      the identity of the ledger to which the streams belong
//	beat.<channel>              a mark by which a lane makes sure that it hears of the rest; lane → itself
const ControlBucket = "control"

// controlBucket is its stream.
func controlBucket() jetstream.StreamConfig {
	return bucket(ControlBucket, "how things stand: what roles tell one another", 1<<20)
}

// bucket is the stream of a key-value bucket that keeps the last value of each key. Reads go to the
// leader.
func bucket(name, description string, maxBytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: "KV_" + name, Description: description,
		Subjects: []string{"$KV." + name + ".>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		MaxMsgsPerSubject: 1, MaxBytes: maxBytes, MaxMsgSize: 4 << 10, Duplicates: 2 * time.Minute, AllowRollup: true,
	}
}

// HealthState is whether a provider's receipts come.
type HealthState string

// The states, in a breaker's words.
const (
	HealthOpen   HealthState = "open"   // they have stopped: it is only probed
	HealthClosed HealthState = "closed" // they come
)

// Health is the fallback engine's word on one provider of a channel.
type Health struct {
	State HealthState `json:"state"`
	// Since is when that began, in machine time.
	Since time.Time `json:"since"`
	// Why is for people.
	Why string `json:"why,omitempty"`
}

// HealthKey is where the word on a provider stands.
func HealthKey(channel, provider string) string { return "provider." + channel + "." + provider }

// HealthKeys covers all providers of a channel.
func HealthKeys(channel string) string { return "provider." + channel + ".*" }

// HistoryKey is where the engine keeps how often a provider's receipts usually fail to come.
func HistoryKey(channel, provider string) string { return "history." + channel + "." + provider }

// PausedKey stands while an update is paused.
func PausedKey(update int64) string { return pausedPrefix + strconv.FormatInt(update, 10) }

// PausedKeys covers all updates.
const PausedKeys = pausedPrefix + "*"

const pausedPrefix = "paused."

// BeatKey is where the lane of a channel puts its marks.
func BeatKey(channel string) string { return "beat." + channel }

// PausedUpdate returns the update that a key says is paused; 0 if it is no such key.
func PausedUpdate(key string) int64 {
	id, _ := strings.CutPrefix(key, pausedPrefix)
	update, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0
	}
	return update
}

// PutControl sets a key of the control bucket; an empty value takes it away.
func (b *Bus) PutControl(ctx context.Context, key string, value []byte) error {
	kv, err := b.js.KeyValue(ctx, ControlBucket)
	switch {
	case err != nil:
	case len(value) == 0:
		err = kv.Delete(ctx, key)
	default:
		_, err = kv.Put(ctx, key, value)
	}
	if err != nil {
		return fmt.Errorf("nats: setting %s in bucket %s: %w", key, ControlBucket, err)
	}
	return nil
}

// Watch calls each with what stands under the keys of the control bucket now, then with every change,
// in order, until ctx ends. keys may hold wildcards, and must not overlap. value is empty when a key was deleted. It is an
// error if it ends before ctx does.
func (b *Bus) Watch(ctx context.Context, keys []string, each func(key string, value []byte)) error {
	fail := func(err error) error {
		if ctx.Err() != nil {
			return nil // ended before it began
		}
		return fmt.Errorf("nats: watching %s in bucket %s: %w", strings.Join(keys, " "), ControlBucket, err)
	}
	kv, err := b.js.KeyValue(ctx, ControlBucket)
	if err != nil {
		return fail(err)
	}
	w, err := kv.WatchFiltered(ctx, keys)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return fail(errors.New("the watch ended"))
			case e != nil: // nil marks the end of what stood there at first
				each(e.Key(), e.Value())
			}
		case <-ctx.Done():
			return nil
		}
	}
}
