package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// slowBus takes some time to store a message, and fails those that a test says.
type slowBus struct {
	Bus
	takes time.Duration

	mu    sync.Mutex
	sizes []int
	err   error
}

func (b *slowBus) PublishReceipts(_ context.Context, _ string, r bus.Receipts) error {
	time.Sleep(b.takes) // of the bubble's time
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sizes = append(b.sizes, len(r.Receipts))
	return b.err
}

// gathered starts a gathering in a bubble and returns it with what stops it.
func startGathering(b Bus) (*gathering, func()) {
	g := newReceiver(Receiver{Channel: "sms"}, &Options{
		Bus: b, Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	}).gathering
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		g.run(ctx)
		close(ended)
	}()
	synctest.Wait()
	return g, func() {
		cancel()
		<-ended
	}
}

// storeAll has n callers store a receipt each at once, and returns their errors.
func storeAll(g *gathering, n int) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = g.store(context.Background(), make([]bus.Receipt, 1)) })
	}
	all.Wait()
	return errs
}

func total(sizes []int) (n int) {
	for _, s := range sizes {
		n += s
	}
	return n
}

func TestGatherSharesMessages(t *testing.T) {
	for _, tt := range []struct{ callers, messages int }{{1, 1}, {400, 1}, {500, 1}, {1700, 4}} {
		synctest.Test(t, func(t *testing.T) {
			b := &slowBus{takes: 10 * time.Millisecond}
			g, stop := startGathering(b)
			begun := time.Now()
			if err := errors.Join(storeAll(g, tt.callers)...); err != nil {
				t.Error(err)
			}
			if len(b.sizes) > tt.messages+1 || total(b.sizes) != tt.callers {
				t.Errorf("%d callers: messages of %v", tt.callers, b.sizes)
			}
			if tt.callers == 1 && time.Since(begun) != gatherFor+b.takes {
				t.Errorf("a receipt alone took %v", time.Since(begun))
			}
			stop()
		})
	}
}

// TestGatherWhilePublishing: what comes while a message is on its way is not lost and not mixed up
// with it.
func TestGatherWhilePublishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &slowBus{takes: time.Second}
		g, stop := startGathering(b)
		first := make(chan error, 1)
		go func() { first <- g.store(t.Context(), make([]bus.Receipt, 3)) }()
		time.Sleep(500 * time.Millisecond) // the first message is on its way
		b.mu.Lock()
		b.err = errors.New("full")
		b.mu.Unlock()
		second := make(chan error, 1)
		go func() { second <- g.store(t.Context(), make([]bus.Receipt, 2)) }()
		if err := <-first; err == nil {
			t.Error("the first message failed, its caller doesn't know")
		}
		b.mu.Lock()
		b.err = nil
		b.mu.Unlock()
		if err := <-second; err != nil {
			t.Errorf("second: %v", err)
		}
		if len(b.sizes) != 2 || b.sizes[0] != 3 || b.sizes[1] != 2 {
			t.Errorf("messages of %v", b.sizes)
		}
		stop()
	})
}

func TestGatherStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &slowBus{}
		g, stop := startGathering(b)
		waiting := make(chan error, 1)
		go func() { waiting <- g.store(t.Context(), make([]bus.Receipt, 1)) }()
		synctest.Wait()
		stop()
		if err := <-waiting; err != nil || len(b.sizes) != 1 {
			t.Errorf("what waited was not stored: %v", err)
		}
		if err := g.store(t.Context(), make([]bus.Receipt, 1)); !errors.Is(err, errEnded) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestGatherBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &slowBus{takes: time.Second}
		g, stop := startGathering(b)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- g.store(ctx, make([]bus.Receipt, 1)) }()
		time.Sleep(100 * time.Millisecond) // it is on its way
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who left: %v", err)
		}
		if _, err := g.add(make([]bus.Receipt, maxWaiting)); err != nil {
			t.Errorf("the last that has room: %v", err)
		}
		if err := g.store(t.Context(), make([]bus.Receipt, 1)); !errors.Is(err, errTooMany) {
			t.Errorf("one too many: %v", err)
		}
		stop()
		if n := total(b.sizes); n != maxWaiting+1 {
			t.Errorf("stored %d", n)
		}
	})
}
