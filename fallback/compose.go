package fallback

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
)

// further is a new attempt that is to be sent.
type further struct {
	n         *notification.Notification // among the fold's changed ones
	notBefore time.Time
	recipient *ledger.Recipient
}

// compose puts the new attempts into batches. Consent, address and text are checked here, when the
// attempt is queued: where one is missing, the step has failed and the cascade goes on.
func (f *fold) compose(ctx context.Context) error {
	if len(f.queued) == 0 {
		return nil
	}
	all, err := f.furtherAttempts(ctx)
	if err != nil {
		return err
	}
	var ready []further
	for _, a := range all {
		left, err := f.settleUnusable(ctx, &a)
		if err == nil && left {
			left, err = f.deferQuietly(ctx, &a)
		}
		if err != nil {
			return err
		}
		if left {
			ready = append(ready, a)
		}
	}
	return f.batches(ctx, ready)
}

func (f *fold) furtherAttempts(ctx context.Context) ([]further, error) {
	var all []further
	var numbers []int64
	for i := range f.out.Changed {
		n := &f.out.Changed[i]
		if at, ok := f.queued[n.ID]; ok {
			all = append(all, further{n: n, notBefore: at})
			numbers = append(numbers, n.Recipient)
		}
	}
	slices.Sort(numbers)
	recipients, err := f.e.Ledger.RecipientsByNumber(ctx, slices.Compact(numbers))
	if err != nil {
		return nil, err
	}
	byNumber := make(map[int64]*ledger.Recipient, len(recipients))
	for i := range recipients {
		byNumber[recipients[i].Number] = &recipients[i]
	}
	for i := range all {
		all[i].recipient = byNumber[all[i].n.Recipient]
	}
	return all, nil
}

// settleUnusable moves the cascade past steps that can't be used any more. It reports whether an
// attempt is left to be sent.
func (f *fold) settleUnusable(ctx context.Context, a *further) (left bool, err error) {
	for {
		why, err := f.unusable(ctx, a)
		if err != nil || why == notification.NoReason {
			return err == nil, err
		}
		c := Decide(*a.n, notification.Event{
			Attempt: notification.ID{Notification: a.n.ID, Step: a.n.Attempt.Step, Try: a.n.Attempt.Try},
			Kind:    notification.ResultFailed, Class: channels.InvalidAddress, Code: string(why),
		}, f.e.Policy, f.now)
		*a.n = c.Notification
		if !c.Queue {
			return false, nil
		}
		a.notBefore = c.NotBefore
	}
}

// unusable says why an attempt can't be sent, NoReason if it can. A channel that was configured after
// the update's texts were frozen has none.
func (f *fold) unusable(ctx context.Context, a *further) (notification.Reason, error) {
	if a.recipient == nil {
		return notification.NoAddress, nil // deleted meanwhile
	}
	if why := f.e.Rules.Usable(&a.recipient.Recipient, a.n.Attempt.Channel); why != notification.NoReason {
		return why, nil
	}
	u, err := f.e.announced.get(ctx, f.e.Ledger, a.n.Update)
	if err != nil {
		return notification.NoReason, err
	}
	kind, _ := f.e.Rules.Kind(a.n.Attempt.Channel)
	if u.content(kind, a.n.Locale) == nil {
		return notification.NoText, nil
	}
	return notification.NoReason, nil
}

// deferQuietly puts an attempt off to the end of its recipient's quiet hours. An attempt that would come after
// the beginning of what it reminds of is settled instead: left says whether there is still one to be sent.
func (f *fold) deferQuietly(ctx context.Context, a *further) (left bool, err error) {
	u, err := f.e.announced.get(ctx, f.e.Ledger, a.n.Update)
	if err != nil {
		return false, err
	}
	at := f.quietUntil(u, a)
	if !u.until.IsZero() && !later(at, a.notBefore).Before(u.until) {
		f.settleLate(a)
		return false, nil
	}
	if !at.IsZero() {
		a.notBefore, a.n.Attempt.QueuedAt = at, at // its step's wait begins when it may leave
		f.deferred++
	}
	return true, nil
}

// quietUntil is when the quiet hours end that an attempt is due in, zero if it is due in none. What is urgent goes on
// at once: its recipient would have been told by now if the first channel had worked.
func (f *fold) quietUntil(u *announcement, a *further) time.Time {
	if u.priority == notification.Urgent {
		return time.Time{}
	}
	return f.e.Rules.Until(&a.recipient.Recipient, u.automatic, u.impact, a.notBefore)
}

