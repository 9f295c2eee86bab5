package lane

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// answering is a provider that answers with one error, nil for none.
func answering(e *channels.Error) *provider {
	p := newProvider()
	p.answer = func(context.Context, int64) (channels.Ack, error) {
		if e != nil {
			return channels.Ack{}, e
		}
		return channels.Ack{ID: "id", Proof: channels.Delivered}, nil
	}
	return p
}

func TestAttemptResults(t *testing.T) {
	fail := func(s bus.ResultState, c channels.Class) bus.Result {
		return bus.Result{State: s, Class: c, Code: "c"}
	}
	returned := fail(bus.ResultReturned, channels.RateLimited)
	returned.RetryAfter = 2000
	for _, tt := range []struct {
		err  *channels.Error
		want bus.Result
	}{
		{nil, bus.Result{State: bus.ResultAccepted, Proof: channels.Delivered, ProviderID: "id"}},
		{&channels.Error{Class: channels.InvalidAddress, Code: "c"}, fail(bus.ResultFailed, channels.InvalidAddress)},
		{&channels.Error{Class: channels.Rejected, Code: "c"}, fail(bus.ResultFailed, channels.Rejected)},
		{&channels.Error{Class: channels.Auth, Code: "c"}, fail(bus.ResultReturned, channels.Auth)},
		{&channels.Error{Class: channels.Unavailable, Code: "c"}, fail(bus.ResultReturned, channels.Unavailable)},
		{&channels.Error{Class: channels.RateLimited, Code: "c", RetryAfter: 2 * time.Second}, returned},
		{&channels.Error{Class: channels.Unknown, Code: "c"}, fail(bus.ResultUnknown, channels.Unknown)},
	} {
		got := newTestLane(nil, answering(tt.err), nil).attempt(t.Context(), nil, testBatch(1, 1), 0)
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%v (-want +got):\n%s", tt.err, d)
		}
	}
	p := newProvider()
	p.answer = func(context.Context, int64) (channels.Ack, error) { return channels.Ack{}, errors.New("?") }
	if got := newTestLane(nil, p, nil).attempt(t.Context(), nil, testBatch(1, 1), 0); got.State != bus.ResultUnknown {
		t.Errorf("an error of no class: %+v, want unknown", got)
	}
}

func TestMessage(t *testing.T) {
	b := testBatch(3, 2)
	b.Step, b.Try, b.Locale, b.UsefulFor = 1, 2, "ro", 90
	name := notification.Segments{{Literal: "Dear "}, {Placeholder: "name"}}
	b.Content = notification.Content{Subject: notification.Literal("s"), Text: name, HTML: notification.Segments{{Placeholder: "name", HTML: true}}}
	b.Attempts[0].Values = map[string]string{"name": "A&B"}
	p := newProvider()
	l := newTestLane(nil, p, func(o *Options) {
		o.Providers[0].CallbackBase, o.UnsubscribeBase = "https://example.com/hooks/sms", "https://example.com/leave"
	})
	if res := l.attempt(t.Context(), nil, b, 0); res.State != bus.ResultAccepted {
		t.Fatalf("attempt: %+v", res)
	}
	ref := p.signer.Ref(notification.ID{Notification: 3000, Step: 1, Try: 2})
	want := channels.Message{
		Ref: ref, Address: "+1", Locale: "ro", Subject: "s", Text: "Dear A&B", HTML: "A&amp;B",
		Callback:    "https://example.com/hooks/sms/" + ref,
		Unsubscribe: "https://example.com/leave/" + p.signer.LeaveToken(notification.ID{Notification: 3000, Step: 1}),
		UsefulFor:   90 * time.Second,
	}
	if d := cmp.Diff(want, p.last); d != "" {
		t.Errorf("message (-want +got):\n%s", d)
	}
	if res := l.attempt(t.Context(), nil, b, 1); res.State != bus.ResultFailed || res.Code != "missing_value" {
		t.Errorf("an attempt without its value: %+v", res)
	}
	if total, _ := p.most(); total != 1 {
		t.Error("a message with a hole was sent")
	}
}

