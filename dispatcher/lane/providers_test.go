package lane

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// several makes a lane with the providers given, named a, b, c and so on.
func several(j Journal, change func([]Provider), senders ...*provider) *Lane {
	return newTestLane(j, senders[0], func(o *Options) {
		o.Providers = nil
		for i, s := range senders {
			o.Providers = append(o.Providers, Provider{
				Name: string(rune('a' + i)), Sender: s, Limits: channels.Limits{Concurrency: 4, Timeout: 10 * time.Second},
				CallbackBase: fmt.Sprintf("https://example.com/%c", 'a'+i),
			})
		}
		if change != nil {
			change(o.Providers)
		}
	})
}

func TestFailoverByClass(t *testing.T) {
	for _, tt := range []struct {
		class channels.Class
		next  bool
	}{
		{channels.Unavailable, true}, {channels.RateLimited, true}, {channels.Auth, true},
		{channels.Unknown, false}, {channels.InvalidAddress, false}, {channels.Rejected, false},
	} {
		first, second := answering(&channels.Error{Class: tt.class, Code: "c"}), answering(nil)
		l := several(nil, nil, first, second)
		res := l.attempt(t.Context(), nil, testBatch(1, 1), 0)
		sent, _ := second.most()
		if (sent == 1) != tt.next || (res.State == bus.ResultAccepted) != tt.next {
			t.Errorf("%v: the second provider got %d, the result is %+v", tt.class, sent, res)
		}
		want := "a"
		if tt.next {
			want = "b"
			if first.last.Ref != second.last.Ref || second.last.Callback != "https://example.com/b/"+second.last.Ref {
				t.Errorf("%v: the second provider got %+v after %+v", tt.class, second.last, first.last)
			}
		}
		if res.Provider != want {
			t.Errorf("%v: answered by %q, want %q", tt.class, res.Provider, want)
		}
		if n := testutil.ToFloat64(l.Metrics.sends.WithLabelValues("sms", "a", tt.class.String())); n != 1 {
			t.Errorf("%v: %v answers of the first provider counted", tt.class, n)
		}
	}
}

// TestNoneCan: the result is what asks for the least wait.
func TestNoneCan(t *testing.T) {
	slow := answering(&channels.Error{Class: channels.RateLimited, Code: "slow", RetryAfter: 40 * time.Second})
	slower := answering(&channels.Error{Class: channels.Unavailable, Code: "slower", RetryAfter: time.Minute})
	mute := answering(&channels.Error{Class: channels.Auth, Code: "mute"})
	want := bus.Result{State: bus.ResultReturned, Class: channels.RateLimited, Code: "slow", RetryAfter: 40_000}
	got := several(nil, nil, mute, slower, slow).attempt(t.Context(), nil, testBatch(1, 1), 0)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestInOrderTheFirstThatHasRateLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newProvider(), newProvider()
		l := several(nil, func(ps []Provider) { ps[0].Limits.PerSecond, ps[1].Limits.PerSecond = 10, 5 }, first, second)
		b := testBatch(1, 8+30)
		begun := time.Now()
		for i := range b.Attempts {
			l.attempt(t.Context(), nil, b, i)
		}
		if took := time.Since(begun); took > 2100*time.Millisecond { // 4 + 4 at once, then 15 a second
			t.Errorf("38 attempts took %v at 10 and 5 a second", took)
		}
		if n, _ := first.most(); n < 4+18 || n > 4+21 {
			t.Errorf("the first provider got %d of 38, want two thirds of all but the first 8, and 4", n)
		}
	})
}

func TestBackupIsLeftAloneWhileTheFirstKeepsUp(t *testing.T) {
	b, first, second := bustest.Start(t), newProvider(), newProvider()
	if err := process(t.Context(), several(b, nil, first, second), testBatch(1, 200)); err != nil {
		t.Fatal(err)
	}
	if n, _ := second.most(); n != 0 {
		t.Errorf("the second provider got %d though the first works, and has no rate", n)
	}
}

func TestWeights(t *testing.T) {
	counts := [3]int{}
	senders := []*provider{newProvider(), newProvider(), newProvider()}
	l := several(nil, func(ps []Provider) { ps[0].Weight, ps[1].Weight = 3, 1 }, senders...)
	b := testBatch(1, 1000)
	for i := range b.Attempts {
		l.attempt(t.Context(), nil, b, i)
	}
	for i, s := range senders {
		counts[i], _ = s.most()
	}
	// Four standard deviations of a thousand draws are 55.
	if math.Abs(float64(counts[0]-750)) > 55 || counts[0]+counts[1] != 1000 || counts[2] != 0 {
		t.Errorf("by weights of 3, 1 and none they got %v", counts)
	}
}

