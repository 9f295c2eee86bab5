package lane

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// cutOff is a journal from which the lane is cut off for a while: what it asks gets no answer. The
// others are not.
type cutOff struct {
	memory
	from, to time.Time
}

func (c *cutOff) away(ctx context.Context) error {
	if now := time.Now(); now.Before(c.from) || !now.Before(c.to) {
		return nil
	}
	<-ctx.Done()
	return fmt.Errorf("%w: %w", bus.ErrUnavailable, ctx.Err())
}

func (c *cutOff) Append(ctx context.Context, channel string, r bus.Record, last uint64) (uint64, error) {
	if err := c.away(ctx); err != nil {
		return 0, err
	}
	return c.memory.Append(ctx, channel, r, last)
}

func (c *cutOff) Journal(ctx context.Context, channel string, batch int64, after uint64) ([]bus.Entry, error) {
	if err := c.away(ctx); err != nil {
		return nil, err
	}
	return c.memory.Journal(ctx, channel, batch, after)
}

// revoke adds a revocation of all attempts of a batch, as the fallback engine does.
func (m *memory) revoke(b *bus.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []int64
	for _, a := range b.Attempts {
		all = append(all, a.Notification)
	}
	m.entries = append(m.entries, bus.Entry{Record: bus.Record{Batch: b.ID, Revoked: all}, Sequence: uint64(len(m.entries) + 1)})
}

// results returns what a journal says of the attempts, by state; each must have one result.
func (m *memory) results(t *testing.T, b *bus.Batch) map[bus.ResultState]int {
	t.Helper()
	by, seen := map[bus.ResultState]int{}, map[int]bool{}
	for _, e := range m.entries {
		for _, res := range e.Results {
			if seen[res.Index] {
				t.Errorf("attempt %d has two results", res.Index)
			}
			seen[res.Index] = true
			by[res.State]++
		}
	}
	if len(seen) != len(b.Attempts) {
		t.Errorf("%d results for %d attempts", len(seen), len(b.Attempts))
	}
	return by
}

// timed is a provider that takes some time for each message, and remembers when it was given them.
func timed(takes time.Duration) (*provider, func() []time.Time) {
	p := newProvider()
	var mu sync.Mutex
	var at []time.Time
	p.answer = func(context.Context, int64) (channels.Ack, error) {
		mu.Lock()
		at = append(at, time.Now())
		mu.Unlock()
		<-time.After(takes)
		return channels.Ack{}, nil
	}
	return p, func() []time.Time { mu.Lock(); defer mu.Unlock(); return at }
}

// TestNothingStartsOnOldKnowledge: a lane that is cut off from its journal goes on for two seconds at
// most; when it is not any more, it goes on with what is still wanted, and forgets and repeats nothing.
func TestNothingStartsOnOldKnowledge(t *testing.T) {
	for _, tt := range []struct {
		name    string
		revoked bool
		limits  channels.Limits
		takes   time.Duration
	}{
		{"still wanted", false, channels.Limits{Concurrency: 4}, 100 * time.Millisecond},
		{"revoked meanwhile", true, channels.Limits{Concurrency: 4}, 100 * time.Millisecond},
		{"slow provider", true, channels.Limits{Concurrency: 2}, 1900 * time.Millisecond},
		{"low rate", true, channels.Limits{Concurrency: 8, PerSecond: 3}, 10 * time.Millisecond},
		{"low rate, still wanted", false, channels.Limits{Concurrency: 8, PerSecond: 3}, 10 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				j := &cutOff{from: begun.Add(3 * time.Second), to: begun.Add(20 * time.Second)}
				batch := testBatch(1, 200)
				p, starts := timed(tt.takes)
				tt.limits.Timeout = 10 * time.Second
				l := newTestLane(j, p, func(o *Options) { o.Providers[0].Limits = tt.limits })
				l.window = 256 // not what stops it
				if tt.revoked {
					time.AfterFunc(3*time.Second, func() { j.revoke(batch) })
				}
				if err := process(t.Context(), l, batch); err != nil {
					t.Fatal(err)
				}
				after := 0
				for _, at := range starts() {
					if at.After(j.from.Add(2*time.Second)) && at.Before(j.to) {
						t.Errorf("one started %v after the lane was cut off", at.Sub(j.from))
					}
					if at.After(j.from.Add(2 * time.Second)) {
						after++
					}
				}
				by := j.results(t, batch)
				if total, most := p.most(); most != 1 || by[bus.ResultAccepted] != total || by[bus.ResultRevoked] != 200-total {
					t.Errorf("%d sent, one of them %d times; results: %v", total, most, by)
				}
				if (after == 0) != tt.revoked {
					t.Errorf("%d started after the cut, revoked: %t", after, tt.revoked)
				}
				if n := testutil.ToFloat64(l.Metrics.blinds.WithLabelValues("sms")); n != 1 {
					t.Errorf("%v times blind, want once", n)
				}
			})
		})
	}
}

// TestWhatWaitsForItsTurnIsStillRevoked: an attempt that a worker has in hand, and that waits for its
// rate, does not leave when it has been revoked meanwhile.
func TestWhatWaitsForItsTurnIsStillRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, batch := &memory{}, testBatch(1, 8)
		p, starts := timed(0)
		l := newTestLane(j, p, func(o *Options) {
			o.Providers[0].Limits = channels.Limits{Concurrency: 8, PerSecond: 0.1, Timeout: 10 * time.Second}
		})
		l.outlets[0].limiter.SetBurst(1) // one at once, then one each ten seconds
		begun := time.Now()
		time.AfterFunc(15*time.Second, func() { j.revoke(batch) })
		if err := process(t.Context(), l, batch); err != nil {
			t.Fatal(err)
		}
		if n := len(starts()); n != 2 {
			t.Errorf("%d started, want those of the first 15 s, 2", n)
		}
		if by := j.results(t, batch); by[bus.ResultRevoked] != 6 {
			t.Errorf("results: %v, want 6 revoked", by)
		}
		if took := time.Since(begun); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// TestASlowProviderIsNotToldOldNews: while nothing is to be reported the journal is asked.
func TestASlowProviderIsNotToldOldNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, batch := &memory{}, testBatch(1, 8)
		p, starts := timed(9 * time.Second)
		l := newTestLane(j, p, func(o *Options) { o.Providers[0].Limits = channels.Limits{Concurrency: 2, Timeout: 10 * time.Second} })
		time.AfterFunc(4*time.Second, func() { j.revoke(batch) })
		if err := process(t.Context(), l, batch); err != nil {
			t.Fatal(err)
		}
		if n := len(starts()); n != 2 {
			t.Errorf("%d started, want the first 2", n)
		}
		j.results(t, batch)
	})
}
