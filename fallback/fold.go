package fallback

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// fold gathers events, decides, and makes one transaction of what follows from them.
type fold struct {
	e   *Engine
	now time.Time
	out ledger.Fold

	events map[int64][]notification.Event // by notification, in the order of their coming
	loaded map[int64]*notification.Notification
	byID   map[string][]bus.Receipt // receipts by provider's id, by channel

	awaiting map[ledger.Deadline]time.Duration // without Due: the wait
	queued   map[int64]time.Time               // notifications with a new attempt, and not before when
	revoked  map[journal]map[int64]bool
	asked    map[int64]bool // batches about which providers are being asked
	heardOut []int64        // batches that don't wait for answers any more
	recalls  []asked        // messages that providers are to take back
	// tellFirst has the lanes told before the commit. So it must be where nothing would bring up again
	// what is given up: the word would be lost with an engine that dies after its commit. If it dies before
	// that, the lane answers that it has stopped what nobody asked it to stop, and it is queued again.
	tellFirst bool
	// recallFirst has the fold put off while lanes can't be told of recalls.
	recallFirst bool
	deferred    int   // further attempts put off to the end of quiet hours
	signs       signs // what this fold tells of providers
}

// journal names a batch's journal.
type journal struct {
	channel string
	batch   int64
}

func newFold(e *Engine) *fold {
	return &fold{
		e: e, now: e.Clock.Now(),
		events:   map[int64][]notification.Event{},
		loaded:   map[int64]*notification.Notification{},
		byID:     map[string][]bus.Receipt{},
		awaiting: map[ledger.Deadline]time.Duration{},
		queued:   map[int64]time.Time{},
		revoked:  map[journal]map[int64]bool{},
		asked:    map[int64]bool{},
	}
}

// take adds what a message says.
func (f *fold) take(d *delivery) {
	if d.record == nil {
		for _, r := range d.receipts {
			f.e.Metrics.receipt(d.channel, r.State)
			if r.Notification == 0 {
				r.ProviderID = f.e.atProvider(d.channel, d.provider, r.ProviderID)
				f.byID[d.channel] = append(f.byID[d.channel], r)
				continue
			}
			id := notification.ID{Notification: r.Notification, Step: r.Step, Try: r.Try}
			ev := receiptEvent(id, r.State, r.Code, d.provider)
			ev.Class = receiptClass(&r)
			if r.ProviderID != "" { // of an answer to an inquiry: lanes may not have known the id
				ev.ProviderID = f.e.atProvider(d.channel, d.provider, r.ProviderID)
			}
			f.add(ev)
		}
		return
	}
	byID := f.e.Policy.Channels[d.channel].ByID
	for i := range d.record.Results {
		res := &d.record.Results[i]
		ev := f.resultEvent(d.channel, d.record, res)
		if f.add(ev); byID && res.ProviderID != "" {
			f.out.ProviderIDs = append(f.out.ProviderIDs, ledger.ProviderAttempt{
				Channel: d.channel, ProviderID: ev.ProviderID, Attempt: ev.Attempt,
			})
		}
	}
}

func (f *fold) add(ev notification.Event) {
	n := ev.Attempt.Notification
	f.events[n] = append(f.events[n], ev)
}

// event adds an event of the engine's own, for the current attempt of a notification just read.
func (f *fold) event(n *notification.Notification, ev notification.Event) {
	ev.Attempt = notification.ID{Notification: n.ID, Step: n.Attempt.Step, Try: n.Attempt.Try}
	f.loaded[n.ID] = n
	f.add(ev)
}

func receiptEvent(id notification.ID, s channels.ReceiptState, code, provider string) notification.Event {
	ev := notification.Event{Attempt: id, Code: code, Provider: provider}
	switch s {
	case channels.ReceiptDelivered:
		ev.Kind = notification.ReceiptDelivered
	case channels.ReceiptRead:
		ev.Kind = notification.ReceiptRead
	case channels.ReceiptFailed:
		ev.Kind = notification.ReceiptFailed
	case channels.ReceiptAbsent:
		ev.Kind = notification.ReceiptAbsent
	case channels.ReceiptRecalled:
		ev.Kind = notification.ReceiptRecalled
	case channels.ReceiptKept:
		ev.Kind = notification.ReceiptKept
	default: // accepted; and a word that only a later version knows proves no more
		ev.Kind = notification.ReceiptAccepted
	}
	return ev
}

