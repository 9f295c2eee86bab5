package lane

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// flushEvery bounds how long a result waits to be reported, and so how long a revocation can go
// unseen.
const flushEvery = 250 * time.Millisecond

// run is one lane's work on one batch. One goroutine, the loop, owns everything in it; sends and
// appends run beside it and answer on channels.
type run struct {
	l  *Lane
	b  *bus.Batch
	id string // marks this run's records

	// What it takes to ask about attempts in doubt; nil where no provider can be asked.
	queued    time.Time   // when the batch was queued
	startedAt []time.Time // attempts that this run has begun
	ids       []string    // the providers' ids of what they took

	last    uint64         // sequence of the journal's last record that we know
	through int            // attempts before this index may be started: acknowledged in the journal
	started int            // attempts before this index have been started, or are settled
	settled []bool         // attempts with a result, in the journal or pending
	inDoubt []bool         // attempts that may have gone out before we took over; nil if the journal was empty
	revoked map[int64]bool // notifications whose attempt must not start
	view    view           // what workers may know of that
	stale   bool           // nothing may start before more is known
	probe   bool           // more is to be asked for
	blind   time.Time      // since when attempts have waited for that; zero if none does
	told    bool           // that they wait

	size     int          // how many attempts the next worker gets
	inFlight int          // attempts under way
	pending  []bus.Result // results that no record carries yet
	unsent   []bus.Result // of attempts that a worker had taken, and did not begin
	resolved int          // results in acknowledged records
	due      bool         // the pending results have waited long enough

	results   chan bus.Result
	appended  chan appended
	appending bool
	begun     func() // called when every attempt has been started
}

// appended is the answer to an append.
type appended struct {
	record   bus.Record
	sequence uint64
	asOf     time.Time
	err      error
}

// process works on a batch until every attempt has its result in the journal. It calls begun when
// every attempt has been started, again and again until it returns. The batch was queued at the time given.
func (l *Lane) process(ctx context.Context, b *bus.Batch, queued time.Time, begun func()) error {
	own := *b // the caller's stays as it is
	own.Usual, b = b.Content.Usual(), &own
	r := &run{
		l: l, b: b, id: rand.Text(), queued: queued, begun: begun,
		settled:  make([]bool, len(b.Attempts)),
		revoked:  map[int64]bool{},
		results:  make(chan bus.Result, l.answers(len(b.Attempts))),
		appended: make(chan appended, 1),
	}
	r.view.pauses, r.view.paused = l.sight, func() bool { return l.isPaused(b.Update) }
	if l.asks() {
		r.startedAt, r.ids = make([]time.Time, len(b.Attempts)), make([]string, len(b.Attempts))
	}
	if err := r.claim(ctx); err != nil {
		return err
	}
	return r.loop(ctx)
}

// claim adds the first record of this run. If the journal has records already, it takes over where
// they end.
func (r *run) claim(ctx context.Context) error {
	for {
		if r.resolved == len(r.b.Attempts) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		record := r.record(nil)
		seq, asOf, err := r.store(ctx, record, r.last)
		if err == nil {
			r.view.knows(asOf)
			r.l.Metrics.claim(r.b.Channel, r.through > 0) // a revocation alone is nobody's claim
			r.last, r.through = seq, record.Through
			r.look(ctx, time.Now())
			return nil
		}
		if !errors.Is(err, bus.ErrOvertaken) {
			return fmt.Errorf("claiming: %w", err)
		}
		if err := r.replay(ctx); err != nil {
			return err
		}
	}
}

// replay learns from the journal what earlier runs did: which attempts have results, which are in
// doubt, which were revoked.
func (r *run) replay(ctx context.Context) error {
	entries, err := r.read(ctx)
	if err != nil {
		return err
	}
	for _, rec := range entries {
		r.last = rec.Sequence
		r.revoke(rec.Revoked)
		r.settle(rec.Results)
		if len(rec.Revoked) == 0 {
			r.through = min(rec.Through, len(r.b.Attempts)) // a run that hands over lowers it to what it did start
		}
	}
	r.inDoubt, r.view.again = make([]bool, len(r.b.Attempts)), map[int64]bool{}
	for i := range min(r.through, len(r.b.Attempts)) {
		r.inDoubt[i] = !r.settled[i]
		if r.inDoubt[i] {
			r.view.again[r.b.Attempts[i].Notification] = true
		}
	}
	return nil
}