// TestThread: a provider is only given the id of a message of its own.
func TestThread(t *testing.T) {
	for name, tt := range map[string]struct {
		threads   []string
		one, a, b string
	}{
		"nothing":             {},
		"the only provider":   {threads: []string{"1"}, one: "1"},
		"of several":          {threads: []string{"b|1", "a|2"}, a: "2", b: "1"},
		"of another":          {threads: []string{"c|1"}},
		"of one among others": {threads: []string{"acme|1"}, one: "1"},
	} {
		b := testBatch(1, 1)
		b.Attempts[0].Threads = tt.threads
		threads := func(p *Provider) { p.Spec.Threads = true }
		one := newProvider()
		newTestLane(nil, one, func(o *Options) { threads(&o.Providers[0]) }).attempt(t.Context(), nil, b, 0)
		down, second := answering(&channels.Error{Class: channels.Unavailable, Code: "c"}), newProvider()
		several(nil, func(ps []Provider) { threads(&ps[0]); threads(&ps[1]) }, down, second).attempt(t.Context(), nil, b, 0)
		without := newProvider()
		newTestLane(nil, without, nil).attempt(t.Context(), nil, b, 0)
		if one.last.Thread != tt.one || down.last.Thread != tt.a || second.last.Thread != tt.b || without.last.Thread != "" {
			t.Errorf("%s: alone %q, first %q, second %q, without threads %q",
				name, one.last.Thread, down.last.Thread, second.last.Thread, without.last.Thread)
		}
	}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLane(nil, newProvider(), func(o *Options) { o.Providers[0].Limits.PerSecond, o.Providers[0].Limits.Concurrency = 10, 2 })
		b := testBatch(1, 22)
		begun := time.Now()
		for i := range b.Attempts {
			if res := l.attempt(t.Context(), nil, b, i); res.State != bus.ResultAccepted {
				t.Fatalf("attempt %d: %+v", i, res)
			}
		}
		if took := time.Since(begun); took != 2*time.Second { // 2 at once, then 10 a second
			t.Errorf("22 attempts at 10 a second took %v, want 2s", took)
		}
	})
}

func TestRateLimitEndsWithTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		l := newTestLane(nil, p, func(o *Options) { o.Providers[0].Limits.PerSecond, o.Providers[0].Limits.Concurrency = 0.01, 1 })
		ctx, cancel := context.WithCancel(t.Context())
		b := testBatch(1, 2)
		l.attempt(ctx, nil, b, 0)
		go cancel()
		if res := l.attempt(ctx, nil, b, 1); res.State != bus.ResultReturned || res.Code != "stopping" {
			t.Errorf("an attempt that waits when the lane stops: %+v, want it returned", res)
		}
		if total, _ := p.most(); total != 1 {
			t.Errorf("%d sent, want 1", total)
		}
	})
}

func TestProviderAsksForQuiet(t *testing.T) {
	for _, tt := range []struct{ retryAfter, waits time.Duration }{
		{0, time.Second},
		{3 * time.Second, 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := answering(&channels.Error{Class: channels.RateLimited, Code: "429", RetryAfter: tt.retryAfter})
			l := newTestLane(nil, p, nil)
			l.attempt(t.Context(), nil, testBatch(1, 1), 0)
			begun := time.Now()
			l.attempt(t.Context(), nil, testBatch(1, 1), 0)
			if waited := time.Since(begun); waited != tt.waits {
				t.Errorf("asked to wait %v, waited %v", tt.retryAfter, waited)
			}
		})
	}
}

func TestLongQuietGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := answering(&channels.Error{Class: channels.RateLimited, Code: "429", RetryAfter: time.Minute})
		l := newTestLane(nil, p, nil)
		l.attempt(t.Context(), nil, testBatch(1, 1), 0)
		want := bus.Result{State: bus.ResultReturned, Class: channels.RateLimited, Code: "paused", RetryAfter: 60_000}
		if d := cmp.Diff(want, l.attempt(t.Context(), nil, testBatch(1, 1), 0)); d != "" {
			t.Errorf("during a long pause (-want +got):\n%s", d)
		}
		time.Sleep(time.Minute)
		l.attempt(t.Context(), nil, testBatch(1, 1), 0)
		if total, _ := p.most(); total != 2 {
			t.Errorf("%d sent, want the first and the one after the pause", total)
		}
	})
}

