package fallback

import (
	"context"
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// apart sorts errands into those that withdrawals have left, and those of operators' orders.
func apart(errands []ledger.Errand) (left, orders []ledger.Errand) {
	for _, er := range errands {
		if er.Verb == ledger.Withdrawn {
			left = append(left, er)
		} else {
			orders = append(orders, er)
		}
	}
	return left, orders
}

// seeOff stops what is queued for recipients on channels that they have left, and has their cascades go
// on: all of them in one transaction, or one by one where others change the same notifications.
func (e *Engine) seeOff(ctx context.Context, errands []ledger.Errand) error {
	if len(errands) == 0 {
		return nil
	}
	err := e.stopUnwanted(ctx, errands)
	if !errors.Is(err, ledger.ErrConflict) || len(errands) == 1 {
		return err
	}
	e.Metrics.conflict()
	middle := len(errands) / 2
	if err := e.seeOff(ctx, errands[:middle]); err != nil {
		return err
	}
	return e.seeOff(ctx, errands[middle:])
}

// stopUnwanted looks at the consents as they are now: what was withdrawn may have been given back. The
// lanes are told before the ledger: should this end in between, a lane gives back what it was told to
// stop, and it is not queued again without consent; the other way round it would be sent.
func (e *Engine) stopUnwanted(ctx context.Context, errands []ledger.Errand) error {
	queued, consents, err := e.queuedFor(ctx, errands)
	if err != nil {
		return err
	}
	f, done := newFold(e), newFold(e)
	f.tellFirst = true
	for i := range queued {
		n := &queued[i]
		if r := consents[n.Recipient]; r != nil && e.Rules.Usable(&r.Recipient, n.Attempt.Channel) == notification.NoConsent {
			f.event(n, notification.Event{Kind: notification.Withdrawal, Code: string(notification.NoConsent)})
		}
	}
	if err := f.apply(ctx); err != nil {
		return err
	}
	for _, er := range errands {
		done.out.ErrandsDone = append(done.out.ErrandsDone, er.ID)
	}
	return done.apply(ctx)
}

// queuedFor reads what is queued for the recipients of errands, and their consents.
func (e *Engine) queuedFor(ctx context.Context, errands []ledger.Errand) ([]notification.Notification, map[int64]*ledger.Recipient, error) {
	var numbers []int64
	for _, er := range errands {
		for n := er.First; n <= er.Last; n++ {
			numbers = append(numbers, n)
		}
	}
	queued, err := e.Ledger.QueuedFor(ctx, numbers)
	if err != nil || len(queued) == 0 {
		return nil, nil, err
	}
	rs, err := e.Ledger.RecipientsByNumber(ctx, numbers)
	byNumber := make(map[int64]*ledger.Recipient, len(rs))
	for i := range rs {
		byNumber[rs[i].Number] = &rs[i]
	}
	return queued, byNumber, err
}
