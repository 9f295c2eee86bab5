package lane

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

const (
	// freshFor is how long after a moment attempts may start on what was known as of that moment. Two
	// seconds after newer news is planned older news must not start any more; half a second of them is
	// for the fallback engine, to hear of it and say so.
	freshFor = 1500 * time.Millisecond
	// probeAfter is how old knowledge may become before a run that has something to start asks, where
	// no results have to be reported anyway.
	probeAfter = 500 * time.Millisecond
)

// view is what a run knows of who is not to be told any more, and as of when. The run's loop writes
// it; workers look at it last thing before they give an attempt to a provider, however long its turn
// was in coming. A nil view allows everything.
//
// What proves knowledge is an acknowledged append: the journal refuses a record if there is one before
// it that the run has not seen, and acknowledges none that a majority of the servers has not stored. So
// when an append that was asked for at some moment succeeds, nothing had been revoked at that moment
// that the run doesn't know. What was only read proves nothing: a server that was cut off from the
// others may still believe that it leads.
type view struct {
	asOf    atomic.Pointer[time.Time]
	revoked atomic.Pointer[map[int64]bool]
	sending atomic.Int64 // attempts that a provider has been given and not answered
	pauses  *sight       // what the lane knows of pauses; nil if it hears of none

	// Both are set before any attempt is given to a worker.
	paused func() bool    // whether the update is; nil for never
	again  map[int64]bool // notifications whose attempts are repeats, which a pause doesn't keep back
}

// knows notes that nothing was revoked before a moment but what is known.
func (v *view) knows(asOf time.Time) { v.asOf.Store(&asOf) }

// fresh reports whether attempts may start.
func (v *view) fresh(now time.Time) bool {
	return recent(v.asOf.Load(), now) && (v.pauses == nil || recent(v.pauses.asOf.Load(), now))
}

// begin reports whether an attempt may start now; if so, the caller calls end when it is over.
func (v *view) begin(notification int64) bool {
	if v == nil {
		return true
	}
	if !v.fresh(time.Now()) {
		return false
	}
	if revoked := v.revoked.Load(); revoked != nil && (*revoked)[notification] {
		return false
	}
	if v.paused != nil && !v.again[notification] && v.paused() {
		return false
	}
	v.sending.Add(1)
	return true
}

func (v *view) end() {
	if v != nil {
		v.sending.Add(-1)
	}
}

// recent reports whether what was known as of a moment may still be acted upon.
func recent(asOf *time.Time, now time.Time) bool { return asOf != nil && age(*asOf, now) < freshFor }

// age is how long ago a moment was, by the clock that makes it longer: the monotonic one stands still
// while a machine is suspended, the other may be set back.
func age(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}

// codeNotBegun is the code of an attempt that was not started because it may not be wanted any more: it
// is for the run to say what is to become of it.
const codeNotBegun = "not_begun"

func notBegun() *channels.Error {
	return &channels.Error{Class: channels.Unavailable, Code: codeNotBegun, RetryAfter: time.Second}
}

// waits reports whether there are attempts that have yet to start: left, put back, or waiting for their turn.
func (r *run) waits() bool {
	return len(r.unsent) > 0 || r.started < len(r.b.Attempts) || int64(r.inFlight) > r.view.sending.Load()
}

// tick is done every now and then: it sees to it that results don't wait, and that knowledge stays fresh.
func (r *run) tick(ctx context.Context) {
	r.due = len(r.pending) > 0
	r.look(ctx, time.Now())
}

// look finds out whether attempts may start, and has the journal asked before knowledge is too old.
func (r *run) look(ctx context.Context, now time.Time) {
	r.stale = !r.view.fresh(now)
	waits := r.waits()
	r.probe = waits && age(*r.view.asOf.Load(), now) >= probeAfter
	switch {
	case !r.stale:
		r.sees(ctx, now)
	case waits && r.blind.IsZero():
		r.blind = now
	case waits && !r.told && now.Sub(r.blind) >= blindFor:
		r.told = true
		r.l.Metrics.blind(r.b.Channel)
		r.l.Log.WarnContext(ctx, "nothing is started: whether it is still wanted can't be known for the moment",
			"channel", r.b.Channel, "batch", r.b.ID, "update", r.b.Update)
	}
}

// blindFor is how long attempts wait for knowledge before that is worth a word.
const blindFor = 500 * time.Millisecond

// sees notes that attempts need not wait.
func (r *run) sees(ctx context.Context, now time.Time) {
	if r.told {
		r.l.Log.InfoContext(ctx, "attempts are started again", "channel", r.b.Channel, "batch", r.b.ID, "after", now.Sub(r.blind))
	}
	r.blind, r.told = time.Time{}, false
}