// TestLongQuietUsesUpNoRate: what is given back during a pause was not sent, and owes the rate nothing.
func TestLongQuietUsesUpNoRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := answering(&channels.Error{Class: channels.RateLimited, Code: "429", RetryAfter: time.Minute})
		l := newTestLane(nil, p, func(o *Options) { o.Providers[0].Limits.PerSecond, o.Providers[0].Limits.Concurrency = 1, 1 })
		for range 500 {
			l.attempt(t.Context(), nil, testBatch(1, 1), 0)
		}
		time.Sleep(time.Minute)
		begun := time.Now()
		l.attempt(t.Context(), nil, testBatch(1, 1), 0)
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("the first attempt after the pause waited %v", waited)
		}
	})
}

func TestBreaker(t *testing.T) {
	for _, class := range []channels.Class{channels.Unavailable, channels.Unknown, channels.Auth} {
		synctest.Test(t, func(t *testing.T) {
			down := true
			p := newProvider()
			p.answer = func(context.Context, int64) (channels.Ack, error) {
				if down {
					return channels.Ack{}, &channels.Error{Class: class, Code: "down"}
				}
				return channels.Ack{}, nil
			}
			l := newTestLane(nil, p, nil)
			try := func() bus.Result { return l.attempt(t.Context(), nil, testBatch(1, 1), 0) }
			for range tripAfter {
				try()
			}
			for range 20 {
				want := bus.Result{State: bus.ResultReturned, Class: channels.Unavailable, Code: "breaker_open", RetryAfter: openFor.Milliseconds()}
				if d := cmp.Diff(want, try()); d != "" {
					t.Fatalf("with the breaker open (-want +got):\n%s", d)
				}
			}
			if total, _ := p.most(); total != tripAfter {
				t.Errorf("%v: the provider was called %d times, want %d", class, total, tripAfter)
			}
			time.Sleep(openFor + time.Second)
			if res := try(); res.Code != "down" {
				t.Errorf("%v: after a while nothing probed: %+v", class, res)
			}
			if res := try(); res.Code != "breaker_open" {
				t.Errorf("%v: one failed probe should open it again: %+v", class, res)
			}
			down = false
			time.Sleep(openFor + time.Second)
			for range 3 {
				if res := try(); res.State != bus.ResultAccepted {
					t.Errorf("%v: the provider works again, yet: %+v", class, res)
				}
			}
		})
	}
}

func TestBreakerSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		refused := &channels.Error{Class: channels.Auth, Code: "20003", Err: errors.New("for +37369000000")}
		p, down := newProvider(), true
		p.answer = func(context.Context, int64) (channels.Ack, error) {
			if down {
				return channels.Ack{}, refused
			}
			return channels.Ack{}, nil
		}
		l := newTestLane(nil, p, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&said, nil)) })
		for range 3 * tripAfter {
			l.attempt(t.Context(), nil, testBatch(1, 1), 0)
			time.Sleep(time.Second) // over several probes
		}
		down = false
		time.Sleep(openFor)
		l.attempt(t.Context(), nil, testBatch(1, 1), 0)
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "credentials") || !strings.Contains(lines[0], "code=20003") ||
			!strings.Contains(lines[1], "works again") || strings.Contains(said.String(), "+373") {
			t.Errorf("the log says:\n%s", said.String())
		}
	})
}

func TestBreakerIsNotForSingleMessages(t *testing.T) {
	for _, class := range []channels.Class{channels.InvalidAddress, channels.Rejected} {
		p := answering(&channels.Error{Class: class, Code: "c"})
		l := newTestLane(nil, p, nil)
		for range 4 * tripAfter {
			l.attempt(t.Context(), nil, testBatch(1, 1), 0)
		}
		if total, _ := p.most(); total != 4*tripAfter {
			t.Errorf("%v: called %d times of %d", class, total, 4*tripAfter)
		}
	}
}
