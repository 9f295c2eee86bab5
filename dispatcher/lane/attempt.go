package lane

import (
	"context"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// attempt makes one attempt, at the lane's pace, and says what became of it. Once the provider has
// been called, the end of ctx no longer matters: the answer is waited for.
func (l *Lane) attempt(ctx context.Context, b *bus.Batch, i int) bus.Result {
	res := bus.Result{Index: i}
	m, err := l.message(b, i)
	if err != nil {
		return failure(res, &channels.Error{Class: channels.Rejected, Code: "missing_value", Err: err})
	}
	if e := l.admit(ctx); e != nil {
		return failure(res, e)
	}
	done, retry := l.breaker.allow()
	if done == nil {
		return failure(res, &channels.Error{Class: channels.Unavailable, Code: "breaker_open", RetryAfter: retry})
	}
	ack, err := l.send(ctx, m)
	if err == nil {
		done(nil)
		res.State, res.Proof, res.ProviderID = bus.ResultAccepted, ack.Proof, ack.ID
		return res
	}
	e := channels.AsError(err)
	done(e)
	if e.Class == channels.RateLimited {
		l.quiet(e.RetryAfter)
	}
	return failure(res, e)
}

// message personalises attempt i.
func (l *Lane) message(b *bus.Batch, i int) (channels.Message, error) {
	a := &b.Attempts[i]
	m := channels.Message{
		Ref:       l.Signer.Ref(notification.ID{Notification: a.Notification, Step: b.Step, Try: b.Try}),
		Address:   a.Address,
		Locale:    b.Locale,
		UsefulFor: time.Duration(b.UsefulFor) * time.Second,
	}
	if l.CallbackBase != "" {
		m.Callback = l.CallbackBase + "/" + m.Ref
	}
	var err error
	if m.Text, err = b.Content.Text.Expand(a.Values); err != nil {
		return m, err
	}
	if m.Subject, err = b.Content.Subject.Expand(a.Values); err != nil {
		return m, err
	}
	m.HTML, err = b.Content.HTML.Expand(a.Values)
	return m, err
}

func (l *Lane) send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Limits.Timeout)
	defer cancel()
	begun := time.Now()
	l.Metrics.sending(l.Channel, 1)
	ack, err := l.Sender.Send(ctx, m)
	l.Metrics.sending(l.Channel, -1)
	l.Metrics.duration(l.Channel, time.Since(begun))
	return ack, err
}

// shortPause is the longest that a lane waits by itself when the provider asks for quiet; beyond it
// attempts are given back, so that the engine can think of something better.
const shortPause = 5 * time.Second

// admit waits for the lane's rate, and for a pause that the provider asked for.
func (l *Lane) admit(ctx context.Context) *channels.Error {
	l.mu.Lock()
	quiet := time.Until(l.pause)
	l.mu.Unlock()
	if quiet > shortPause { // before the rate is asked: what isn't sent must not use it up
		return &channels.Error{Class: channels.RateLimited, Code: "paused", RetryAfter: quiet}
	}
	delay := max(l.limiter.Reserve().Delay(), quiet)
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &channels.Error{Class: channels.Unavailable, Code: stopping, RetryAfter: time.Second}
	}
}

// stopping is the code of an attempt that had not begun when the lane was told to stop.
const stopping = "stopping"

// quiet remembers that the provider asked us to wait.
func (l *Lane) quiet(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(max(d, time.Second)); until.After(l.pause) {
		l.pause = until
	}
}

// failure says what an error means for the attempt.
func failure(res bus.Result, e *channels.Error) bus.Result {
	res.Class, res.Code = e.Class, e.Code
	switch e.Class {
	case channels.InvalidAddress, channels.Rejected:
		res.State = bus.ResultFailed
	case channels.Auth, channels.RateLimited, channels.Unavailable:
		res.State = bus.ResultReturned
		res.RetryAfter = e.RetryAfter.Milliseconds()
	case channels.Unknown:
		res.State = bus.ResultUnknown
	}
	return res
}
