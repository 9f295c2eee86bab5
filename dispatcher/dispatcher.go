// Package dispatcher is the role that turns updates into notifications: it consumes what upstream
// services publish, folds it into incidents, freezes the texts, plans page by page who is told how,
// and hands the batches to the lanes' queues.
//
// Its loops are each resumable at any point after a kill: [Intake] reads INCIDENTS, [Planner] commits
// pages to the ledger, [Publisher] hands committed batches to SEND, and [Keeper] keeps watch over what
// customers were promised. They share nothing but the ledger; a [Signal] spares them waiting for the next
// look.
package dispatcher

import (
	"context"
	"time"
)

// Signal wakes a loop that waits for work. A signal that comes while the loop works isn't lost; any
// number of them are one. Safe for concurrent use.
type Signal chan struct{}

// NewSignal makes a signal.
func NewSignal() Signal { return make(Signal, 1) }

// Wake wakes the loop.
func (s Signal) Wake() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// wait returns on the signal, after d, or when ctx ends.
func (s Signal) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// poll is how often a loop looks for work that came without a signal: from another process, or
// before this one started.
const poll = time.Second

// retryAfter is how long a loop waits after the ledger or NATS failed it.
const retryAfter = time.Second