// settleLate settles a notification whose news will no longer be worth telling when its attempt is due.
func (f *fold) settleLate(a *further) {
	policy := f.e.Policy
	policy.Until = f.now // there is nothing left to wait for
	*a.n = Decide(*a.n, notification.Event{
		Attempt: notification.ID{Notification: a.n.ID, Step: a.n.Attempt.Step, Try: a.n.Attempt.Try},
		Kind:    notification.ResultFailed, Class: channels.Rejected, Code: string(notification.OutOfDate),
	}, policy, f.now).Notification
	if a.n.Outcome == notification.Unreachable {
		a.n.Reason = notification.OutOfDate // on the last step too
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// batchKey is what attempts share that travel together. Times within the same second are one.
type batchKey struct {
	update    int64
	channel   string
	locale    string
	step, try uint8
	notBefore int64
	last      bool
	wait      time.Duration
}

func keyOf(a *further) batchKey {
	return batchKey{a.n.Update, a.n.Attempt.Channel, a.n.Locale, a.n.Attempt.Step, a.n.Attempt.Try, a.notBefore.Unix(), a.n.LastStep(), a.n.Steps[a.n.Attempt.Step].Wait}
}

func compareKeys(a, b batchKey) int {
	return cmp.Or(cmp.Compare(a.update, b.update), cmp.Compare(a.channel, b.channel), cmp.Compare(a.locale, b.locale),
		cmp.Compare(a.step, b.step), cmp.Compare(a.try, b.try), cmp.Compare(a.notBefore, b.notBefore),
		compareBools(a.last, b.last), cmp.Compare(a.wait, b.wait))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func (f *fold) batches(ctx context.Context, all []further) error {
	slices.SortFunc(all, func(a, b further) int {
		return cmp.Or(compareKeys(keyOf(&a), keyOf(&b)), cmp.Compare(a.n.ID, b.n.ID))
	})
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && to-from < bus.MaxAttempts && keyOf(&all[to]) == keyOf(&all[from]) {
			to++
		}
		b, err := f.batch(ctx, all[from:to])
		if err != nil {
			return err
		}
		f.out.Batches = append(f.out.Batches, b)
		from = to
	}
	return nil
}

func (f *fold) batch(ctx context.Context, all []further) (ledger.AttemptBatch, error) {
	n := all[0].n
	kind, _ := f.e.Rules.Kind(n.Attempt.Channel)
	u, err := f.e.announced.get(ctx, f.e.Ledger, n.Update)
	if err != nil {
		return ledger.AttemptBatch{}, err
	}
	content := u.content(kind, n.Locale)
	b := ledger.AttemptBatch{BatchHead: ledger.BatchHead{
		Update: n.Update, Channel: n.Attempt.Channel, Kind: kind, Locale: n.Locale, Priority: u.priority,
		Step: n.Attempt.Step, Try: n.Attempt.Try, NotBefore: all[0].notBefore,
		Last: n.LastStep(), GivenUp: f.givenUp(u, all),
	}}
	values := templates.NewFiller(content)
	for i := range all {
		r := &all[i].recipient.Recipient
		b.Items = append(b.Items, ledger.Item{
			Notification: all[i].n.ID, Address: r.Address(n.Attempt.Channel), Values: values.Values(r),
		})
	}
	return b, nil
}

// givenUp is when what of a batch still waits for its lane is given up: the latest moment of its attempts,
// which differ where their notifications began at different times.
func (f *fold) givenUp(u *announcement, all []further) time.Time {
	var last time.Time
	policy := f.e.Policy
	policy.Until = u.until
	for i := range all {
		n := all[i].n
		at := policy.GivenUp(n.Attempt.Channel, all[i].notBefore, n.Begun())
		if at.IsZero() {
			return at
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}

// announced keeps what the engine needs of updates: their priority, their impact and their frozen
// texts, which never change. Only the engine's loop uses it.
type announced struct {
	updates map[int64]*announcement
}

type announcement struct {
	priority  notification.Priority
	impact    incident.Impact
	automatic incident.Automatic
	until     time.Time // when it is no longer worth telling; zero is as the policy says
	texts     []ledger.Text
}

const maxAnnounced = 256

func (c *announced) get(ctx context.Context, l Ledger, id int64) (*announcement, error) {
	if a := c.updates[id]; a != nil {
		return a, nil
	}
	u, err := l.Update(ctx, id)
	if err != nil {
		return nil, err
	}
	texts, err := l.Texts(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.updates == nil || len(c.updates) >= maxAnnounced {
		c.updates = map[int64]*announcement{}
	}
	a := &announcement{
		priority: notification.PriorityOf(u.Update.Status, u.Update.Impact), impact: u.Update.Impact, automatic: u.Update.Automatic, texts: texts,
	}
	a.until = (notification.Policy{}).Of(&u.Update).Until
	c.updates[id] = a
	return a, nil
}

// content returns the text for a kind of channel and a locale, nil if there is none.
func (a *announcement) content(kind channels.Kind, locale string) *notification.Content {
	for i := range a.texts {
		if a.texts[i].Kind == kind && a.texts[i].Locale == locale {
			return &a.texts[i].Content
		}
	}
	return nil
}