// settle learns results of earlier runs. One that no attempt of the batch can have is not ours:
// the journal is written by others too, and they must not be able to stop the lane.
func (r *run) settle(results []bus.Result) {
	for _, res := range results {
		switch {
		case res.Index < 0 || res.Index >= len(r.settled):
			r.l.Metrics.alien(r.b.Channel)
		case !r.settled[res.Index]:
			r.settled[res.Index] = true
			r.resolved++
			r.know(res)
		}
	}
}

func (r *run) revoke(notifications []int64) {
	for _, n := range notifications {
		r.revoked[n] = true
	}
	if len(notifications) > 0 {
		r.view.revoked.Store(new(maps.Clone(r.revoked)))
	}
}

// record makes the next record: with it, at most a window of attempts can be in doubt, and what is
// in doubt already stays so, also if an earlier run had a larger window.
func (r *run) record(results []bus.Result) bus.Record {
	through := min(max(r.resolved+len(results)+r.l.window, r.reached()), len(r.b.Attempts))
	return bus.Record{Batch: r.b.ID, Step: r.b.Step, Try: r.b.Try, Lane: r.id, Through: through, Results: results}
}

func (r *run) loop(ctx context.Context) error {
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	for r.resolved < len(r.b.Attempts) {
		r.skip()
		r.report(ctx)
		var worker chan<- job
		var seen <-chan struct{}
		switch {
		case r.ready():
			worker, r.size = r.l.jobs, r.together()
		case r.stale:
			seen = r.l.sight.next()
		case r.started == len(r.b.Attempts):
			r.begun()
		}
		select {
		case worker <- r.next(ctx):
			r.start()
		case res := <-r.results:
			r.collect(ctx, res)
			for len(r.results) > 0 { // what else is there, without asking for everything again
				r.collect(ctx, <-r.results)
			}
		case a := <-r.appended:
			if err := r.acknowledge(ctx, a); err != nil {
				r.drain()
				return err
			}
		case <-flush.C:
			r.tick(ctx)
		case <-seen:
			r.look(ctx, time.Now())
		case <-ctx.Done():
			return r.handOver(ctx)
		}
	}
	return nil
}

// skip passes over attempts that need no sending: settled before, revoked, in doubt and not to be
// repeated, or of an update that is paused. Those that were put back come first.
func (r *run) skip() {
	for len(r.unsent) > 0 {
		if !r.passOver(r.unsent[0].Index) {
			return
		}
		r.unsent = r.unsent[1:]
	}
	for r.started < r.through && r.passOver(r.started) {
		r.started++
	}
}

// passOver settles an attempt that needs no sending, and reports whether it did. One in doubt that was
// revoked may have left before: that is for receipts to say.
func (r *run) passOver(i int) bool {
	switch {
	case r.settled[i]:
	case r.revoked[r.b.Attempts[i].Notification] && !r.doubtful(i):
		r.note(bus.Result{Index: i, State: bus.ResultRevoked})
	case r.doubtful(i) && (!r.repeats() || r.revoked[r.b.Attempts[i].Notification]):
		r.note(bus.Result{Index: i, State: bus.ResultUnknown, Code: inDoubt})
	case !r.doubtful(i) && r.l.isPaused(r.b.Update):
		r.note(bus.Result{Index: i, State: bus.ResultReturned, Class: channels.Unavailable, Code: notification.HeldBack, RetryAfter: 1000})
	default:
		return false
	}
	return true
}

// ready reports whether an attempt may be given to a worker.
func (r *run) ready() bool { return !r.stale && (len(r.unsent) > 0 || r.started < r.through) }

func (r *run) doubtful(i int) bool { return r.inDoubt != nil && r.inDoubt[i] }

