package lane

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
)

// lossy is a journal that stores records and loses the answers, every second one; revoke is added
// behind each record whose answer is lost.
type lossy struct {
	memory
	n      int
	revoke []int64
	hidden int // so many reads don't show yet what was stored
}

func (l *lossy) Append(ctx context.Context, channel string, r bus.Record, last uint64) (uint64, error) {
	seq, err := l.memory.Append(ctx, channel, r, last)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n++; err != nil || l.n%2 == 0 {
		return seq, err
	}
	if len(l.revoke) > 0 {
		l.entries = append(l.entries, bus.Entry{Record: bus.Record{Batch: r.Batch, Revoked: l.revoke[:1]}, Sequence: seq + 1})
		l.revoke = l.revoke[1:]
	}
	return 0, bus.ErrUnavailable
}

func (l *lossy) Journal(ctx context.Context, channel string, batch int64, after uint64) ([]bus.Entry, error) {
	l.mu.Lock()
	if l.hidden > 0 {
		l.hidden--
		l.mu.Unlock()
		return nil, nil
	}
	l.mu.Unlock()
	return l.memory.Journal(ctx, channel, batch, after)
}

// check fails the test unless each attempt was sent once and has one result.
func check(t *testing.T, entries []bus.Entry, p *provider, batch *bus.Batch) {
	t.Helper()
	results := map[int]int{}
	for _, e := range entries {
		for _, r := range e.Results {
			if results[r.Index]++; r.State != bus.ResultAccepted && r.State != bus.ResultRevoked {
				t.Errorf("attempt %d is %s", r.Index, r.State)
			}
		}
	}
	if _, most := p.most(); most != 1 || len(results) != len(batch.Attempts) {
		t.Errorf("%d results for %d attempts, one was sent %d times", len(results), len(batch.Attempts), most)
	}
	for i, n := range results {
		if n != 1 {
			t.Errorf("attempt %d has %d results", i, n)
		}
	}
}

// TestLostAnswersAreNoOvertaking: a record that was stored is known again when its answer was lost,
// the claim as well as reports, also with revocations behind it, and when it can't be read at once.
func TestLostAnswersAreNoOvertaking(t *testing.T) {
	for name, j := range map[string]*lossy{
		"plainly":          {},
		"with revocations": {revoke: []int64{1030, 1031, 1039}},
		"not to be seen":   {hidden: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				batch, p := testBatch(1, 40), newProvider()
				l := newTestLane(j, p, nil)
				if err := process(t.Context(), l, batch); err != nil {
					t.Fatal(err)
				}
				check(t, j.entries, p, batch)
				if testutil.ToFloat64(l.Metrics.aways.WithLabelValues("sms")) == 0 || testutil.ToFloat64(l.Metrics.overtaken.WithLabelValues("sms")) != 0 {
					t.Error("lost answers are not counted as such")
				}
			})
		})
	}
}

// away is a journal that can't be reached from one record on, for a while.
type away struct {
	memory
	from  uint64
	until time.Time
}

func (a *away) Append(ctx context.Context, channel string, r bus.Record, last uint64) (uint64, error) {
	if last >= a.from && time.Now().Before(a.until) {
		return 0, bus.ErrUnavailable
	}
	return a.memory.Append(ctx, channel, r, last)
}

// TestLaneWaitsForNATS: while the journal can't be reached nothing is started beyond the window, and
// nothing that is known is forgotten.
func TestLaneWaitsForNATS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batch, p := testBatch(1, 40), newProvider()
		j := &away{from: 1, until: time.Now().Add(time.Hour)}
		time.AfterFunc(time.Hour-time.Second, func() {
			if total, _ := p.most(); total != testWindow {
				t.Errorf("%d sent while nothing could be reported, want the window of %d", total, testWindow)
			}
		})
		if err := process(t.Context(), newTestLane(j, p, nil), batch); err != nil {
			t.Fatal(err)
		}
		check(t, j.entries, p, batch)
	})
}

