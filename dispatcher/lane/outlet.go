package lane

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/tocsin-dev/tocsin/channels"
)

// Provider is one of the providers behind a channel: an account at a company, with limits of its own.
type Provider struct {
	// Name tells a channel's providers apart, two accounts of the same company too.
	Name   string
	Spec   channels.Spec
	Sender channels.Sender
	Limits channels.Limits
	// Weight is its share of the attempts where any of the channel's providers has one. A provider
	// without is then only given what the others can't take.
	Weight int
	// CallbackBase is the public URL below which this provider's receipts are taken, "" if there is
	// no public URL or the provider sends none.
	CallbackBase string
}

// outlet is a provider at work, with everything that decides whether it can take an attempt now: its
// places, its rate, the pause that it asked for, its breaker, and the fallback engine's word that its
// receipts have stopped. It is safe for concurrent use.
type outlet struct {
	Provider
	channel string
	metrics *Metrics
	gauges  gauges
	limiter *rate.Limiter
	breaker *breaker
	places  chan struct{} // holds one element for each Send under way, or about to be
	hushed  hushed
	desk    *desk                     // where it is asked about messages
	singly  atomic.Pointer[time.Time] // until when it is given nothing in bulk; nil if it always was

	mu    sync.Mutex
	pause time.Time // the provider asked us to be quiet until then
}

func newOutlet(p Provider, channel string, m *Metrics, log *slog.Logger) *outlet {
	limit := rate.Limit(p.Limits.PerSecond)
	if limit == 0 {
		limit = rate.Inf
	}
	m.provider(channel, p.Name)
	return &outlet{
		Provider: p, channel: channel, metrics: m, gauges: m.gauges(channel, p.Name),
		limiter: rate.NewLimiter(limit, max(1, p.Limits.Concurrency)),
		breaker: newBreaker(channel, p.Name, m, log),
		places:  make(chan struct{}, max(1, p.Limits.Concurrency)),
		desk:    newDesk(p.Limits),
	}
}

// refuses says why no attempt may be given to the provider now, and when one may; nil if one may, and
// then the caller should: it may be the one that probes.
func (o *outlet) refuses(now time.Time) *channels.Error {
	if e := o.shut(now); e != nil {
		return e
	}
	if !o.hushed.allows(now) {
		return &channels.Error{Class: channels.Unavailable, Code: codeSilent, RetryAfter: openFor}
	}
	return nil
}

// shut says why nothing goes to the provider for a while, whoever wants it: it fails, or asked for a long pause.
func (o *outlet) shut(now time.Time) *channels.Error {
	if o.breaker.open() {
		return breakerOpen()
	}
	if quiet := o.quietFor(now); quiet > shortPause {
		return &channels.Error{Class: channels.RateLimited, Code: "paused", RetryAfter: quiet}
	}
	return nil
}

// delay is how long the provider's rate, and a short pause that it asked for, keep an attempt waiting.
func (o *outlet) delay(now time.Time) time.Duration {
	quiet := max(0, o.quietFor(now))
	if tokens := o.limiter.TokensAt(now); tokens < 1 && o.limiter.Limit() != rate.Inf {
		return max(quiet, time.Duration((1-tokens)/float64(o.limiter.Limit())*float64(time.Second)))
	}
	return quiet
}

// free reports whether a Send could begin without waiting for another to end.
func (o *outlet) free() bool { return len(o.places) < cap(o.places) }

// enter waits for a place, for the provider's rate and for a pause that it asked for. It fails if ctx
// ends, or if the provider turns out to be shut meanwhile. On nil the caller leaves again.
func (o *outlet) enter(ctx context.Context) *channels.Error {
	select {
	case o.places <- struct{}{}:
	default:
		select {
		case o.places <- struct{}{}:
		case <-ctx.Done():
			return stopping()
		}
	}
	if e := o.shut(time.Now()); e != nil { // before the rate is asked: what isn't sent must not use it up
		o.leave()
		return e
	}
	for delay := max(o.limiter.Reserve().Delay(), o.quietFor(time.Now())); delay > 0; delay = o.quietFor(time.Now()) {
		e := stopping()
		if pause(ctx, delay) {
			e = o.shut(time.Now())
		}
		if e != nil {
			o.leave()
			return e
		}
	}
	return nil
}

// codeSilent is the code of an attempt that a provider is not given because its receipts have stopped.
const codeSilent = "receipts_stopped"

func (o *outlet) leave() { <-o.places }

func breakerOpen() *channels.Error {
	return &channels.Error{Class: channels.Unavailable, Code: "breaker_open", RetryAfter: openFor}
}

// codeStopping is the code of an attempt that had not begun when the lane was told to stop.
const codeStopping = "stopping"

func stopping() *channels.Error {
	return &channels.Error{Class: channels.Unavailable, Code: codeStopping, RetryAfter: time.Second}
}

// send gives the provider one message. Once it has been called, the end of ctx no longer matters: the
// answer is waited for.
func (o *outlet) send(ctx context.Context, m channels.Message) (channels.Ack, *channels.Error) {
	done := o.breaker.allow()
	if done == nil {
		return channels.Ack{}, breakerOpen()
	}
	if o.CallbackBase != "" {
		m.Callback = o.CallbackBase + "/" + m.Ref
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Limits.Timeout)
	defer cancel()
	begun := time.Now()
	o.gauges.inFlight.Inc()
	ack, err := o.Sender.Send(ctx, m)
	o.gauges.inFlight.Dec()
	if err == nil {
		done(nil)
		o.gauges.sent(nil, time.Since(begun))
		return ack, nil
	}
	e := channels.AsError(err)
	done(e)
	o.gauges.sent(e, time.Since(begun))
	if e.Class == channels.RateLimited {
		o.quiet(e.RetryAfter)
	}
	return ack, e
}

// shortPause is the longest that a lane waits by itself when the provider asks for quiet; beyond it
// attempts go elsewhere or are given back, so that the engine can think of something better.
const shortPause = 5 * time.Second

// quiet remembers that the provider asked us to wait.
func (o *outlet) quiet(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if until := time.Now().Add(max(d, time.Second)); until.After(o.pause) {
		o.pause = until
	}
}

func (o *outlet) quietFor(now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pause.Sub(now)
}

// downSince returns since when the provider has been left alone, because it fails or because its
// receipts have stopped; zero if it isn't.
func (o *outlet) downSince() time.Time {
	failing, silent := o.breaker.since(), o.hushed.since()
	if failing.IsZero() || (!silent.IsZero() && silent.Before(failing)) {
		return silent
	}
	return failing
}
