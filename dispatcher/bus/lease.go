package bus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"regexp"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// LeaseTTL is how long a lease outlives its holder.
const LeaseTTL = 6 * time.Second

// ErrLeaseLost is the cause with which the context of a holder ends that could not renew its lease.
var ErrLeaseLost = errors.New("the lease was lost")

const leaseBucketName = "lease"

// leaseBucket is the stream of the key-value bucket in which leases are kept: one entry a lease, that
// says who took it last.
func leaseBucket() jetstream.StreamConfig {
	return bucket(leaseBucketName, "who holds what only one process may do at a time", 1<<20)
}

// Leases are what only one process may do at a time.
//
// A lease is an entry that its holder rewrites three times within the TTL. Nobody compares clocks:
// whoever wants a lease takes it when its entry has stayed the same for the TTL by their own clock,
// by a write that succeeds only if it is still the same; the holder stops when it could not renew
// for five sixths of the TTL, counted from when it *asked*. So the old holder has stopped before the
// new one begins, whatever the network did, as long as both clocks run at about the same speed. (One
// that was suspended with its machine may be wrong for a moment: journals and versions guard what
// leases only make cheap.)
type Leases struct {
	kv    jetstream.KeyValue
	ttl   time.Duration
	owner string
	log   *slog.Logger

	mu   sync.Mutex
	held map[string]bool
}

// Leases opens the leases. owner tells people who holds one: a host's name, say. ttl is how long a
// lease outlives its holder.
func (b *Bus) Leases(ctx context.Context, owner string, ttl time.Duration) (*Leases, error) {
	var kv jetstream.KeyValue
	begun := time.Now()
	err := insist(ctx, func(ctx context.Context) (err error) {
		kv, err = b.js.KeyValue(ctx, leaseBucketName)
		if errors.Is(err, jetstream.ErrBucketNotFound) && time.Since(begun) < answerWithin {
			return errors.Join(err, errNotYet)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("nats: opening the bucket of leases: %w", err)
	}
	return &Leases{kv: kv, ttl: ttl, owner: owner, log: b.log, held: map[string]bool{}}, nil
}

// While runs f whenever this process holds the lease called name, until ctx ends or f fails while it
// is held; it returns when f has returned. f's context ends with ctx, or with cause ErrLeaseLost when
// the lease could not be renewed in time: f is then run again once it is held again. While f winds
// up after the end of ctx the lease is kept, and then given back.
func (l *Leases) While(ctx context.Context, name string, f func(context.Context) error) error {
	for {
		h, err := l.acquire(ctx, name)
		if err != nil {
			return nil //nolint:nilerr // ctx ended while waiting
		}
		lost, err := l.hold(ctx, h, f)
		if ctx.Err() != nil || !lost {
			return err
		}
		if err != nil && !errors.Is(err, ErrLeaseLost) {
			l.log.WarnContext(ctx, "what a lost lease was for did not stop well", "lease", name, "error", err)
		}
	}
}

// Held returns the names of the leases that were asked for, and whether they are held.
func (l *Leases) Held() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]bool, len(l.held))
	for name, held := range l.held {
		all[name] = held
	}
	return all
}

func (l *Leases) note(name string, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[name] = held
}

// holding is one time of holding a lease.
type holding struct {
	*Leases
	name, key string
	nonce     string // tells this time from all others
	revision  uint64
	until     time.Time // by our monotonic clock
}

// entry is what the bucket has of a lease.
type entry struct {
	Nonce    string `json:"nonce"`
	Owner    string `json:"owner"`
	Released bool   `json:"released,omitempty"`
}

