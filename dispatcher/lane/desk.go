package lane

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/tocsin-dev/tocsin/channels"
)

// How providers are asked, about messages or for messages back. Asking has a pace and places of its own, so
// that it never takes those of sending: as many a second as messages, since where no receipt comes there are
// as many to ask about, but few at once, and none while the provider asked for quiet or is left alone.
const (
	// askShare is how many of an outlet's places asking may use beside them: one for so many.
	askShare = 8
	// askUnlimited is how many are asked a second of a provider that takes any number of messages.
	askUnlimited = 100
	// askTakes is how long an answer is thought to take.
	askTakes = 100 * time.Millisecond
)

// AskRate is about how many messages a second a provider of these limits is asked about, if each answer
// takes as long as askTakes.
func AskRate(l channels.Limits) float64 {
	d := newDesk(l)
	return min(float64(d.limiter.Limit()), float64(cap(d.places))/askTakes.Seconds())
}

// desk is where one provider is asked. It is safe for concurrent use.
type desk struct {
	limiter *rate.Limiter
	places  chan struct{}
	// rest is until when, in Unix nanoseconds, nothing is to be taken back.
	rest atomic.Int64
}

// resting says for how long nothing is to be taken back still.
func (d *desk) resting() time.Duration { return max(0, time.Until(time.Unix(0, d.rest.Load()))) }

func newDesk(l channels.Limits) *desk {
	limit := rate.Limit(l.PerSecond)
	if limit == 0 {
		limit = askUnlimited
	}
	n := max(1, l.Concurrency/askShare)
	return &desk{limiter: rate.NewLimiter(limit, n), places: make(chan struct{}, n)}
}

// ask asks one provider when its turn comes.
func (o *outlet) ask(ctx context.Context, question func(context.Context) error) *channels.Error {
	if o.breaker.open() {
		return breakerOpen()
	}
	if quiet := o.quietFor(time.Now()); quiet > 0 {
		return &channels.Error{Class: channels.RateLimited, Code: "paused", RetryAfter: quiet}
	}
	select {
	case o.desk.places <- struct{}{}:
	case <-ctx.Done():
		return stopping()
	}
	defer func() { <-o.desk.places }()
	if o.desk.limiter.Wait(ctx) != nil {
		return stopping()
	}
	ctx, cancel := context.WithTimeout(ctx, o.Limits.Timeout)
	defer cancel()
	if err := question(ctx); err != nil {
		return channels.AsError(err)
	}
	return nil
}
