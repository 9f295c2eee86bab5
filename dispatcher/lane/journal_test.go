package lane

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// memory is a journal of one batch that is kept in memory, so that it can be used within synctest.
type memory struct {
	mu      sync.Mutex
	entries []bus.Entry
}

func (m *memory) Append(_ context.Context, _ string, r bus.Record, last uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last != uint64(len(m.entries)) {
		return 0, bus.ErrOvertaken
	}
	m.entries = append(m.entries, bus.Entry{Record: r, Sequence: last + 1})
	return last + 1, nil
}

func (m *memory) Journal(_ context.Context, _ string, _ int64, after uint64) ([]bus.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.entries[min(int(after), len(m.entries)):]), nil
}

func (m *memory) Consume(context.Context, string, string, string, int, func(jetstream.Msg)) error {
	return errors.New("nothing to consume")
}

func TestRevokedBatchIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batch, p := testBatch(1, 40), newProvider()
		var all []int64
		for _, a := range batch.Attempts {
			all = append(all, a.Notification)
		}
		j := &memory{entries: []bus.Entry{{Record: bus.Record{Batch: 1, Revoked: all}, Sequence: 1}}}
		begun := time.Now()
		if err := process(t.Context(), newTestLane(j, p, nil), batch); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("a batch with nothing to send took %v", took)
		}
		if total, _ := p.most(); total != 0 {
			t.Errorf("%d revoked ones were sent", total)
		}
	})
}

// forgetful is a journal whose records are gone, all at once, after the first of them.
type forgetful struct{ memory }

func (f *forgetful) Append(ctx context.Context, channel string, r bus.Record, last uint64) (uint64, error) {
	defer func() { f.mu.Lock(); f.entries = nil; f.mu.Unlock() }()
	return f.memory.Append(ctx, channel, r, last)
}

func TestJournalThatIsGoneEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := process(t.Context(), newTestLane(&forgetful{}, newProvider(), nil), testBatch(1, 40))
		if err == nil || !strings.Contains(err.Error(), "shows none") {
			t.Errorf("process: %v, want that the journal shows no record", err)
		}
	})
}

// TestSmallerWindowForgetsNoDoubt: the lane that takes over has a smaller window than the one that
// was killed (its limits were changed between), and is killed in its turn.
func TestSmallerWindowForgetsNoDoubt(t *testing.T) {
	b, p, batch := bustest.Start(t), newProvider(), testBatch(1, 40)
	kill(t, b, p, batch, 1)
	small := newTestLane(&tapped{Bus: b, before: func(n int, _ *bus.Record) error {
		if n > 1 { // the claim is refused once, then taken; nothing after it
			return errKilled
		}
		return nil
	}}, p, nil)
	small.window = 2
	if err := process(t.Context(), small, batch); !errors.Is(err, errKilled) {
		t.Fatalf("killed lane: %v", err)
	}
	if err := process(t.Context(), newTestLane(b, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	if _, most := p.most(); most != 1 {
		t.Errorf("one was sent %d times", most)
	}
	if n := count(resultsOf(t, b, batch), bus.ResultUnknown); n == 0 || n > testWindow {
		t.Errorf("%d in doubt, want some, at most the larger window of %d", n, testWindow)
	}
}

// cramped is a journal that has no room for a while, from its second record on.
type cramped struct {
	memory
	refusals int
}

func (c *cramped) Append(ctx context.Context, channel string, r bus.Record, last uint64) (uint64, error) {
	if last == 1 && c.refusals > 0 {
		c.refusals--
		return 0, bus.ErrFull
	}
	return c.memory.Append(ctx, channel, r, last)
}

func TestFullJournalIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batch, p := testBatch(1, 40), newProvider()
		j := &cramped{refusals: 100}
		l := newTestLane(j, p, nil)
		if err := process(t.Context(), l, batch); err != nil {
			t.Fatal(err)
		}
		if total, most := p.most(); total != 40 || most != 1 {
			t.Errorf("%d sent, one of them %d times; want each of 40 once", total, most)
		}
		if n := testutil.ToFloat64(l.Metrics.fulls); n != 100 {
			t.Errorf("%v refusals counted, want 100", n)
		}
	})
}

func TestFullJournalDoesNotHoldUpAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		begun := time.Now()
		err := process(ctx, newTestLane(&cramped{refusals: 1 << 30}, newProvider(), nil), testBatch(1, 40))
		if took := time.Since(begun); err == nil || took > time.Minute+2*appendTimeout {
			t.Errorf("stopped after %v: %v", took, err)
		}
	})
}

// TestStopWaitsForRoom: a lane that is told to stop while the journal has no room says what it did when
// there is room again, and the next one repeats nothing.
func TestStopWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3500*time.Millisecond, cancel)
		batch, p, j := testBatch(1, 40), newProvider(), &cramped{refusals: 8}
		batch.InDoubt = notification.Repeat
		if err := process(ctx, newTestLane(j, p, nil), batch); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped lane: %v", err)
		}
		if before, _ := p.most(); before == 0 || before == 40 {
			t.Fatalf("%d sent before the stop: it proves nothing", before)
		}
		if err := process(t.Context(), newTestLane(j, p, nil), batch); err != nil {
			t.Fatal(err)
		}
		if total, most := p.most(); total != 40 || most != 1 {
			t.Errorf("%d sent, one of them %d times; want each of 40 once", total, most)
		}
	})
}
