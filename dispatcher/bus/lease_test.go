package bus_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
)

// shortTTL is long enough that a loaded machine renews in time, most of the time.
const shortTTL = 1500 * time.Millisecond

// candidate is a process that wants a lease, and holds it until it is told otherwise.
type candidate struct {
	began, ended chan error    // each time that it holds the lease: that it begins, and the cause of its end
	done         chan error    // that it wants it no more
	stop         func()        // ends it in order
	linger       chan struct{} // if not nil, it winds up until this is closed
}

func compete(t *testing.T, b *bus.Bus, linger chan struct{}) *candidate {
	t.Helper()
	leases, err := b.Leases(t.Context(), "a test", shortTTL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &candidate{began: make(chan error, 100), ended: make(chan error, 100), done: make(chan error, 1), stop: cancel, linger: linger}
	go func() {
		c.done <- leases.While(ctx, "lane sms", func(ctx context.Context) error {
			if !leases.Held()["lane sms"] {
				t.Error("the lease is held, and Held doesn't say so")
			}
			c.began <- nil
			<-ctx.Done()
			if c.linger != nil {
				<-c.linger
			}
			c.ended <- context.Cause(ctx)
			return context.Cause(ctx)
		})
	}()
	t.Cleanup(func() { cancel(); <-c.done })
	return c
}

// processes connects to one server as several processes would.
func processes(t *testing.T, n int) []*bus.Bus {
	t.Helper()
	s := start(t, bus.ServerOptions{})
	var all []*bus.Bus
	for range n {
		all = append(all, connect(t, bus.Options{URL: s.URL()}))
	}
	return all
}

func TestLeaseIsTakenOverWhenItsHolderDies(t *testing.T) {
	p := processes(t, 2)
	first := compete(t, p[0], nil)
	<-first.began
	second := compete(t, p[1], nil)
	p[0].Close() // it can give nothing back
	<-second.began
	select {
	case cause := <-first.ended:
		if !errors.Is(cause, bus.ErrLeaseLost) {
			t.Errorf("the old holder stopped because of %v, want ErrLeaseLost", cause)
		}
	default:
		t.Error("the new holder began before the old one had stopped")
	}
}

func TestLeaseIsGivenBack(t *testing.T) {
	p := processes(t, 2)
	windUp := make(chan struct{})
	first := compete(t, p[0], windUp)
	<-first.began
	second := compete(t, p[1], nil)
	first.stop()
	select {
	case <-second.began:
		t.Error("the new holder began while the old one was winding up")
	case <-time.After(2 * shortTTL): // the lease is kept for as long as that takes
	}
	close(windUp)
	<-second.began
	if cause := <-first.ended; !errors.Is(cause, context.Canceled) {
		t.Errorf("the old holder stopped because of %v, want context.Canceled", cause)
	}
}

func TestLeaseEndsWithWhatItIsFor(t *testing.T) {
	p := processes(t, 1)
	leases, err := p[0].Leases(t.Context(), "a test", shortTTL)
	if err != nil {
		t.Fatal(err)
	}
	failed := errors.New("failed")
	for range 2 { // the second time it is free at once
		if err := leases.While(t.Context(), "publisher", func(context.Context) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("While: %v, want what the function said", err)
		}
	}
	if held := leases.Held(); len(held) != 1 || held["publisher"] {
		t.Errorf("held %v, want the one name, not held", held)
	}
}

// TestLeaseHasOneHolderThroughElections: three processes want a lease while the servers that keep it
// die, one after the other, and come back. There is never more than one holder.
func TestLeaseHasOneHolderThroughElections(t *testing.T) {
	c := bustest.StartCluster(t)
	var holders, times atomic.Int32
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	for range 3 {
		leases, err := c.Connect().Leases(t.Context(), "a test", shortTTL)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			ended <- leases.While(ctx, "publisher", func(ctx context.Context) error {
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lease", n)
				}
				times.Add(1)
				<-ctx.Done()
				holders.Add(-1)
				return nil
			})
		}()
	}
	for range 2 {
		bustest.Eventually(t, "somebody holds the lease", func() bool { return holders.Load() == 1 })
		leader := -1
		bustest.Eventually(t, "the leases have a leader", func() bool { leader = c.LeaderOf("KV_lease"); return leader >= 0 })
		c.Stop(leader)
		bustest.Eventually(t, "another server leads", func() bool { return c.LeaderOf("KV_lease") >= 0 })
		bustest.Eventually(t, "somebody holds the lease", func() bool { return holders.Load() == 1 })
		c.Start(leader)
		bustest.Eventually(t, "the server has caught up", func() bool { return c.Current(leader, "KV_lease") })
	}
	cancel()
	for range 3 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Logf("it was taken %d times", times.Load())
}