// receiptClass is what a receipt of failure says of the address; Unknown, if nothing.
func receiptClass(r *bus.Receipt) channels.Class {
	if r.Dead && r.State == channels.ReceiptFailed {
		return channels.InvalidAddress
	}
	return channels.Unknown
}

func (f *fold) resultEvent(channel string, r *bus.Record, res *bus.Result) notification.Event {
	ev := notification.Event{
		Attempt:    notification.ID{Notification: res.Notification, Step: r.Step, Try: r.Try},
		Class:      res.Class,
		Code:       res.Code,
		ProviderID: res.ProviderID,
		Provider:   f.e.provider(channel, res.Provider),
		Repeat:     res.Repeat,
		RetryAfter: f.e.Clock.Product(time.Duration(res.RetryAfter) * time.Millisecond),
		DownFor:    f.e.Clock.Product(time.Duration(res.DownFor) * time.Millisecond),
	}
	if res.Provider != "" {
		ev.ProviderID = notification.AtProvider(res.Provider, res.ProviderID)
	}
	switch res.State {
	case bus.ResultAccepted:
		ev.Kind = notification.ResultAccepted
		if res.Proof >= channels.Delivered {
			ev.Kind = notification.ReceiptDelivered // the answer was the receipt
		}
	case bus.ResultFailed:
		ev.Kind = notification.ResultFailed
	case bus.ResultReturned:
		ev.Kind = notification.ResultReturned
	case bus.ResultRevoked:
		ev.Kind = notification.ResultRevoked
	default: // unknown; and after a word that only a later version knows it may have gone out, too
		ev.Kind = notification.ResultUnknown
	}
	return ev
}

// apply decides all events and commits what follows. It returns ledger.ErrConflict if somebody else
// changed a notification meanwhile: the events are then to be folded anew.
func (f *fold) apply(ctx context.Context) error {
	begun := time.Now()
	if err := f.decide(ctx); err != nil {
		return err
	}
	if err := f.recall(ctx); err != nil {
		return err
	}
	if f.tellFirst {
		if err := f.revoke(ctx); err != nil {
			return err
		}
		f.revoked = nil
	}
	if err := f.e.Ledger.Apply(ctx, f.out); err != nil {
		f.e.recent.forget() // whatever it was, what we think we know may be wrong
		return err
	}
	if !f.e.shared {
		f.e.recent.put(f.out.Changed)
	}
	f.e.asking.commit(f.asked, f.heardOut)
	f.e.health.observe(&f.signs, f.now)
	f.e.Metrics.fold(&f.out, f.events, time.Since(begun))
	f.e.Metrics.putOff(f.deferred)
	if len(f.out.Batches) > 0 {
		f.e.Batches.Wake()
	}
	return f.revoke(ctx)
}

func (f *fold) decide(ctx context.Context) error {
	if err := f.resolve(ctx); err != nil {
		return err
	}
	if err := f.load(ctx); err != nil {
		return err
	}
	f.out.Now = f.now
	f.out.Before = make([]notification.Notification, 0, len(f.events))
	f.out.Changed = make([]notification.Notification, 0, len(f.events))
	for id, events := range f.events {
		if n := f.loaded[id]; n != nil {
			f.decideOne(*n, events)
			continue
		}
		f.e.Metrics.stray(len(events)) // well signed, but not in this ledger
	}
	byID := func(a, b notification.Notification) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(f.out.Changed, byID) // the ledger is fastest in the order of its ids
	slices.SortFunc(f.out.Before, byID)
	f.deadlines()
	return f.compose(ctx)
}