// TestSlowProviderHoldsUpNobody: one of two equal providers does not answer at all, and everything
// but what it has places for is sent by the other, over many more batches than are started at once.
func TestSlowProviderHoldsUpNobody(t *testing.T) {
	b, stuck, quick := bustest.Start(t), newProvider(), newProvider()
	release := make(chan struct{})
	stuck.answer = func(context.Context, int64) (channels.Ack, error) { <-release; return channels.Ack{}, nil }
	arrived := make(chan struct{}, 1000)
	quick.answer = func(context.Context, int64) (channels.Ack, error) { arrived <- struct{}{}; return channels.Ack{}, nil }
	const batches, each = 20, 30
	var all []bus.Batch
	for id := range int64(batches) {
		all = append(all, *testBatch(id+1, each))
	}
	if err := b.PublishBatches(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	l := several(b, func(ps []Provider) { ps[0].Weight, ps[1].Weight = 1, 1 }, stuck, quick)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	for range batches*each - cap(l.outlets[0].places) {
		<-arrived
	}
	close(release)
	waitForQueue(t, b, 0)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	for i := range all {
		resultsOf(t, b, &all[i])
	}
}

// TestAcceptedByOneAtMost: whatever providers answer, one try is accepted by one of them at most, and
// none is asked after one that may have sent it.
func TestAcceptedByOneAtMost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const attempts = 12
		type asked struct {
			mayHaveGone bool
			times       int
		}
		log := map[int64]*asked{}
		var senders []*provider
		for range rapid.IntRange(1, 4).Draw(rt, "providers") {
			p := newProvider()
			p.answer = func(_ context.Context, n int64) (channels.Ack, error) {
				a := log[n]
				if a == nil {
					a = &asked{}
					log[n] = a
				}
				if a.mayHaveGone {
					rt.Fatalf("attempt %d was given to another provider after one that may have sent it", n)
				}
				a.times++
				class := rapid.IntRange(-1, 5).Draw(rt, "class")
				a.mayHaveGone = class < 0 || class == int(channels.Unknown)
				if class < 0 {
					return channels.Ack{}, nil
				}
				return channels.Ack{}, &channels.Error{Class: channels.Class(class), Code: "c", RetryAfter: time.Hour}
			}
			senders = append(senders, p)
		}
		weighted := rapid.Bool().Draw(rt, "weighted")
		l := several(nil, func(ps []Provider) {
			for i := range ps {
				if weighted {
					ps[i].Weight = i + 1
				}
			}
		}, senders...)
		b := testBatch(1, attempts)
		for i := range b.Attempts {
			res := l.attempt(context.Background(), nil, b, i)
			a := log[b.Attempts[i].Notification]
			gone := a != nil && a.mayHaveGone
			if said := res.State == bus.ResultAccepted || res.State == bus.ResultUnknown; said != gone {
				rt.Fatalf("attempt %d: %+v, and a provider may have sent it: %v", i, res, gone)
			}
			if a != nil && a.times > len(senders) {
				rt.Fatalf("attempt %d was given to %d of %d providers", i, a.times, len(senders))
			}
		}
	})
}

func TestChannelDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &channels.Error{Class: channels.Unavailable, Code: "down"}
		first, second := answering(down), answering(down)
		l := several(nil, func(ps []Provider) { ps[0].Limits.PerSecond, ps[1].Limits.PerSecond = 1, 1 }, first, second)
		b := testBatch(1, 1)
		for range 2 * tripAfter {
			l.attempt(t.Context(), nil, b, 0)
		}
		time.Sleep(2 * time.Minute)
		l.attempt(t.Context(), nil, b, 0) // probes, and fails
		begun := time.Now()
		for range 1000 {
			res := l.attempt(t.Context(), nil, b, 0)
			if res.State != bus.ResultReturned || res.DownFor < (2*time.Minute).Milliseconds() || res.Provider != "" {
				t.Fatalf("with all breakers open: %+v", res)
			}
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("a thousand attempts were given back in %v, want at once", took)
		}
		second.answer = nil
		time.Sleep(openFor + time.Second)
		if res := l.attempt(t.Context(), nil, b, 0); res.State != bus.ResultAccepted || res.Provider != "b" || res.DownFor != 0 {
			t.Errorf("one provider works again: %+v", res)
		}
		first.answer, second.answer = answering(down).answer, answering(down).answer
		if res := l.attempt(t.Context(), nil, b, 0); res.DownFor != 0 {
			t.Errorf("one breaker is closed, yet the channel is down: %+v", res)
		}
	})
}

// say gives the lane the engine's word on a provider.
func say(l *Lane, name, value string) { l.hear(bus.HealthKey("sms", name), []byte(value)) }

func TestProviderWhoseReceiptsStoppedIsProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent, other := newProvider(), newProvider()
		l := several(nil, nil, silent, other)
		say(l, "a", `{"state":"open","since":"2026-11-22T10:00:00Z","why":"w"}`)
		say(l, "b", `nonsense`)
		b := testBatch(1, 1)
		for range 1000 { // ten seconds of them
			l.attempt(t.Context(), nil, b, 0)
			time.Sleep(10 * time.Millisecond)
		}
		if n, _ := silent.most(); n < 9 || n > 11 {
			t.Errorf("the silent provider got %d of 1000 in ten seconds, want one a second", n)
		}
		before, _ := silent.most()
		for range 20 { // little traffic
			time.Sleep(20 * time.Second)
			l.attempt(t.Context(), nil, b, 0)
		}
		if n, _ := silent.most(); n-before < 8 || n-before > 11 {
			t.Errorf("the silent provider got %d of 20 in 400 seconds, want about one in 30 seconds", n-before)
		}
		say(l, "a", `{"state":"closed","since":"2026-11-22T11:00:00Z"}`)
		before, _ = other.most()
		for range 100 {
			l.attempt(t.Context(), nil, b, 0)
		}
		if after, _ := other.most(); after != before {
			t.Errorf("the provider is heard of again, and %d went past it", after-before)
		}
	})
}

func TestOnlyProviderSilentIsADownChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLane(nil, newProvider(), nil)
		since := time.Now().Add(-3 * time.Minute)
		say(l, "acme", fmt.Sprintf(`{"state":"open","since":%q}`, since.Format(time.RFC3339Nano)))
		res := l.attempt(t.Context(), nil, testBatch(1, 1), 0)
		want := bus.Result{
			State: bus.ResultReturned, Class: channels.Unavailable, Code: "receipts_stopped",
			RetryAfter: openFor.Milliseconds(), DownFor: (3 * time.Minute).Milliseconds(),
		}
		if d := cmp.Diff(want, res); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		say(l, "acme", "") // the key was deleted
		if res := l.attempt(t.Context(), nil, testBatch(1, 1), 0); res.State != bus.ResultAccepted {
			t.Errorf("nothing is said of it any more: %+v", res)
		}
	})
}

// blind is a control bucket that can be seen once, and then not any more.
type blind struct{ seen, lost chan struct{} }

func (b blind) Watch(ctx context.Context, keys []string, each func(string, []byte)) error {
	if slices.Contains(keys, bus.PausedKeys) {
		<-ctx.Done()
		return nil
	}
	each(bus.HealthKey("sms", "acme"), []byte(`{"state":"open","since":"2026-11-22T10:00:00Z"}`))
	b.seen <- struct{}{}
	<-b.lost
	return fmt.Errorf("%s can't be seen", keys)
}

func (blind) PutControl(context.Context, string, []byte) error { return nil }

// idle is a bus with nothing in its queues.
type idle struct{ memory }

func (*idle) Consume(ctx context.Context, _, _, _ string, _ int, _ func(jetstream.Msg)) error {
	<-ctx.Done()
	return nil
}

func TestLaneThatSeesNothingGoesByItsOwnBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		control := blind{make(chan struct{}), make(chan struct{})}
		l := newTestLane(&idle{}, newProvider(), func(o *Options) { o.Control = control })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		<-control.seen
		if res := l.attempt(t.Context(), nil, testBatch(1, 1), 0); res.Code != "receipts_stopped" {
			t.Errorf("while it sees the word: %+v", res)
		}
		close(control.lost)
		synctest.Wait()
		if res := l.attempt(t.Context(), nil, testBatch(1, 1), 0); res.State != bus.ResultAccepted {
			t.Errorf("when it can't see it any more: %+v", res)
		}
		<-control.seen // it looks again
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestWordsFromTheBus sends a word over a real bucket, and takes the lane through what follows.
func TestWordsFromTheBus(t *testing.T) {
	b := bustest.Start(t)
	key := bus.HealthKey("sms", "acme")
	if err := b.PutControl(t.Context(), key, []byte(`{"state":"open","since":"2026-11-22T10:00:00Z"}`)); err != nil {
		t.Fatal(err)
	}
	l := newTestLane(b, newProvider(), func(o *Options) { o.Control = b })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	until(t, "the word is seen", l.outlets[0].hushed.is)
	if err := b.PutControl(t.Context(), key, []byte(`{"state":"closed"}`)); err != nil {
		t.Fatal(err)
	}
	until(t, "it is taken back", func() bool { return !l.outlets[0].hushed.is() })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not in 30 s: %s", what)
		}
	}
}

// TestDoubtIsNotRepeatedAtAnother: an idempotent provider recognises what it has had, another doesn't.
func TestDoubtIsNotRepeatedAtAnother(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	batch := testBatch(1, 20)
	batch.InDoubt = notification.LeaveUnknown
	kill(t, b, p, batch, 1)
	l := several(b, func(ps []Provider) { ps[0].Spec.Idempotent, ps[1].Spec.Idempotent = true, true }, p, newProvider())
	if err := process(t.Context(), l, batch); err != nil {
		t.Fatal(err)
	}
	if n := count(resultsOf(t, b, batch), bus.ResultUnknown); n == 0 {
		t.Error("what was in doubt was sent again, where another provider could have got it")
	}
}
