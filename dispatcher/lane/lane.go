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
// # Nothing on old knowledge
//
// An attempt starts only as long as the lane knows, as of less than a second and a half ago, that its
// notification isn't revoked ([view]) and its update isn't paused ([sight]). The last look is taken when
// the attempt's turn at the provider has come, however long it waited for that; what may not start then
// is put back, and is answered or started when more is known. Nothing is asked for a single attempt:
// records that carry results prove knowledge too, and only where none are due an empty one is added.
//
// # What a lane decides
//
// Nothing but the pace, and which of the channel's providers gets an attempt. An attempt that none of
// them can take now is given back (returned), the rest is reported as the adapter classified it; the
// fallback engine decides what follows. A lane needs no database and no templates.
//
// # In bulk
//
// Where a channel has one provider, and that takes one message for many recipients in a call
// ([channels.BulkSender]), attempts whose texts are the same are made together, at most half a window of them:
// a call whose end is unknown leaves all of them in doubt.
//
// # Several providers
//
// Each provider has its own limits, its own breaker and its own pause. An attempt goes to the first
// of them that can take it at that moment: one that is left alone, or whose rate is used up, is passed
// over. Where providers have weights, chance decides by them among those that can take it at that
// moment and have a place free, so a slow one gets less than its weight rather than hold up the rest;
// for the same reason a batch whose last attempts are under way no longer keeps the next one waiting.
//
// When a provider answers that nothing went out (Unavailable, RateLimited, Auth), the next one gets
// the same attempt, with the same reference. When the message may have gone out (Unknown), or was
// refused for what it is, none does: an attempt is never accepted twice in one try.
//
// A provider is left alone when it fails several times in a row ([breaker]), and when the fallback
// engine says that its receipts have stopped ([hushed]); both let probes through. When all of them
// are left alone the channel is down: attempts are given back at once, without waiting for a rate,
// and say for how long it has been down.
package lane

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

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
	// Providers are those behind the channel, in the order in which they are asked; at least one and
	// at most MaxProviders.
	Providers []Provider
	Bus       Journal
	// Control is where the fallback engine tells of providers whose receipts have stopped, and of updates
	// that are paused; optional.
	Control Control
	// Inquiries is where it is asked, and told, what became of messages; optional.
	Inquiries Inquiries
	Signer    *notification.Signer
	// UnsubscribeBase is the public URL below which recipients can leave the channel, "" if there is none.
	UnsubscribeBase string
	// Seed is for the choice by weight.
	Seed    uint64
	Metrics *Metrics
	Log     *slog.Logger
}

// Lane sends for one channel. Make one with New, then Run it.
type Lane struct {
	Options
	outlets    []*outlet
	weighted   bool
	chooser    *chooser
	idempotent bool // a provider recognises what is sent again, and no other could get it
	limits     channels.Limits
	window     int
	accepted   prometheus.Counter
	sight      *sight   // as of when it knows what is paused; nil if it hears of no pauses
	jobs       chan job // taken by the workers, one for each Send that may be under way

	mu     sync.Mutex
	active map[int64]bool // batches being processed here
	paused map[int64]bool // updates that operators have paused
}

// New makes a lane.
func New(o Options) *Lane {
	l := &Lane{
		Options:  o,
		chooser:  newChooser(o.Seed),
		limits:   together(o.Providers),
		jobs:     make(chan job),
		accepted: o.Metrics.accepted(o.Channel),
		active:   map[int64]bool{},
		paused:   map[int64]bool{},
	}
	l.window = window(l.limits)
	if o.Control != nil {
		l.sight = newSight()
	}
	for _, p := range o.Providers {
		l.outlets = append(l.outlets, newOutlet(p, o.Channel, o.Metrics, o.Log))
		l.weighted = l.weighted || p.Weight > 0
	}
	l.idempotent = len(o.Providers) == 1 && o.Providers[0].Spec.Idempotent
	return l
}

