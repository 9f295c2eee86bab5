package fallback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// recall stops what has not left, and has every message taken back that a provider has, or may turn out to
// have. Ordered again, it asks again where no answer came.
func (d *decision) recall() {
	n := &d.Notification
	if n.Attempt.State == notification.NoAttempt {
		return
	}
	if then := notification.Next(n.Attempt.State, d.ev.Kind).Then; then == notification.MarkStop && n.Outcome == notification.Open {
		d.markStop()
	}
	n.Past = append([]notification.Attempt(nil), n.Past...)
	for i := range n.Past {
		d.wantBack(&n.Past[i])
	}
	d.wantBack(&n.Attempt)
}

// wantBack has an attempt's message taken back, if its channel ever can.
func (d *decision) wantBack(a *notification.Attempt) {
	if d.policy.Channels[a.Channel].RecallWithin == 0 || a.Recall > notification.RecallAsked {
		return
	}
	if a.Recall == notification.NotRecalled {
		a.Recall, d.Changed = notification.RecallWanted, true
	}
	d.askBack(a)
}

// askBack asks for a message whose recall is wanted, once its provider is known to have it.
func (d *decision) askBack(a *notification.Attempt) {
	if !a.CanBeRecalled() {
		return
	}
	if a.Recall == notification.RecallWanted {
		a.Recall, d.Changed = notification.RecallAsked, true
	}
	d.Recall = append(d.Recall, a.Step)
}

// recalled keeps a provider's first answer. It may come before the ledger has what was asked, if the
// engine died in between.
func (d *decision) recalled() {
	n := &d.Notification
	a := &n.Attempt
	if i, past := pastAttempt(n, d.ev); past {
		n.Past = append([]notification.Attempt(nil), n.Past...)
		a = &n.Past[i]
	} else if n.Attempt.State == notification.NoAttempt || d.ev.Attempt.Step != n.Attempt.Step {
		return
	}
	if !a.Took || a.Recall >= notification.RecallKept {
		return
	}
	a.Recall, d.Changed = notification.Recalled, true
	if d.ev.Kind == notification.ReceiptKept {
		a.Recall = notification.RecallKept
	}
}

// asked is a message that its provider is to be asked to take back.
type asked struct {
	notification int64
	update       int64
	attempt      notification.Attempt
	to           ledger.SentTo
}

// askBack notes what a change has taken back.
func (f *fold) askBack(c *Change) {
	n := &c.Notification
	for _, step := range c.Recall {
		a := attemptAt(n, step)
		f.recalls = append(f.recalls, asked{n.ID, n.Update, *a, ledger.SentTo{Recipient: n.Recipient, Channel: a.Channel, Batch: a.Batch}})
	}
}

// errUntold says that lanes can't be told of recalls: there is no room, or NATS doesn't take them.
var errUntold = errors.New("lanes can't be told of recalls")

// How long recalls wait where lanes could not be told of them, of machine time: for room, and for a NATS that
// doesn't answer, since that takes seconds to find out, in which nothing else is done.
const (
	roomAfter   = 5 * time.Second
	answerAfter = time.Minute
)

// mayRecall reports whether lanes can be told of what an errand takes back, as far as is known. Nothing but
// recalls waits for that.
func (e *Engine) mayRecall(ctx context.Context, er *ledger.Errand) bool {
	if time.Now().Before(e.untold) {
		return false
	}
	if e.Inquiries == nil {
		return true
	}
	if err := e.Inquiries.RoomForRecalls(ctx); err != nil {
		e.putOff(ctx, er, err)
		return false
	}
	return true
}

// putOff has recalls wait for a while.
func (e *Engine) putOff(ctx context.Context, er *ledger.Errand, err error) {
	wait := answerAfter
	if errors.Is(err, bus.ErrFull) {
		wait = roomAfter
	}
	e.untold = time.Now().Add(wait)
	e.Log.WarnContext(ctx, "a recall waits until lanes can be told of it, and nothing else waits for that", "update", er.Update, "error", err)
}

// takeBack has a notification's messages taken back: of an errand that a fold has left those that it could
// not tell a channel's lane of, of an order's all.
func (f *fold) takeBack(n *notification.Notification, channel string, unsent bool) {
	if channel == "" || owed(n, channel) {
		f.cancel(n, notification.RecallOrdered, unsent)
	}
}

