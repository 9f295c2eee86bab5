package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// How receipts are gathered. Storing one message costs the same for one receipt and for hundreds, so
// those that come within a moment share one, and wait for it together.
const (
	gatherFor      = 50 * time.Millisecond // how long the first one waits for others, in machine time
	maxPerMessage  = 500
	maxWaiting     = 50_000 // more are sent back, so that memory is bounded while NATS is slow
	publishTimeout = 5 * time.Second
)

// Errors of gathering. The receipts were not stored.
var (
	errEnded       = errors.New("receipts are not taken any more: stopping")
	errTooMany     = fmt.Errorf("more than %d receipts are waiting", maxWaiting)
	errInterrupted = errors.New("the provider hung up")
)

// gathering gathers the receipts of one channel's provider. It is safe for concurrent use.
type gathering struct {
	channel, provider string
	bus               Bus
	metrics           *Metrics
	log               *slog.Logger
	deferred          rate.Sometimes // bounds what is logged while NATS takes nothing

	begun, full chan struct{} // signals of one place each

	mu    sync.Mutex
	ended bool      // run has ended: nobody would publish any more
	now   *gathered // what is being gathered, nil if nothing is
}

// gathered is what is published together.
type gathered struct {
	receipts []bus.Receipt
	done     chan struct{} // closed when err is set
	err      error
}

// store returns nil when the receipts are stored. The slice is the caller's again. When it returns
// early because ctx has ended, they may be stored nevertheless.
func (g *gathering) store(ctx context.Context, receipts []bus.Receipt) error {
	mine, err := g.add(receipts)
	if err != nil {
		return err
	}
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errInterrupted, ctx.Err())
	}
}

func (g *gathering) add(receipts []bus.Receipt) (*gathered, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return nil, errEnded
	}
	if g.now == nil {
		g.now = &gathered{done: make(chan struct{})}
		signal(g.begun)
	}
	if len(g.now.receipts)+len(receipts) > maxWaiting {
		return nil, errTooMany
	}
	g.now.receipts = append(g.now.receipts, receipts...)
	if len(g.now.receipts) >= maxPerMessage {
		signal(g.full)
	}
	return g.now, nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run publishes what is gathered until ctx ends, the rest included.
func (g *gathering) run(ctx context.Context) {
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-g.begun:
			timer.Reset(gatherFor)
			select {
			case <-g.full:
			case <-timer.C:
			case <-ctx.Done():
			}
			g.publish(ctx)
		case <-ctx.Done():
		}
	}
	g.end()
	g.publish(ctx)
}

func (g *gathering) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
}

// taken returns what has been gathered, and begins anew.
func (g *gathering) taken() *gathered {
	g.mu.Lock()
	defer g.mu.Unlock()
	took := g.now
	g.now = nil
	select { // its signal, if it is still there, was for what is taken
	case <-g.full:
	default:
	}
	return took
}

// publish stores what was gathered and releases those who wait for it. It also does so after ctx
// has ended, for a bounded time: they were promised an answer.
func (g *gathering) publish(ctx context.Context) {
	took := g.taken()
	if took == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	for part := range slices.Chunk(took.receipts, maxPerMessage) {
		if took.err = g.bus.PublishReceipts(ctx, g.provider, bus.Receipts{Channel: g.channel, Receipts: part}); took.err != nil {
			g.deferred.Do(func() {
				g.log.WarnContext(ctx, "receipts not stored; the provider is asked to send them again", "channel", g.channel, "provider", g.provider, "error", took.err)
			})
			g.metrics.message(g.channel, resultDeferred)
			break
		}
		g.metrics.message(g.channel, resultStored)
	}
	close(took.done)
}
