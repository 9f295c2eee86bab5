// Package lane is the sending loop of one channel: it takes batches from the channel's queue, gives
// their attempts to the provider within its limits, and reports what became of each.
//
// # Claims
//
// A batch has a journal on its RESULTS subject, and every record that a lane adds says which record
// it believes to be the last. The first record claims the batch; a lane that was overtaken (because
// it stalled, or the network did) is refused at its next record, and stops. Every record also says
// how far the lane may start attempts: never more than the window beyond what is acknowledged. So
// whoever takes a batch over knows which attempts are done, which never began, and which few are in
// doubt. Records are marked with the run that added them: one whose acknowledgement was lost is known
// again, and not taken for another lane's.
//
// # What a lane decides
//
// Nothing but the pace. An attempt that the provider can't take now is given back (returned), the
// rest is reported as the adapter classified it; the fallback engine decides what follows. A lane
// needs no database and no templates.
package lane

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/time/rate"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Journal is what a lane needs of the bus beside its queue.
type Journal interface {
	Append(ctx context.Context, channel string, r bus.Record, last uint64) (uint64, error)
	Journal(ctx context.Context, channel string, batch int64, after uint64) ([]bus.Entry, error)
	Consume(ctx context.Context, stream, name, filter string, pending int, handle func(jetstream.Msg)) error
}

// Options make a lane.
type Options struct {
	Channel string
	Spec    channels.Spec
	Sender  channels.Sender
	Limits  channels.Limits
	Bus     Journal
	Signer  *notification.Signer
	// CallbackBase is the public URL below which this provider's receipts are taken, "" if there is
	// no public URL or the provider sends none.
	CallbackBase string
	Metrics      *Metrics
	Log          *slog.Logger
}

// Lane sends for one channel. Make one with New, then Run it.
type Lane struct {
	Options
	window  int
	limiter *rate.Limiter
	breaker *breaker
	jobs    chan job // taken by the workers, one for each Send that may be under way

	mu     sync.Mutex
	active map[int64]bool // batches being processed here
	pause  time.Time      // the provider asked us to be quiet until then
}

// New makes a lane.
func New(o Options) *Lane {
	limit := rate.Limit(o.Limits.PerSecond)
	if limit == 0 {
		limit = rate.Inf
	}
	return &Lane{
		Options: o,
		window:  window(o.Limits),
		limiter: rate.NewLimiter(limit, max(1, o.Limits.Concurrency)),
		breaker: newBreaker(o.Channel, o.Metrics, o.Log),
		jobs:    make(chan job),
		active:  map[int64]bool{},
	}
}

// window bounds the attempts of a batch that may be in doubt after a crash. It is a second's worth of
// sending, so that the journal's round trips (each one synced to disk) don't slow the lane down, but
// never so small that workers stand idle, nor so large that a crash repeats much.
func window(l channels.Limits) int {
	least := 2 * l.Concurrency
	most := max(minWindow, 2*least)
	if l.PerSecond == 0 {
		return most
	}
	return min(max(int(l.PerSecond), least), most)
}

const minWindow = 64

// concurrentBatches lets the next batch begin while the last attempts of one are answered.
const concurrentBatches = 3

// Run sends until ctx ends, and returns when what was under way has been reported.
func (l *Lane) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := newTurnstile(concurrentBatches)
	var workers, consumers sync.WaitGroup
	for range l.Limits.Concurrency {
		workers.Go(l.work)
	}
	defer workers.Wait()
	defer close(l.jobs)
	for i, p := range notification.Priorities() {
		consumers.Go(func() {
			name, filter := bus.LaneConsumer(l.Channel, p), bus.SendSubject(l.Channel, p)
			var batches sync.WaitGroup
			err := l.Bus.Consume(ctx, bus.SendStream, name, filter, concurrentBatches, func(m jetstream.Msg) {
				batches.Go(func() { l.handle(ctx, m, turns, i) })
			})
			if err != nil {
				cancel(fmt.Errorf("lane %s: %w", l.Channel, err))
			}
			batches.Wait()
		})
	}
	consumers.Wait()
	if cause := context.Cause(ctx); cause != context.Canceled {
		return cause
	}
	return nil
}

// job is one attempt to be made.
type job struct {
	ctx    context.Context
	batch  *bus.Batch
	index  int
	repeat bool
	result chan<- bus.Result
}

// work makes attempts until there will be no more. Workers are kept: a goroutine an attempt would
// have to grow its stack anew each time.
func (l *Lane) work() {
	for j := range l.jobs {
		res := l.attempt(j.ctx, j.batch, j.index)
		res.Repeat = j.repeat
		j.result <- res
	}
}

// handle processes one message of the queue, when its turn comes. What can't be finished stays in
// the queue, and comes again to whoever is there.
func (l *Lane) handle(ctx context.Context, m jetstream.Msg, turns *turnstile, priority int) {
	stop := l.keepAlive(m)
	defer stop()
	if turns.enter(ctx, priority) != nil {
		_ = m.NakWithDelay(0)
		return
	}
	defer turns.leave()
	var b bus.Batch
	if err := json.Unmarshal(m.Data(), &b); err != nil {
		l.Log.ErrorContext(ctx, "unreadable batch dropped from the queue", "channel", l.Channel, "error", err)
		l.Metrics.batch(l.Channel, "unreadable")
		_ = m.TermWithReason("unreadable")
		return
	}
	if !l.enter(b.ID) {
		return // delivered again while it is being processed here: the first delivery will ack it
	}
	defer l.leave(b.ID)
	l.conclude(ctx, m, &b, l.process(ctx, &b))
}

// conclude tells the queue how processing went.
func (l *Lane) conclude(ctx context.Context, m jetstream.Msg, b *bus.Batch, err error) {
	switch {
	case err == nil:
		l.Metrics.batch(l.Channel, "done")
		_ = m.Ack() // a lost ack brings it again, to be found done
	case ctx.Err() != nil:
		l.Metrics.batch(l.Channel, "interrupted")
		_ = m.NakWithDelay(0) // handed over: its journal says how far it is
	default:
		l.Metrics.batch(l.Channel, "stopped")
		l.Log.WarnContext(ctx, "batch left to whoever takes it next",
			"channel", l.Channel, "batch", b.ID, "update", b.Update, "error", err)
	}
}

func (l *Lane) enter(batch int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active[batch] {
		return false
	}
	l.active[batch] = true
	return true
}

func (l *Lane) leave(batch int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.active, batch)
}

// keepAlive tells the queue that the batch is being worked on, until the function it returns is called.
func (l *Lane) keepAlive(m jetstream.Msg) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(bus.AckWait / 3)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = m.InProgress()
			case <-done:
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}