// together returns what the providers take between them.
func together(all []Provider) channels.Limits {
	var sum channels.Limits
	unlimited := false
	for _, p := range all {
		sum.Concurrency += max(1, p.Limits.Concurrency)
		sum.PerSecond += p.Limits.PerSecond
		unlimited = unlimited || p.Limits.PerSecond == 0
	}
	if unlimited {
		sum.PerSecond = 0
	}
	return sum
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

// batchesAtOnce is how many batches of one priority a lane holds: those that are being started, and,
// where another provider may be waiting for work, those that only wait for the answers of a slow one.
func (l *Lane) batchesAtOnce() int {
	if len(l.outlets) == 1 {
		return concurrentBatches
	}
	return concurrentBatches + min(l.limits.Concurrency, maxAnswered)
}

// maxAnswered bounds the batches that only wait for answers.
const maxAnswered = 64

// MostInDoubt is how many attempts of a channel one crash of its lane can leave in doubt: a window of each
// batch that the lane holds, for a channel behind which there are providers of these limits.
func MostInDoubt(all []channels.Limits) int {
	l := &Lane{outlets: make([]*outlet, len(all))}
	var providers []Provider
	for _, limits := range all {
		providers = append(providers, Provider{Limits: limits})
	}
	l.limits = together(providers)
	held := concurrentBatches // by the turnstile, over all priorities
	if len(all) > 1 {
		held = l.batchesAtOnce() * len(notification.Priorities())
	}
	return held * window(l.limits)
}

// Run sends until ctx ends, and returns when what was under way has been reported.
func (l *Lane) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := newTurnstile(concurrentBatches)
	var workers, consumers sync.WaitGroup
	for range l.limits.Concurrency {
		workers.Go(l.work)
	}
	if l.Control != nil {
		consumers.Go(func() { l.watch(ctx) })
		consumers.Go(func() { l.beat(ctx) })
	}
	if l.asks() {
		consumers.Go(func() {
			if err := l.answerInquiries(ctx); err != nil {
				cancel(fmt.Errorf("lane %s: %w", l.Channel, err))
			}
		})
	}
	if l.recalls() {
		consumers.Go(func() {
			if err := l.answerRecalls(ctx); err != nil {
				cancel(fmt.Errorf("lane %s: %w", l.Channel, err))
			}
		})
	}
	defer workers.Wait()
	defer close(l.jobs)
	for i, p := range notification.Priorities() {
		consumers.Go(func() {
			name, filter := bus.LaneConsumer(l.Channel, p), bus.SendSubject(l.Channel, p)
			var batches sync.WaitGroup
			err := l.Bus.Consume(ctx, bus.SendStream, name, filter, l.batchesAtOnce(), func(m jetstream.Msg) {
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

// job is one attempt to be made, or several with one call.
type job struct {
	ctx    context.Context
	view   *view
	batch  *bus.Batch
	index  int
	n      int // how many
	repeat bool
	result chan<- bus.Result
}

// work makes attempts until there will be no more. Workers are kept: a goroutine an attempt would
// have to grow its stack anew each time.
func (l *Lane) work() {
	for j := range l.jobs {
		if j.n > 1 {
			l.inBulk(j)
			continue
		}
		res := l.attempt(j.ctx, j.view, j.batch, j.index)
		res.Repeat = j.repeat && res.State != bus.ResultReturned // which was not sent
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
	leave := sync.OnceFunc(turns.leave)
	defer leave()
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
	begun := leave
	if len(l.outlets) == 1 {
		begun = func() {} // there is nobody else to whom the next batch could go meanwhile
	}
	l.conclude(ctx, m, &b, l.process(ctx, &b, queuedAt(m), begun))
}

// queuedAt returns when a message was stored, zero if it doesn't say.
func queuedAt(m jetstream.Msg) time.Time {
	meta, err := m.Metadata()
	if err != nil {
		return time.Time{}
	}
	return meta.Timestamp.UTC()
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
	l.sight.want()
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