// load reads the notifications that the events are about.
func (f *fold) load(ctx context.Context) error {
	var missing []int64
	for id := range f.events {
		if f.loaded[id] != nil {
			continue
		}
		if n := f.e.recent.get(id); n != nil {
			f.loaded[id] = n
			continue
		}
		missing = append(missing, id)
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	ns, err := f.e.Ledger.Notifications(ctx, missing)
	if err != nil {
		return err
	}
	for i := range ns {
		f.loaded[ns[i].ID] = &ns[i]
	}
	return nil
}

// decideOne applies a notification's events in their order.
func (f *fold) decideOne(before notification.Notification, events []notification.Event) {
	n, changed := before, false
	for _, ev := range events {
		c := Decide(n, ev, f.e.Policy, f.now)
		f.witness(&n, &c.Notification, ev)
		n = c.Notification
		changed = changed || c.Changed
		once := ledger.Occurrence{Update: n.Update, Channel: channelOf(&n, ev.Attempt.Step)}
		if ev.Repeat && c.Changed {
			f.out.Repeated = append(f.out.Repeated, once)
		}
		f.refused(&n, ev)
		if c.DoubleReach {
			f.out.DoubleReached = append(f.out.DoubleReached, once)
		}
		f.follow(&c)
	}
	if changed {
		f.out.Before = append(f.out.Before, before)
		f.out.Changed = append(f.out.Changed, n)
	}
}

// refused notes an address that a lane or a receipt says is invalid, so that the directory remembers it,
// also when that is said after the outcome.
func (f *fold) refused(n *notification.Notification, ev notification.Event) {
	failed := ev.Kind == notification.ResultFailed || ev.Kind == notification.ReceiptFailed
	if !failed || ev.Class != channels.InvalidAddress {
		return
	}
	a := &n.Attempt
	for i := range n.Past {
		if n.Past[i].Step == ev.Attempt.Step {
			a = &n.Past[i]
		}
	}
	if a.Step == ev.Attempt.Step && a.Try == ev.Attempt.Try && a.State == notification.Failed {
		f.out.Dead = append(f.out.Dead, ledger.DeadAddress{Recipient: n.Recipient, Channel: a.Channel, Batch: a.Batch})
	}
}

// follow notes what a change asks for beside the notification's new state.
func (f *fold) follow(c *Change) {
	n := &c.Notification
	if c.Queue {
		f.queued[n.ID] = c.NotBefore
	} else if n.Outcome != notification.Open || n.Attempt.State != notification.Queued {
		delete(f.queued, n.ID) // a later event of the same fold has settled it
	}
	switch c.Await {
	case AwaitSilence:
		f.awaitReceipt(n)
	case AwaitBounce:
		f.await(n, ledger.Bounce, f.treatment(n).BounceWindow)
	case AwaitNothing:
	}
	f.stop(n.ID, &c.Revoke)
	f.askBack(c)
}

// treatment is how the current step of a notification is treated.
func (f *fold) treatment(n *notification.Notification) notification.ChannelPolicy {
	return f.e.Policy.Step(n.Steps[n.Attempt.Step])
}

// await has the batch of a notification's attempt waited for: as long as the longest of its attempts asks.
func (f *fold) await(n *notification.Notification, k ledger.DeadlineKind, wait time.Duration) {
	d := ledger.Deadline{Batch: n.Attempt.Batch, Kind: k}
	f.awaiting[d] = max(f.awaiting[d], wait)
}

// channelOf returns the channel of a step of n's cascade.
func channelOf(n *notification.Notification, step uint8) string {
	if int(step) >= len(n.Steps) {
		return ""
	}
	return n.Steps[step].Channel
}

// stop has the lane told to stop an attempt.
func (f *fold) stop(id int64, a *notification.Attempt) {
	if a.Batch == 0 {
		return // there is none, or it was queued and settled within this fold: no lane will hear of it
	}
	j := journal{a.Channel, a.Batch}
	if f.revoked[j] == nil {
		f.revoked[j] = map[int64]bool{}
	}
	f.revoked[j][id] = true
}

// stopIfQueued tells the lane again about an attempt that was to be stopped: the word may have
// been lost in a crash.
func (f *fold) stopIfQueued(n *notification.Notification) {
	if n.Attempt.State == notification.Queued {
		f.stop(n.ID, &n.Attempt)
	}
}

// revoke tells the lanes.
func (f *fold) revoke(ctx context.Context) error {
	for j, set := range f.revoked {
		ids := make([]int64, 0, len(set))
		for id := range set {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		if err := f.e.Bus.Revoke(ctx, j.channel, j.batch, ids); err != nil {
			return err
		}
		f.e.Metrics.revoked(j.channel, len(ids))
	}
	return nil
}

// deadlines writes one row per batch, not per attempt.
func (f *fold) deadlines() {
	for d, wait := range f.awaiting {
		d.Due = f.now.Add(wait)
		f.out.Deadlines = append(f.out.Deadlines, d)
	}
}