// repeats reports whether attempts in doubt are sent again.
func (r *run) repeats() bool {
	return r.l.idempotent || r.b.InDoubt == notification.Repeat
}

// note adds a result of the lane's own making.
func (r *run) note(res bus.Result) {
	res.Notification = r.b.Attempts[res.Index].Notification
	r.settled[res.Index] = true
	r.pending = append(r.pending, res)
	r.know(res)
	r.l.Metrics.result(r.l, res)
}

// know remembers which message an attempt's is.
func (r *run) know(res bus.Result) {
	if r.ids != nil {
		r.ids[res.Index] = res.ProviderID
	}
}

// next is the attempt that a worker is to take next.
func (r *run) next(ctx context.Context) job {
	i := r.started
	if len(r.unsent) > 0 {
		i = r.unsent[0].Index
	}
	return job{ctx: ctx, view: &r.view, batch: r.b, index: i, n: r.size, repeat: i < r.through && r.doubtful(i), result: r.results}
}

// start notes that a worker has taken the next attempts.
func (r *run) start() {
	i := r.started
	if len(r.unsent) > 0 {
		i, r.unsent = r.unsent[0].Index, r.unsent[1:]
	} else {
		r.started += r.size
	}
	if r.startedAt != nil {
		for n := range r.size {
			r.startedAt[i+n] = time.Now().UTC()
		}
	}
	r.inFlight += r.size
}

func (r *run) collect(ctx context.Context, res bus.Result) {
	r.inFlight--
	switch res.Code {
	case codeNotBegun:
		r.unsent = append(r.unsent, res)
		r.look(ctx, time.Now())
	case codeStopping:
		r.unsent = append(r.unsent, res)
	default:
		if res.Repeat {
			r.l.Metrics.repeat(r.b.Channel)
		}
		r.note(res)
	}
}

// report appends the pending results if it is time: enough of them, nothing else to do, or they
// have waited long enough; or if the run must know whether to go on. One append is under way at a time.
func (r *run) report(ctx context.Context) {
	if r.appending || (len(r.pending) == 0 && !r.probe) {
		return
	}
	idle := r.inFlight == 0 && !r.ready()
	if len(r.pending) < r.l.window/2 && !idle && !r.due && !r.probe {
		return
	}
	r.append(ctx, r.record(r.pending))
	r.pending, r.due, r.probe = nil, false, false
}

func (r *run) append(ctx context.Context, record bus.Record) {
	r.appending = true
	last, doubts := r.last, r.doubts(&record)
	go func() {
		seq, asOf, err := r.store(ctx, record, last)
		if err == nil {
			r.inquire(ctx, doubts)
		}
		r.appended <- appended{record, seq, asOf, err}
	}()
}

// acknowledge takes the answer to an append. If the journal has gone on by revocations only, it
// reads them and appends again; if another lane has claimed the batch, it fails.
func (r *run) acknowledge(ctx context.Context, a appended) error {
	r.appending = false
	switch {
	case a.err == nil:
		r.last, r.through = a.sequence, a.record.Through
		r.resolved += len(a.record.Results)
		r.view.knows(a.asOf)
		r.look(ctx, time.Now())
		return nil
	case !errors.Is(a.err, bus.ErrOvertaken):
		return fmt.Errorf("reporting: %w", a.err)
	}
	entries, err := r.read(ctx)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if len(e.Revoked) == 0 {
			r.l.Metrics.overtake(r.b.Channel)
			return fmt.Errorf("batch %d: another lane has it: %w", r.b.ID, bus.ErrOvertaken)
		}
		r.revoke(e.Revoked)
		r.last = e.Sequence
	}
	r.append(ctx, a.record)
	return nil
}

// reached is the index up to which attempts may have been started, by this run or an earlier one.
func (r *run) reached() int {
	for i := len(r.inDoubt) - 1; i >= r.started; i-- {
		if r.inDoubt[i] && !r.settled[i] {
			return i + 1
		}
	}
	return r.started
}
