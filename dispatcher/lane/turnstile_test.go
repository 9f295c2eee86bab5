package lane

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// queue enters so many of a priority in order and tells on the channel when each is admitted.
func queue(t *testing.T, ts *turnstile, ctx context.Context, priority, n int, admitted chan<- int) {
	t.Helper()
	for range n {
		go func() {
			if ts.enter(ctx, priority) == nil {
				admitted <- priority
			}
		}()
		synctest.Wait()
	}
}

func TestTurnstileUrgentFirstWithAShareForTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts, admitted := newTurnstile(1), make(chan int, 100)
		if err := ts.enter(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		queue(t, ts, t.Context(), 1, 3, admitted)
		queue(t, ts, t.Context(), 0, 20, admitted)
		normalAt := []int{}
		for i := range 23 {
			ts.leave()
			if <-admitted == 1 {
				normalAt = append(normalAt, i)
			}
		}
		if len(normalAt) != 3 || normalAt[0] != share || normalAt[1] != 2*share+1 || normalAt[2] != 22 {
			t.Errorf("the three that are not urgent came at %v, want after each %d urgent ones, and when none is left", normalAt, share)
		}
	})
}

func TestTurnstileCountsOnlyWhileOthersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts, admitted := newTurnstile(1), make(chan int, 100)
		if err := ts.enter(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		queue(t, ts, t.Context(), 0, 2*share, admitted)
		for range share + 2 {
			ts.leave()
			<-admitted
		}
		queue(t, ts, t.Context(), 1, 1, admitted)
		if ts.leave(); <-admitted != 0 {
			t.Error("one that has just come goes before urgent ones")
		}
		for range share - 2 {
			ts.leave()
			<-admitted
		}
	})
}

func TestTurnstileBoundsAndGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTurnstile(2)
		for range 2 {
			if err := ts.enter(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- ts.enter(ctx, 0) }()
		synctest.Wait()
		select {
		case <-result:
			t.Fatal("a third was admitted")
		default:
		}
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
		ts.leave()
		ts.leave()
		for range 2 { // both places are there again
			if err := ts.enter(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTurnstilePassesOnAPlaceThatNobodyWants(t *testing.T) {
	ts := newTurnstile(1)
	if err := ts.enter(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	// Admitted and given up at the same moment: the place goes on.
	admitted := make(chan struct{})
	ts.waiting[0] = append(ts.waiting[0], admitted)
	ts.leave()
	<-admitted
	ts.giveUp(0, admitted)
	if err := ts.enter(t.Context(), 0); err != nil || ts.free != 0 {
		t.Errorf("the place is lost: %v, %d free", err, ts.free)
	}
}