// TestLaneWithoutItsLeaseStillReports: a lane that lost its lease because NATS could not be reached
// starts nothing more, and reports when NATS is back: nothing is in doubt for whoever comes next.
func TestLaneWithoutItsLeaseStillReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batch, p := testBatch(1, 40), newProvider()
		j := &away{from: 1, until: time.Now().Add(time.Minute)}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(bus.ErrLeaseLost) })
		if err := process(ctx, newTestLane(j, p, nil), batch); !errors.Is(err, bus.ErrLeaseLost) {
			t.Fatalf("process: %v, want ErrLeaseLost", err)
		}
		if total, _ := p.most(); total != testWindow {
			t.Errorf("%d sent, want no more than the window of %d", total, testWindow)
		}
		if err := process(t.Context(), newTestLane(j, p, nil), batch); err != nil {
			t.Fatal(err)
		}
		check(t, j.entries, p, batch)
	})
}

// TestStopDoesNotWaitForASlowProviderForEver: what a provider has not answered when the time is over
// is in doubt, the rest is reported.
func TestStopDoesNotWaitForASlowProviderForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batch, p, j := testBatch(1, 4), newProvider(), &memory{}
		p.answer = func(_ context.Context, n int64) (channels.Ack, error) {
			if n == 1001 {
				<-time.After(time.Hour)
			}
			return channels.Ack{}, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		l, begun := newTestLane(j, p, nil), time.Now()
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(l.work)
		}
		if err := l.process(ctx, batch, time.Time{}, func() {}); !errors.Is(err, context.Canceled) {
			t.Errorf("process: %v", err)
		}
		if took := time.Since(begun); took > 100*time.Millisecond+lastAnswers+time.Second {
			t.Errorf("stopping took %v", took)
		}
		close(l.jobs)
		workers.Wait()
		last := j.entries[len(j.entries)-1]
		if last.Through != 4 {
			t.Errorf("the last record says %d, want 4: one before it may have gone out", last.Through)
		}
	})
}

// TestStoppedLaneReturnsNothing: attempts that wait for the lane's rate when it is told to stop are
// made by the next lane, at once, and don't cost the cascade its time.
func TestStoppedLaneReturnsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batch, p, j := testBatch(1, 40), newProvider(), &memory{}
		slow := func(o *Options) { o.Providers[0].Limits.PerSecond = 10 }
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := process(ctx, newTestLane(j, p, slow), batch); !errors.Is(err, context.Canceled) {
			t.Errorf("process: %v", err)
		}
		before, _ := p.most()
		if last := j.entries[len(j.entries)-1]; before == 0 || last.Through != before {
			t.Errorf("%d sent, and the last record says %d", before, last.Through)
		}
		if err := process(t.Context(), newTestLane(j, p, slow), batch); err != nil {
			t.Fatal(err)
		}
		check(t, j.entries, p, batch)
	})
}

// TestRollingRestart: two lanes share the queue; one after the other is stopped in the middle of its
// batches and replaced. Everybody is sent one message, and nothing is in doubt.
func TestRollingRestart(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	var batches []bus.Batch
	for id := range int64(8) {
		batches = append(batches, *testBatch(id+1, 60))
	}
	var mu sync.Mutex
	sent, stop := 0, map[int]func(){}
	run := func() (stop func(), ended chan error) {
		ctx, cancel := context.WithCancel(t.Context())
		ended = make(chan error, 1)
		go func() { ended <- newTestLane(b, p, nil).Run(ctx) }()
		return cancel, ended
	}
	stopped := make(chan int, 2)
	p.answer = func(context.Context, int64) (channels.Ack, error) {
		mu.Lock()
		defer mu.Unlock()
		sent++
		if f := stop[sent]; f != nil {
			f()
			stopped <- sent
		}
		return channels.Ack{}, nil
	}
	stopFirst, first := run()
	stopSecond, second := run()
	mu.Lock()
	stop[100], stop[250] = stopFirst, stopSecond
	mu.Unlock()
	if err := b.PublishBatches(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
	var ends []chan error
	var stops []func()
	for _, old := range []chan error{first, second} {
		<-stopped
		if err := <-old; err != nil {
			t.Errorf("a lane that was told to stop: %v", err)
		}
		s, e := run()
		stops, ends = append(stops, s), append(ends, e)
	}
	waitForQueue(t, b, 0)
	for i := range stops {
		stops[i]()
		if err := <-ends[i]; err != nil {
			t.Error(err)
		}
	}
	for i := range batches {
		if n := count(resultsOf(t, b, &batches[i]), bus.ResultAccepted); n != 60 {
			t.Errorf("batch %d: %d accepted of 60", batches[i].ID, n)
		}
	}
	if total, most := p.most(); total != 480 || most != 1 {
		t.Errorf("%d sent, one of them %d times; want 480 once each", total, most)
	}
}
