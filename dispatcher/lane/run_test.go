package lane

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// tapped is a bus whose appends can be watched, and can be made to fail.
type tapped struct {
	*bus.Bus
	before func(n int, r *bus.Record) error // n counts the appends from 0
	after  func(n int, r *bus.Record)

	mu sync.Mutex
	n  int
}

func (b *tapped) Append(ctx context.Context, channel string, r bus.Record, last uint64) (uint64, error) {
	b.mu.Lock()
	n := b.n
	b.n++
	b.mu.Unlock()
	if b.before != nil {
		if err := b.before(n, &r); err != nil {
			return 0, err
		}
	}
	seq, err := b.Bus.Append(ctx, channel, r, last)
	if err == nil && b.after != nil {
		b.after(n, &r)
	}
	return seq, err
}

var errKilled = errors.New("killed")

func TestWindowBoundsStarts(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	batch := testBatch(1, 100)
	var mu sync.Mutex
	through, resolved := 0, 0
	tap := &tapped{Bus: b}
	tap.after = func(_ int, r *bus.Record) {
		mu.Lock()
		defer mu.Unlock()
		through, resolved = r.Through, resolved+len(r.Results)
		if through > resolved+8 {
			t.Errorf("attempts before %d may start, with %d reported and a window of 8", through, resolved)
		}
	}
	p.answer = func(_ context.Context, n int64) (channels.Ack, error) {
		mu.Lock()
		defer mu.Unlock()
		if i := int(n - 1000); i >= through {
			t.Errorf("attempt %d was started, the journal allows those before %d", i, through)
		}
		return channels.Ack{}, nil
	}
	if err := process(t.Context(), newTestLane(tap, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	resultsOf(t, b, batch)
}

func TestNothingStartsBeyondAJournalThatStalls(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	stalled, release := make(chan struct{}), make(chan struct{})
	tap := &tapped{Bus: b, before: func(n int, _ *bus.Record) error {
		if n == 1 {
			close(stalled)
			<-release
		}
		return nil
	}}
	sent := make(chan struct{}, 100)
	p.answer = func(context.Context, int64) (channels.Ack, error) { sent <- struct{}{}; return channels.Ack{}, nil }
	batch := testBatch(1, 40)
	done := make(chan error, 1)
	go func() { done <- process(t.Context(), newTestLane(tap, p, nil), batch) }()
	<-stalled
	for range 8 { // the whole window goes out while the record is under way …
		<-sent
	}
	if total, _ := p.most(); total != 8 { // … and no more
		t.Errorf("%d attempts started with nothing acknowledged beyond a window of 8", total)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	resultsOf(t, b, batch)
}

// kill runs a lane on the batch that loses its bus at the n-th append: what it knows is gone.
func kill(t *testing.T, b *bus.Bus, p *provider, batch *bus.Batch, n int) {
	t.Helper()
	tap := &tapped{Bus: b, before: func(i int, _ *bus.Record) error {
		if i >= n {
			return errKilled
		}
		return nil
	}}
	if err := process(t.Context(), newTestLane(tap, p, nil), batch); !errors.Is(err, errKilled) {
		t.Fatalf("killed lane: %v", err)
	}
}

func TestKilledLaneLeavesAtMostAWindowInDoubt(t *testing.T) {
	for _, tt := range []struct {
		inDoubt    notification.InDoubt
		idempotent bool
		repeats    bool
	}{
		{notification.LeaveUnknown, false, false},
		{"", false, false},
		{notification.Repeat, false, true},
		{notification.LeaveUnknown, true, true},
	} {
		t.Run(fmt.Sprint(tt.inDoubt, tt.idempotent), func(t *testing.T) {
			b, p := bustest.Start(t), newProvider()
			batch := testBatch(1, 60)
			batch.InDoubt = tt.inDoubt
			kill(t, b, p, batch, 3)
			before, _ := p.most()
			next := newTestLane(b, p, func(o *Options) { o.Providers[0].Spec.Idempotent = tt.idempotent })
			if err := process(t.Context(), next, batch); err != nil {
				t.Fatal(err)
			}
			results := resultsOf(t, b, batch)
			total, most := p.most()
			unknown, repeated := count(results, bus.ResultUnknown), 0
			for _, r := range results {
				if r.Repeat {
					repeated++
				}
			}
			if before == 0 || before >= 60 {
				t.Fatalf("%d sent before the kill: it proves nothing", before)
			}
			if tt.repeats {
				if unknown != 0 || most != 2 || repeated == 0 || repeated > 8 || total > 60+8 {
					t.Errorf("repeating: %d unknown, %d repeated, %d sent", unknown, repeated, total)
				}
			} else if most != 1 || repeated != 0 || unknown == 0 || unknown > 8 || count(results, bus.ResultAccepted)+unknown != 60 {
				t.Errorf("leaving in doubt: %d unknown, one sent %d times", unknown, most)
			}
		})
	}
}

func TestFinishedBatchIsOnlyAcknowledged(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	batch := testBatch(1, 10)
	for range 2 {
		if err := process(t.Context(), newTestLane(b, p, nil), batch); err != nil {
			t.Fatal(err)
		}
	}
	if total, _ := p.most(); total != 10 {
		t.Errorf("%d sent, want 10", total)
	}
	resultsOf(t, b, batch)
}

func TestStoppedLaneLeavesNothingInDoubt(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	batch := testBatch(1, 80)
	ctx, cancel := context.WithCancel(t.Context())
	p.answer = func(_ context.Context, n int64) (channels.Ack, error) {
		if n == 1020 {
			cancel()
			// A revocation that comes while the batch is handed over must not spoil it.
			if err := b.Revoke(t.Context(), "sms", 1, []int64{1079}); err != nil {
				t.Error(err)
			}
		}
		return channels.Ack{}, nil
	}
	if err := process(ctx, newTestLane(b, p, nil), batch); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped lane: %v", err)
	}
	before, _ := p.most()
	if err := process(t.Context(), newTestLane(b, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	results := resultsOf(t, b, batch)
	if total, most := p.most(); before >= 79 || total != 79 || most != 1 {
		t.Errorf("sent %d, then up to %d, one of them %d times; want 79 once each", before, total, most)
	}
	if results[79].State != bus.ResultRevoked || count(results, bus.ResultUnknown) != 0 {
		t.Errorf("the revoked one is %+v, %d are unknown", results[79], count(results, bus.ResultUnknown))
	}
}

func TestStoppedBeforeItBegan(t *testing.T) {
	b := bustest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := process(ctx, newTestLane(b, newProvider(), nil), testBatch(1, 3)); !errors.Is(err, context.Canceled) {
		t.Errorf("process: %v", err)
	}
	if es, err := b.Journal(t.Context(), "sms", 1, 0); err != nil || len(es) != 0 {
		t.Errorf("a lane that is stopping has claimed: %+v, %v", es, err)
	}
}

func TestOvertakenLaneStops(t *testing.T) {
	b, slow, fast := bustest.Start(t), newProvider(), newProvider()
	batch := testBatch(1, 60)
	sending, release := make(chan struct{}, 60), make(chan struct{})
	slow.answer = func(context.Context, int64) (channels.Ack, error) {
		sending <- struct{}{}
		<-release
		return channels.Ack{}, nil
	}
	done := make(chan error, 1)
	go func() { done <- process(t.Context(), newTestLane(b, slow, nil), batch) }()
	<-sending
	if err := process(t.Context(), newTestLane(b, fast, nil), batch); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-done; !errors.Is(err, bus.ErrOvertaken) {
		t.Errorf("overtaken lane: %v, want ErrOvertaken", err)
	}
	if n, _ := slow.most(); n > 8 {
		t.Errorf("the overtaken lane sent %d, more than the window", n)
	}
	resultsOf(t, b, batch)
}

func TestRevocationIsHonouredWithinAWindow(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	batch := testBatch(1, 100)
	var all []int64
	for _, a := range batch.Attempts {
		all = append(all, a.Notification)
	}
	var revoked sync.Once
	var before int
	p.answer = func(_ context.Context, n int64) (channels.Ack, error) {
		if n >= 1030 {
			revoked.Do(func() {
				if err := b.Revoke(t.Context(), "sms", 1, all); err != nil {
					t.Error(err)
				}
				before, _ = p.most()
			})
		}
		return channels.Ack{}, nil
	}
	if err := process(t.Context(), newTestLane(b, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	results := resultsOf(t, b, batch)
	total, _ := p.most()
	if total > before+8 {
		t.Errorf("%d were sent when all were revoked, and %d in the end", before, total)
	}
	if n := count(results, bus.ResultRevoked); n != 100-total || n == 0 {
		t.Errorf("%d reported as revoked, %d sent", n, total)
	}
}

func TestRevokedBeforeTheClaim(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	batch := testBatch(1, 10)
	if err := b.Revoke(t.Context(), "sms", 1, []int64{1003, 1007}); err != nil {
		t.Fatal(err)
	}
	if err := process(t.Context(), newTestLane(b, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	results := resultsOf(t, b, batch)
	if total, _ := p.most(); total != 8 || results[3].State != bus.ResultRevoked || results[7].State != bus.ResultRevoked {
		t.Errorf("%d sent; 3 is %s, 7 is %s", total, results[3].State, results[7].State)
	}
}

func TestAlienResultsAreLeftOut(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	batch := testBatch(1, 10)
	alien := bus.Record{Batch: 1, Through: 1000, Results: []bus.Result{
		{Index: -1, State: bus.ResultAccepted}, {Index: 10, State: bus.ResultAccepted}, {Index: 1 << 40, State: bus.ResultAccepted},
	}}
	if _, err := b.Append(t.Context(), "sms", alien, 0); err != nil {
		t.Fatal(err)
	}
	lane := newTestLane(b, p, nil)
	if err := process(t.Context(), lane, batch); err != nil {
		t.Fatal(err)
	}
	if n := testutil.ToFloat64(lane.Metrics.aliens); n != 3 {
		t.Errorf("%v alien results counted, want 3", n)
	}
	entries, err := b.Journal(t.Context(), "sms", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, e := range entries[1:] {
		ours += len(e.Results)
	}
	if ours != 10 {
		t.Errorf("%d results for 10 attempts", ours)
	}
}

func TestRevokedInDoubtIsUnknown(t *testing.T) {
	for _, inDoubt := range []notification.InDoubt{notification.LeaveUnknown, notification.Repeat} {
		b, p := bustest.Start(t), newProvider()
		batch := testBatch(1, 20)
		batch.InDoubt = inDoubt
		kill(t, b, p, batch, 1) // the claim is in the journal, results are not
		if err := b.Revoke(t.Context(), "sms", 1, []int64{1000, 1019}); err != nil {
			t.Fatal(err)
		}
		if err := process(t.Context(), newTestLane(b, p, nil), batch); err != nil {
			t.Fatal(err)
		}
		results := resultsOf(t, b, batch)
		if results[0].State != bus.ResultUnknown || p.sent[1000] != 1 {
			t.Errorf("%s: sent and then revoked is %+v, want unknown: nobody may say that it didn't leave", inDoubt, results[0])
		}
		if results[19].State != bus.ResultRevoked || p.sent[1019] != 0 {
			t.Errorf("%s: revoked before it began is %+v", inDoubt, results[19])
		}
	}
}

func TestRevocationDuringATakeoverKeepsDoubts(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	batch := testBatch(1, 20)
	kill(t, b, p, batch, 1)
	tap := &tapped{Bus: b, before: func(n int, _ *bus.Record) error {
		if n != 1 { // the claim, after the journal was read
			return nil
		}
		return b.Revoke(t.Context(), "sms", 1, []int64{1019})
	}}
	if err := process(t.Context(), newTestLane(tap, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	if _, most := p.most(); most != 1 {
		t.Errorf("one was sent %d times", most)
	}
	if n := count(resultsOf(t, b, batch), bus.ResultUnknown); n == 0 {
		t.Error("what was in doubt has been forgotten")
	}
}

// TestAnyCrashes runs a batch through lanes that are killed or stopped at any point, with
// revocations between: in the end every attempt has one result, and doubt was never forgotten.
func TestAnyCrashes(t *testing.T) {
	b := bustest.Start(t)
	id := int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		id++
		p, batch := newProvider(), testBatch(id, rapid.IntRange(1, 40).Draw(rt, "attempts"))
		if rapid.Bool().Draw(rt, "repeat") {
			batch.InDoubt = notification.Repeat
		}
		kills := 0
		for range rapid.IntRange(0, 4).Draw(rt, "crashes") {
			ctx, cancel := context.WithCancel(context.Background())
			at, graceful := rapid.IntRange(0, 8).Draw(rt, "at append"), rapid.Bool().Draw(rt, "graceful")
			revoke := rapid.IntRange(0, 30).Draw(rt, "revoke")
			tap := &tapped{Bus: b, before: func(n int, _ *bus.Record) error {
				switch {
				case n == revoke:
					return b.Revoke(context.Background(), "sms", id, []int64{1000*id + int64(revoke)})
				case n >= at && !graceful:
					return errKilled
				}
				return nil
			}, after: func(n int, _ *bus.Record) {
				if n >= at {
					cancel()
				}
			}}
			if err := process(ctx, newTestLane(tap, p, nil), batch); err != nil && !graceful {
				kills++
			}
			cancel()
		}
		if err := process(context.Background(), newTestLane(b, p, nil), batch); err != nil {
			rt.Fatal(err)
		}
		results := resultsOf(rt, b, batch)
		for i, r := range results {
			sent := p.sent[batch.Attempts[i].Notification]
			switch {
			case r.State == bus.ResultRevoked && sent != 0:
				rt.Fatalf("attempt %d was sent, and reported as revoked", i)
			case r.State == bus.ResultAccepted && sent == 0:
				rt.Fatalf("attempt %d was not sent, and reported as accepted", i)
			case batch.InDoubt == notification.LeaveUnknown && sent > 1:
				rt.Fatalf("attempt %d was sent %d times", i, sent)
			case sent > 1 && r.State == bus.ResultAccepted && !r.Repeat:
				rt.Fatalf("attempt %d was sent %d times and is not marked as repeated", i, sent)
			}
		}
		if n := count(results, bus.ResultUnknown); n > kills*8 {
			rt.Fatalf("%d in doubt after %d kills with a window of 8", n, kills)
		}
		if total, _ := p.most(); total > len(batch.Attempts)+kills*8 {
			rt.Fatalf("%d sent for %d attempts after %d kills", total, len(batch.Attempts), kills)
		}
	})
}
