package lane

import (
	"cmp"
	"context"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Why a message stays that no provider was asked for.
const (
	notRecallable  = "not_recallable"  // by a provider that isn't there any more, or never could
	unknownAddress = "unknown_address" // the directory doesn't have where it went any more
)

// recalls reports whether any of the lane's providers can take messages back.
func (l *Lane) recalls() bool {
	for _, o := range l.outlets {
		if l.Inquiries != nil && o.recalls() {
			return true
		}
	}
	return false
}

func (o *outlet) recalls() bool {
	_, can := o.Sender.(channels.Recaller)
	return can && o.Spec.RecallWithin > 0
}

// answerRecalls has messages taken back, as the channel's queue says, until ctx ends.
func (l *Lane) answerRecalls(ctx context.Context) error {
	return l.serve(ctx, bus.RecallsStream, bus.RecallsConsumer(l.Channel), bus.RecallsSubject(l.Channel), l.recallDocket)
}

// recallDocket is the taking back of the messages of one docket. Each gets an answer.
func (l *Lane) recallDocket(q bus.Inquiries) *docket {
	d := &docket{l: l, q: q, again: func(ctx context.Context, q bus.Inquiries, _ string) error { return l.Inquiries.PublishRecalls(ctx, q) }}
	d.ask = d.recall
	d.late = func(left []bus.Inquiry, why string) {
		for i := range left {
			d.keep(&left[i], why)
		}
	}
	return d
}

// recall has one message taken back. An error says that it may be possible later.
func (d *docket) recall(ctx context.Context, q *bus.Inquiry) *channels.Error {
	o := d.l.recaller(q.Provider)
	switch {
	case o == nil:
		d.keep(q, notRecallable)
		return nil
	case q.Address == "":
		d.keep(q, unknownAddress)
		return nil
	}
	if rest := o.desk.resting(); rest > 0 {
		return &channels.Error{Class: channels.RateLimited, Code: "paused", RetryAfter: rest}
	}
	id := notification.ID{Notification: q.Notification, Step: q.Step, Try: q.Try}
	e := o.ask(ctx, func(ctx context.Context) error {
		return o.Sender.(channels.Recaller).Recall(ctx, channels.Sent{Ref: d.l.Signer.Ref(id), Address: q.Address, ProviderID: q.ProviderID})
	})
	switch {
	case e == nil:
		d.say(q, channels.ReceiptRecalled, "")
	case e.Class == channels.Rejected, e.Class == channels.InvalidAddress:
		d.keep(q, e.Code)
	default:
		if e.Class == channels.RateLimited {
			// Networks bound deletions by themselves, and for long: nothing that is to be sent waits for that.
			o.desk.rest.Store(time.Now().Add(cmp.Or(e.RetryAfter, askAgain)).UnixNano())
		}
		d.l.Metrics.recall(d.l.Channel, o.Name, e.Class.String())
		return e
	}
	return nil
}

// recaller returns the outlet that has a message of the provider named, of the channel's only one where none
// is; nil if it can't take it back.
func (l *Lane) recaller(provider string) *outlet {
	for _, o := range l.outlets {
		if (o.Name == provider || provider == "" && len(l.outlets) == 1) && o.recalls() {
			return o
		}
	}
	return nil
}

// keep answers that a message stays.
func (d *docket) keep(q *bus.Inquiry, code string) { d.say(q, channels.ReceiptKept, code) }

func (d *docket) say(q *bus.Inquiry, s channels.ReceiptState, code string) {
	provider := d.l.answering(q.Provider)
	d.l.Metrics.recall(d.l.Channel, provider, string(s))
	d.answer(provider, bus.Receipt{Notification: q.Notification, Step: q.Step, Try: q.Try, State: s, Code: code})
}

// answering is the provider under whose name an answer is published: the one named, or the first.
func (l *Lane) answering(provider string) string {
	if provider != "" {
		return provider
	}
	return l.outlets[0].Name
}
