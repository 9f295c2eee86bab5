package lane

import (
	"context"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// attempt makes one attempt, at the pace of the channel's providers, and says what became of it. A
// provider that says that nothing went out is followed by the channel's next one; an answer that
// leaves open whether something did ends the attempt. Once a provider has been called, the end of ctx
// no longer matters: the answer is waited for. What v doesn't allow by then is not begun.
func (l *Lane) attempt(ctx context.Context, v *view, b *bus.Batch, i int) bus.Result {
	res := bus.Result{Index: i}
	m, err := l.message(b, i)
	if err != nil {
		return failure(res, &channels.Error{Class: channels.Rejected, Code: "missing_value", Err: err})
	}
	var had tried
	var why refusal
	for {
		o := l.choose(had, b.Last, &why)
		if o == nil {
			return l.giveBack(res, why.err)
		}
		m.Thread = l.thread(o, b.Attempts[i].Threads)
		ack, e := l.try(ctx, o, m, v, b.Attempts[i].Notification)
		switch {
		case e == nil:
			res.State, res.Proof, res.ProviderID = bus.ResultAccepted, ack.Proof, ack.ID
			return l.by(o, res)
		case !unsent(e.Class):
			return l.by(o, failure(res, e))
		case e.Code == codeNotBegun, ctx.Err() != nil:
			return failure(res, e)
		}
		why.add(e)
		had |= l.bit(o)
	}
}

// try gives one provider the message when its turn comes, if v still allows it.
func (l *Lane) try(ctx context.Context, o *outlet, m channels.Message, v *view, notification int64) (channels.Ack, *channels.Error) {
	if e := o.enter(ctx); e != nil {
		return channels.Ack{}, e
	}
	defer o.leave()
	if !v.begin(notification) {
		return channels.Ack{}, notBegun()
	}
	defer v.end()
	return o.send(ctx, m)
}

// unsent reports whether an error of this class says that nothing went out, for no fault of the
// message's: another provider may take it.
func unsent(c channels.Class) bool {
	return c == channels.Auth || c == channels.RateLimited || c == channels.Unavailable
}

// thread is the message among those given that o's provider has, and can reply to; "" if there is none.
// One that names no provider is that of a channel's only one.
func (l *Lane) thread(o *outlet, threads []string) string {
	if !o.Spec.Threads {
		return ""
	}
	for _, t := range threads {
		provider, id := notification.SplitProvider(t)
		if provider == o.Name || provider == "" && len(l.outlets) == 1 {
			return id
		}
	}
	return ""
}

// bit is o's place among the lane's outlets.
func (l *Lane) bit(o *outlet) tried {
	for i := range l.outlets {
		if l.outlets[i] == o {
			return 1 << i
		}
	}
	return 0
}

// by names the provider that answered, where the channel has several.
func (l *Lane) by(o *outlet, res bus.Result) bus.Result {
	if len(l.outlets) > 1 {
		res.Provider = o.Name
	}
	return res
}

// giveBack returns an attempt that no provider took; if that is because the channel is down, it says
// for how long.
func (l *Lane) giveBack(res bus.Result, e *channels.Error) bus.Result {
	res = failure(res, e)
	if since := l.downSince(); !since.IsZero() {
		res.DownFor = max(0, time.Since(since).Milliseconds())
	}
	return res
}

// message personalises attempt i. Where its receipts go depends on the provider that gets it.
func (l *Lane) message(b *bus.Batch, i int) (channels.Message, error) {
	a := &b.Attempts[i]
	m := channels.Message{
		Ref:       l.Signer.Ref(notification.ID{Notification: a.Notification, Step: b.Step, Try: b.Try}),
		Address:   a.Address,
		Locale:    b.Locale,
		UsefulFor: time.Duration(b.UsefulFor) * time.Second,
		Topic:     b.Topic,
		News:      b.Content.News,
	}
	if l.UnsubscribeBase != "" {
		m.Unsubscribe = l.UnsubscribeBase + "/" + l.Signer.LeaveToken(notification.ID{Notification: a.Notification, Step: b.Step})
	}
	content := &b.Content
	if len(a.Values) == 0 && b.Usual != nil {
		content = b.Usual
	}
	var err error
	if m.Text, err = content.Text.Expand(a.Values); err != nil {
		return m, err
	}
	if m.Subject, err = content.Subject.Expand(a.Values); err != nil {
		return m, err
	}
	m.HTML, err = content.HTML.Expand(a.Values)
	return m, err
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
