package fallback

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Split makes two engines of one: the first is for Fold, the second for Watch.
func (e *Engine) Split() (folding, watching *Engine) {
	e.shared, e.health = true, newHealth(e.Policy)
	f, w := *e, *e
	return &f, &w
}

// Fold folds what lanes and providers say until ctx ends, beside the engines of other processes. They
// share the messages; what two of them decide about the same notification meets in the ledger, where
// the second is refused and decides anew. The engine is one of Split's.
func (e *Engine) Fold(ctx context.Context) error {
	incoming := make(chan delivery, pendingMessages)
	g, ctx := errgroup.WithContext(ctx)
	e.listen(ctx, g, incoming)
	g.Go(func() error { return e.hearControl(ctx) })
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case d := <-incoming:
				batch := e.gather(ctx, d, incoming)
				e.insist(ctx, func(ctx context.Context) error { return e.foldDeliveries(ctx, batch) })
			}
		}
	})
	return g.Wait()
}

// Watch does until ctx ends what one engine does for all: it stops what newer updates have made stale,
// runs the errands of operators' orders, and judges deadlines. The engine is one of Split's.
func (e *Engine) Watch(ctx context.Context) error {
	stopping := *e // works beside the judging: what is to be stopped must not wait for NATS to answer that
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return stopping.stopForAll(ctx) })
	g.Go(func() error {
		tick := time.NewTicker(idle)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				e.insist(ctx, func(ctx context.Context) error { e.tell(ctx); return e.judgeForAll(ctx) })
			}
		}
	})
	return g.Wait()
}

// stopForAll stops what newer updates have made stale and what operators have called off.
func (e *Engine) stopForAll(ctx context.Context) error {
	tick := time.NewTicker(idle)
	defer tick.Stop()
	for {
		e.insist(ctx, func(ctx context.Context) error { return errors.Join(e.supersede(ctx), e.runErrands(ctx)) })
		select {
		case <-ctx.Done():
			return nil
		case <-e.PagesPlanned:
		case <-tick.C:
		}
	}
}

// clockSkew is how much the clocks of NATS and of this machine are thought to differ at most.
const clockSkew = 2 * time.Second

// judgeForAll judges as of the moment up to which all engines together have folded what was said:
// what one of them has taken and not yet committed is as unknown as what none has taken.
func (e *Engine) judgeForAll(ctx context.Context) error {
	now := e.Clock.Now()
	next, err := e.Ledger.NextDeadline(ctx)
	if err != nil || next.IsZero() || next.After(now) {
		return err
	}
	var behind time.Duration
	for _, stream := range []string{bus.ResultsStream, bus.ReceiptsStream} {
		d, err := e.Bus.Behind(ctx, stream, consumerName)
		if err != nil {
			return err
		}
		if d > 0 {
			behind = max(behind, d+clockSkew)
		}
	}
	return e.judge(ctx, now.Add(-e.Clock.Product(behind)))
}

// reunite brings together receipts and provider's ids that two engines have committed at the same
// time, each without seeing the other's: whoever was second finds both. The messages that brought
// them are not acknowledged before.
func (e *Engine) reunite(ctx context.Context, committed *fold) error {
	if !e.shared || len(committed.out.ProviderIDs) == 0 && len(committed.out.Early) == 0 {
		return nil
	}
	f := newFold(e)
	ids := committed.newIDs()
	for channel, receipts := range committed.keptEarly() {
		found, err := f.storedIDs(ctx, channel, receipts, nil)
		if err != nil {
			return err
		}
		if ids[channel] == nil {
			ids[channel] = map[string]notification.ID{}
		}
		for id, attempt := range found {
			ids[channel][id] = attempt
		}
	}
	for channel, known := range ids {
		if err := f.claimEarly(ctx, channel, known); err != nil {
			return err
		}
	}
	if len(f.out.Claimed) == 0 {
		return nil
	}
	return f.apply(ctx)
}

// keptEarly lists the receipts that a fold has kept until their ids are known, by channel.
func (f *fold) keptEarly() map[string][]bus.Receipt {
	all := map[string][]bus.Receipt{}
	for _, r := range f.out.Early {
		all[r.Channel] = append(all[r.Channel], bus.Receipt{ProviderID: r.ProviderID})
	}
	return all
}

// aside waits a moment, each engine its own, so that two that want the same don't meet again.
func aside(ctx context.Context) {
	timer := time.NewTimer(time.Millisecond + rand.N(20*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
