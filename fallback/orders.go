package fallback

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// hearOrders carries out operators' orders until ctx ends: the ledger does at once what one transaction
// can do, the rest is left as errands.
func (e *Engine) hearOrders(ctx context.Context) error {
	return e.Bus.Consume(ctx, bus.OrdersStream, "fallback", "", ordersAtOnce, func(m jetstream.Msg) {
		var o ledger.Order
		if err := json.Unmarshal(m.Data(), &o); err != nil {
			e.Log.ErrorContext(ctx, "unreadable order dropped", "subject", m.Subject(), "error", err)
			e.Metrics.unreadable(bus.OrdersStream)
			_ = m.TermWithReason("unreadable")
			return
		}
		if err := e.obey(ctx, o); err != nil && ctx.Err() == nil {
			e.Metrics.failed()
			e.Log.ErrorContext(ctx, "order not carried out, will try again", "order", o.ID, "verb", o.Verb, "error", err)
			_ = m.NakWithDelay(retryAfter)
			return
		}
		_ = m.Ack() // a lost ack brings it again, and it is known
	})
}

const ordersAtOnce = 16

func (e *Engine) obey(ctx context.Context, o ledger.Order) error {
	r, err := e.Ledger.CarryOut(ctx, o, e.Clock.Now())
	if err != nil {
		return err
	}
	e.Metrics.order(o.Verb, r.Refused)
	e.Log.InfoContext(ctx, "order", "verb", o.Verb, "by", o.By, "why", o.Why, "team", r.Team, "incident", r.Incident,
		"update", o.Update, "channel", o.Channel, "refused", r.Refused, "result", r.Result)
	if err := e.holdBack(ctx, &r); err != nil {
		return err
	}
	e.Planned.Wake()
	e.Batches.Wake()
	return nil
}

// holdBack tells the lanes which updates are paused, and which no longer are: what they have in hand they
// give back, and it waits in the ledger.
func (e *Engine) holdBack(ctx context.Context, r *ledger.OrderReport) error {
	if e.Control == nil || r.Refused || (r.Verb != ledger.Pause && r.Verb != ledger.Resume && r.Verb != ledger.Cancel && r.Verb != ledger.Recall) {
		return nil
	}
	s, err := e.Ledger.Incident(ctx, r.Team, r.Incident)
	if err != nil {
		return err
	}
	for _, u := range s.Progress {
		if u.State != ledger.Planning && u.State != ledger.Sending && u.State != ledger.Cancelled {
			continue
		}
		var word []byte
		if (s.Paused || u.Paused) && u.State != ledger.Cancelled {
			word = []byte(r.By)
		}
		if err := e.Control.PutControl(ctx, bus.PausedKey(u.ID), word); err != nil {
			return err
		}
	}
	return nil
}

// errandsAtOnce bounds what one look at errands takes.
const errandsAtOnce = 64

// runErrands does what orders have left to be done, a range of notifications at a time. An errand
// is done only when the lanes have been told. Of recalls, which are of all whom an update told and hurry less
// than what is to be sent, it does one each time.
func (e *Engine) runErrands(ctx context.Context) error {
	recalled := false
	for after := int64(0); ; {
		errands, err := e.Ledger.Errands(ctx, after, errandsAtOnce)
		if err != nil || len(errands) == 0 {
			return err
		}
		after = errands[len(errands)-1].ID
		left, orders := apart(errands)
		if err := e.seeOff(ctx, left); err != nil {
			return err
		}
		for _, er := range orders {
			if er.Verb == ledger.Recall {
				if recalled {
					continue
				}
				recalled = true
			}
			if err := e.runErrand(ctx, er); err != nil {
				return err
			}
		}
	}
}

func (e *Engine) runErrand(ctx context.Context, er ledger.Errand) error {
	if er.Verb == ledger.Recall && !e.mayRecall(ctx, &er) {
		return nil
	}
	err := e.inParts(ctx, span{er.First, er.Last}, func(ctx context.Context, part span) error {
		some := er
		some.First, some.Last = part.first, part.last
		return e.runPart(ctx, some)
	})
	if errors.Is(err, errUntold) && ctx.Err() == nil {
		e.putOff(ctx, &er, err)
		return nil
	}
	if err != nil {
		return err
	}
	done := newFold(e)
	done.out.ErrandsDone = []int64{er.ID}
	return done.apply(ctx)
}

// runPart carries an errand, or a part of one, out.
func (e *Engine) runPart(ctx context.Context, er ledger.Errand) error {
	pending, unsent, err := e.Ledger.Pending(ctx, er)
	if err != nil {
		return err
	}
	f := newFold(e)
	f.tellFirst, f.recallFirst = true, er.Verb == ledger.Recall
	for i := range pending {
		switch n := &pending[i]; er.Verb {
		case ledger.Cancel:
			f.cancel(n, notification.Cancellation, unsent[n.ID])
		case ledger.Recall:
			f.takeBack(n, er.Channel, unsent[n.ID])
		case ledger.Move:
			f.moveOn(n, er.Channel)
		}
	}
	return f.apply(ctx)
}

// cancel stops a notification of an update that was cancelled or recalled. No lane will answer for what was
// never handed to one, and never will be: the engine answers itself.
func (f *fold) cancel(n *notification.Notification, by notification.EventKind, unsent bool) {
	f.event(n, notification.Event{Kind: by})
	if n.Attempt.State != notification.Queued {
		return
	}
	if unsent {
		f.event(n, notification.Event{Kind: notification.ResultRevoked})
	}
	f.stopIfQueued(n)
}

// moveOn has the cascade go on if its attempt waits for a channel.
func (f *fold) moveOn(n *notification.Notification, channel string) {
	if n.Attempt.State == notification.Queued && n.Attempt.Channel == channel {
		f.event(n, notification.Event{Kind: notification.Moved})
	}
}