// acquire waits until the lease is held; it fails only when ctx ends.
func (l *Leases) acquire(ctx context.Context, name string) (*holding, error) {
	l.note(name, false)
	h := &holding{Leases: l, name: name, key: leaseKey(name), nonce: rand.Text()}
	var seen uint64
	var since time.Time
	for ctx.Err() == nil {
		last, revision, err := h.read(ctx)
		if err == nil && revision != seen {
			seen, since = revision, time.Now()
		}
		free := last.Released || last.Nonce == h.nonce || time.Since(since) >= l.ttl || revision == 0
		if err == nil && free && h.write(ctx, revision, false) == nil {
			l.note(name, true)
			l.log.InfoContext(ctx, "lease taken", "lease", name, "last_holder", last.Owner)
			return h, nil
		}
		pause(ctx, l.ttl/6)
	}
	return nil, ctx.Err()
}

// hold runs f while the lease can be renewed, and gives it back after.
func (l *Leases) hold(ctx context.Context, h *holding, f func(context.Context) error) (lost bool, err error) {
	held, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// f may need a while to wind up, and nobody else is to begin before it has.
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan bool, 1)
	go func() {
		kept := h.keep(renewing)
		if !kept {
			l.note(h.name, false)
			l.log.ErrorContext(ctx, "lease lost: what it is for has been stopped here", "lease", h.name)
			cancel(ErrLeaseLost)
		}
		ended <- kept
	}()
	err = f(held)
	stop()
	if kept := <-ended; !kept {
		return true, err
	}
	h.release(context.WithoutCancel(ctx))
	return false, err
}

// keep renews the lease until ctx ends, and reports whether it could.
func (h *holding) keep(ctx context.Context) bool {
	for {
		pause(ctx, h.ttl/3)
		if ctx.Err() != nil {
			return true
		}
		if !h.renew(ctx) {
			return ctx.Err() != nil
		}
	}
}

// renew renews the lease before it ends, and reports whether it did.
func (h *holding) renew(ctx context.Context) bool {
	ctx, cancel := context.WithDeadline(ctx, h.until)
	defer cancel()
	for ctx.Err() == nil {
		if h.write(ctx, h.revision, false) == nil {
			return true
		}
		// Somebody else has it, or an answer was lost and the entry is ours but newer.
		last, revision, err := h.read(ctx)
		if err == nil && last.Nonce != h.nonce {
			return false
		}
		if err == nil {
			h.revision = revision
		}
		pause(ctx, h.ttl/12)
	}
	return false
}

func (h *holding) release(ctx context.Context) {
	h.note(h.name, false)
	if err := h.write(ctx, h.revision, true); err != nil {
		h.log.WarnContext(ctx, "lease not given back; it ends by itself", "lease", h.name, "error", err)
	}
}

// read returns the lease's entry; revision 0 means that there is none.
func (h *holding) read(ctx context.Context) (entry, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, h.ttl/3)
	defer cancel()
	var last entry
	e, err := h.kv.Get(ctx, h.key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return last, 0, nil
	}
	if err != nil {
		return last, 0, err
	}
	if json.Unmarshal(e.Value(), &last) != nil {
		last = entry{} // not ours; it is respected for a TTL, like any other
	}
	return last, e.Revision(), nil
}

// write makes the entry ours if it is still at the revision given.
func (h *holding) write(ctx context.Context, revision uint64, released bool) error {
	value, err := json.Marshal(entry{Nonce: h.nonce, Owner: h.owner, Released: released})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.ttl/3)
	defer cancel()
	asked := time.Now()
	next, err := h.kv.Update(ctx, h.key, value, revision)
	if err != nil {
		return err
	}
	h.revision, h.until = next, asked.Add(h.ttl-h.ttl/6)
	return nil
}

// leaseKey is a lease's key: its name, in hexadecimal where keys can't have such characters.
func leaseKey(name string) string {
	if plainKey.MatchString(name) {
		return name
	}
	return fmt.Sprintf("=%x", name)
}

var plainKey = regexp.MustCompile(`^[-/_a-zA-Z0-9]+$`)

// pause waits for about d, or until ctx ends: not all at the same moment.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d - d/8 + mathrand.N(d/4))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
