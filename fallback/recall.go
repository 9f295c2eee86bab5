package fallback

import (
	"cmp"
	"context"
	"errors"
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
	attempt      notification.Attempt
	to           ledger.SentTo
}

// askBack notes what a change has taken back.
func (f *fold) askBack(c *Change) {
	n := &c.Notification
	for _, step := range c.Recall {
		a := attemptAt(n, step)
		f.recalls = append(f.recalls, asked{n.ID, *a, ledger.SentTo{Recipient: n.Recipient, Channel: a.Channel, Batch: a.Batch}})
	}
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
	to := make([]ledger.SentTo, len(f.recalls))
	for i := range f.recalls {
		to[i] = f.recalls[i].to
	}
	addresses, err := f.e.Ledger.AddressesSent(ctx, to)
	if err != nil {
		return err
	}
	for from := 0; from < len(f.recalls); {
		until := from + 1
		for until < len(f.recalls) && until-from < bus.MaxRecalls && to[until].Channel == to[from].Channel {
			until++
		}
		if err := f.tellOfRecalls(ctx, f.recalls[from:until], addresses[from:until]); err != nil {
			return err
		}
		from = until
	}
	f.recalls = nil
	return nil
}

// tellOfRecalls has a channel's lane take messages back, for as long as their provider can.
func (f *fold) tellOfRecalls(ctx context.Context, some []asked, addresses []string) error {
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
	if errors.Is(err, bus.ErrFull) && !f.recallFirst {
		f.e.Log.WarnContext(ctx, "messages of a recalled update are not taken back, for want of room; give the order again when there is some",
			"channel", channel, "messages", len(some), "error", err)
		f.wantStill(some)
		return nil
	}
	return err
}

// wantStill has messages be asked for later that there was no room to ask for.
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
