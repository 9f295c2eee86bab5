package lane

import (
	"context"
	"sync"
)

// turnstile admits batches: at most n at once, and the more urgent first, but with a share for the
// rest, so that a long outage can't keep everything else waiting for ever.
type turnstile struct {
	mu      sync.Mutex
	free    int
	waiting [2][]chan struct{} // by priority, most urgent first
	passed  int                // urgent ones admitted in a row while others waited
}

// share is how many urgent batches pass before one that is not.
const share = 8

func newTurnstile(n int) *turnstile { return &turnstile{free: n} }

// enter waits for admission; it fails only when ctx ends.
func (t *turnstile) enter(ctx context.Context, priority int) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	admitted := make(chan struct{})
	t.waiting[priority] = append(t.waiting[priority], admitted)
	t.mu.Unlock()
	select {
	case <-admitted:
		return nil
	case <-ctx.Done():
		t.giveUp(priority, admitted)
		return ctx.Err()
	}
}

// giveUp withdraws from the queue; a place that was given meanwhile goes to the next.
func (t *turnstile) giveUp(priority int, admitted chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.waiting[priority] {
		if w == admitted {
			t.waiting[priority] = append(t.waiting[priority][:i], t.waiting[priority][i+1:]...)
			return
		}
	}
	t.next()
}

// leave gives the place to the next in line.
func (t *turnstile) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

func (t *turnstile) next() {
	p := 0
	switch {
	case len(t.waiting[0]) == 0 && len(t.waiting[1]) == 0:
		t.free++
		return
	case len(t.waiting[0]) == 0, len(t.waiting[1]) > 0 && t.passed >= share:
		p = 1
	}
	t.passed++
	if p == 1 || len(t.waiting[1]) == 0 {
		t.passed = 0
	}
	close(t.waiting[p][0])
	t.waiting[p] = t.waiting[p][1:]
}