// owed reports whether a channel's lane is still to be told of a message that its provider has.
func owed(n *notification.Notification, channel string) bool {
	for a := range n.Attempts() {
		if a.Channel == channel && a.Recall == notification.RecallWanted && a.CanBeRecalled() {
			return true
		}
	}
	return false
}

// recall tells the lanes what to take back, before the ledger has that they were told: should the engine die
// in between, they are told again, and what is gone by then is gone.
func (f *fold) recall(ctx context.Context) error {
	if len(f.recalls) == 0 {
		return nil
	}
	if f.e.Inquiries == nil {
		f.wantStill(f.recalls)
		return nil
	}
	slices.SortFunc(f.recalls, func(a, b asked) int {
		return cmp.Or(cmp.Compare(a.to.Channel, b.to.Channel), cmp.Compare(a.notification, b.notification), cmp.Compare(a.attempt.Step, b.attempt.Step))
	})
	if !f.recallFirst && time.Now().Before(f.e.untold) {
		f.leave(f.recalls)
		return nil
	}
	told, err := f.tell(ctx)
	if err != nil && !f.recallFirst && ctx.Err() == nil && errors.Is(err, errUntold) {
		f.e.putOff(ctx, &ledger.Errand{Update: f.recalls[told].update}, err)
		f.leave(f.recalls[told:])
		return nil
	}
	f.recalls = nil
	return err
}

// tell tells the lanes, in their order, and returns of how many of the recalls they have been told.
func (f *fold) tell(ctx context.Context) (told int, err error) {
	to := make([]ledger.SentTo, len(f.recalls))
	for i := range f.recalls {
		to[i] = f.recalls[i].to
	}
	addresses, err := f.e.Ledger.AddressesSent(ctx, to)
	if err != nil {
		return 0, err
	}
	for told < len(to) {
		until := told + 1
		for until < len(to) && until-told < bus.MaxRecalls && to[until].Channel == to[told].Channel {
			until++
		}
		if err := f.tellLane(ctx, f.recalls[told:until], addresses[told:until]); err != nil {
			return told, fmt.Errorf("%w: %w", errUntold, err)
		}
		told = until
	}
	return told, nil
}

// tellLane has a channel's lane take messages back, for as long as their provider can.
func (f *fold) tellLane(ctx context.Context, some []asked, addresses []string) error {
	channel := some[0].to.Channel
	within := min(f.e.Policy.Channels[channel].RecallWithin, bus.RecallsAge)
	q := bus.Inquiries{Channel: channel, Until: time.Now().UTC().Add(within)}
	for i := range some {
		a := &some[i].attempt
		provider, id := f.e.named(a)
		q.Inquiries = append(q.Inquiries, bus.Inquiry{
			Notification: some[i].notification, Step: a.Step, Try: a.Try, Provider: provider, ProviderID: id, Address: addresses[i],
		})
	}
	err := f.e.Inquiries.PublishRecalls(ctx, q)
	f.e.Metrics.recalled(channel, len(some), err == nil)
	return err
}

// leave has messages be asked for later that lanes can't be told of now: what the fold is about doesn't wait
// for that.
func (f *fold) leave(some []asked) {
	f.wantStill(some)
	for i := range some {
		x := &some[i]
		if n := len(f.out.Errands); n > 0 {
			e := &f.out.Errands[n-1]
			if e.Update == x.update && e.Channel == x.to.Channel && x.notification < e.First+ledger.ErrandSize {
				e.Last = x.notification
				continue
			}
		}
		f.out.Errands = append(f.out.Errands, ledger.Errand{
			Verb: ledger.Recall, Update: x.update, Channel: x.to.Channel, First: x.notification, Last: x.notification,
		})
	}
}

// wantStill notes of messages that nobody was asked for them.
func (f *fold) wantStill(some []asked) {
	for i := range some {
		j, changed := slices.BinarySearchFunc(f.out.Changed, some[i].notification, func(n notification.Notification, id int64) int {
			return cmp.Compare(n.ID, id)
		})
		if !changed {
			continue
		}
		if a := attemptAt(&f.out.Changed[j], some[i].attempt.Step); a.Recall == notification.RecallAsked {
			a.Recall = notification.RecallWanted
		}
	}
}
