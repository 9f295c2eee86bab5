package fallback

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Change is what an event makes of a notification.
type Change struct {
	// Notification is the notification as it is after the event.
	Notification notification.Notification
	// Changed is false when the event meant nothing new.
	Changed bool
	// Queue says that the current attempt is new and is to be sent, not before NotBefore.
	Queue     bool
	NotBefore time.Time
	// Await says that the current attempt now waits: for its step's silence, or for its bounce window.
	Await Await
	// Revoke is the attempt that is to be stopped if it has not left; without a batch, none is.
	Revoke notification.Attempt
	// Recall has the steps whose message the provider is to be asked to take back.
	Recall []uint8
	// DoubleReach says that a recipient who was already reached has now been reached once more.
	DoubleReach bool
}

// Await is what an attempt waits for.
type Await uint8

// What attempts wait for.
const (
	AwaitNothing Await = iota
	AwaitSilence       // its step's wait
	AwaitBounce        // its channel's bounce window
)

// Decide returns what event ev makes of notification n at time now. It is a pure function over
// notification.Next: no event, in whatever order and however often it comes, is an error.
func Decide(n notification.Notification, ev notification.Event, p notification.Policy, now time.Time) Change {
	d := decision{Change: Change{Notification: n}, ev: ev, policy: p, now: now}
	switch ev.Kind {
	case notification.RecallOrdered:
		d.recall()
		return d.Change
	case notification.ReceiptRecalled, notification.ReceiptKept:
		d.recalled()
		return d.Change
	}
	if i, past := pastAttempt(&n, ev); past {
		d.past(i)
	} else if isCurrent(&n, ev) {
		d.current()
	}
	return d.Change
}

type decision struct {
	Change
	ev     notification.Event
	policy notification.Policy
	now    time.Time
}

// isCurrent reports whether ev speaks of n's current attempt. A receipt that something arrived counts
// for an earlier try of the step as well: the lane gave that try back, but the provider knows better.
// That an earlier try failed says nothing about the one under way.
func isCurrent(n *notification.Notification, ev notification.Event) bool {
	if n.Attempt.State == notification.NoAttempt || ev.Attempt.Step != n.Attempt.Step {
		return false
	}
	return ev.Attempt.Try == n.Attempt.Try || (isProof(ev.Kind) && ev.Attempt.Try < n.Attempt.Try)
}

func isProof(k notification.EventKind) bool {
	return k >= notification.ReceiptAccepted && k <= notification.ReceiptRead
}

func isDeadline(k notification.EventKind) bool {
	return k == notification.SilencePassed || k == notification.BouncePassed || k == notification.QueuePassed
}

func pastAttempt(n *notification.Notification, ev notification.Event) (int, bool) {
	for i := range n.Past {
		if n.Past[i].Step == ev.Attempt.Step {
			return i, true
		}
	}
	return 0, false
}

// past applies an event to an attempt from which the cascade has already gone on. It can still
// prove that the recipient was reached; it can't make the cascade go on again.
func (d *decision) past(i int) {
	n := &d.Notification
	if n.Outcome != notification.Open && isDeadline(d.ev.Kind) {
		return // what it waited for came late, and counts
	}
	attempts := append([]notification.Attempt(nil), n.Past...)
	n.Past = attempts
	a := &attempts[i]
	before := a.State
	then := d.move(a)
	if n.Outcome == notification.Open && then == notification.Prove && d.proves(a) {
		d.reach(a)
	} else if n.Outcome == notification.Reached {
		d.DoubleReach = d.reachesAgain(before, a)
	}
	// Said again when the receipt comes again: the first word may have been lost in a crash.
	if n.Outcome == notification.Reached && n.Attempt.State == notification.Queued && d.proves(a) {
		d.Revoke = n.Attempt
	}
}

// reachesAgain reports whether attempt a, by which the notification was not reached, has just proved
// that it did arrive.
func (d *decision) reachesAgain(before notification.State, a *notification.Attempt) bool {
	enough := max(channels.Delivered, d.treatment(a).Proof)
	return before.Proof() < enough && a.State.Proof() >= enough && a.Step != d.reachedStep()
}

// reachedStep returns the step by which the notification was reached.
func (d *decision) reachedStep() uint8 {
	n := &d.Notification
	for _, a := range n.Past {
		if a.Channel == n.ReachedBy {
			return a.Step
		}
	}
	return n.Attempt.Step
}

// move takes an attempt through the table and records what the event tells about it.
func (d *decision) move(a *notification.Attempt) notification.Consequence {
	t := notification.Next(a.State, d.ev.Kind)
	if t.Then == notification.Ignore && !isProof(d.ev.Kind) { // a repeated proof may still bring the message's name
		return t.Then
	}
	if id := d.ev.ProviderID; id != "" && id != a.ProviderID && !notification.NamesMessage(a.ProviderID) {
		a.ProviderID = id
		d.Changed = true
	}
	if t.To != a.State {
		a.State = t.To
		d.Changed = true
		if t.To == notification.Failed || t.To == notification.Unknown || d.ev.Kind == notification.Withdrawal {
			a.Code = d.ev.Code
		}
	}
	if !a.Took && t.Then != notification.Ignore && (t.To.Proof() >= channels.Accepted || d.tookIt()) {
		a.Took, d.Changed = true, true
	}
	if a.Recall == notification.RecallWanted {
		d.askBack(a)
	}
	return t.Then
}

// tookIt reports whether the event says that the provider took the attempt, whatever became of it.
func (d *decision) tookIt() bool {
	switch d.ev.Kind {
	case notification.ResultAccepted, notification.ReceiptAccepted, notification.ReceiptFailed:
		return true
	default:
		return false
	}
}

func (d *decision) current() {
	n := &d.Notification
	if d.untimely() {
		return
	}
	a := &n.Attempt
	was := *a
	then := d.move(a)
	switch {
	case was.State == notification.Queued && d.leaves(then):
		d.Revoke = was
	case d.repeatsEarlierTry():
		d.Revoke = was // said again, as for a past step
	}
	if n.Outcome != notification.Open {
		// The attempt's own state is kept true, the outcome stays. A fallback that left although
		// the first channel had made it after all is a double reach.
		d.DoubleReach = n.Outcome == notification.Reached && d.reachesAgain(was.State, a)
		return
	}
	switch then {
	case notification.Prove:
		d.prove(a)
	case notification.Wait:
		d.Await = AwaitSilence
	case notification.Advance:
		d.advance(d.reason())
	case notification.Requeue:
		d.requeue()
	case notification.Presume:
		d.reach(a)
	case notification.MarkStop:
		d.markStop()
	case notification.Stopped:
		d.stopped()
	case notification.Ignore, notification.Note:
	}
}

// leaves reports whether a queued attempt is given up while its lane may still hold it: its time there
// is over, or an earlier try of the step has proven what it was to prove.
func (d *decision) leaves(then notification.Consequence) bool {
	switch d.ev.Kind {
	case notification.QueuePassed, notification.Moved, notification.Withdrawal:
		return then == notification.Advance
	default:
		return then == notification.Prove && d.ev.Attempt.Try < d.Notification.Attempt.Try
	}
}

// repeatsEarlierTry reports whether a receipt for an earlier try of the step says again what is known: the
// word to stop the later one may have been lost in a crash.
func (d *decision) repeatsEarlierTry() bool {
	a := &d.Notification.Attempt
	return !d.Changed && isProof(d.ev.Kind) && d.ev.Attempt.Try < a.Try && a.State.Proof() >= channels.Accepted
}

// treatment is how the step of an attempt is treated.
func (d *decision) treatment(a *notification.Attempt) notification.ChannelPolicy {
	if steps := d.Notification.Steps; int(a.Step) < len(steps) {
		return d.policy.Step(steps[a.Step])
	}
	return d.policy.Channels[a.Channel]
}

// untimely filters the deadlines that don't apply to how this channel's silence is read, orders to
// move on where there is nothing to move on to, and word that an attempt may be made again when it need
// not be.
func (d *decision) untimely() bool {
	a := &d.Notification.Attempt
	presumed := d.treatment(a).Silence == channels.SilenceIsPresumed
	switch d.ev.Kind {
	case notification.SilencePassed:
		return d.Notification.Outcome != notification.Open || (presumed && a.State == notification.Accepted)
	case notification.BouncePassed:
		return d.Notification.Outcome != notification.Open || !presumed
	case notification.QueuePassed, notification.ReceiptAbsent, notification.Withdrawal: // what is settled isn't tried again
		return d.Notification.Outcome != notification.Open
	case notification.Moved:
		return d.Notification.Outcome != notification.Open || d.Notification.LastStep()
	default:
		return false
	}
}

func (d *decision) prove(a *notification.Attempt) {
	switch {
	case d.proves(a):
		d.reach(a)
	case d.treatment(a).Silence == channels.SilenceIsPresumed && a.State == notification.Accepted:
		d.Await = AwaitBounce
	default:
		d.Await = AwaitSilence
	}
}

// proves reports whether what is known of the attempt is what its step asks for.
func (d *decision) proves(a *notification.Attempt) bool {
	c := d.treatment(a)
	if a.State.Proof() >= c.Proof {
		return true
	}
	return a.State == notification.Accepted && c.Silence == channels.SilenceIsPresumed && c.BounceWindow == 0
}

func (d *decision) reach(a *notification.Attempt) {
	n := &d.Notification
	d.settle(notification.Reached, notification.NoReason)
	n.Proof, n.ReachedBy = a.State.Proof(), a.Channel
}

func (d *decision) settle(o notification.Outcome, r notification.Reason) {
	n := &d.Notification
	n.Outcome, n.Reason, n.SettledAt = o, r, d.now
	d.Changed = true
}

func (d *decision) advance(why notification.Reason) {
	n := &d.Notification
	switch {
	case n.Stop != notification.GoOn:
		d.settle(n.Stop.Outcome())
	case n.LastStep():
		d.settle(notification.Unreachable, why)
	case d.outOfDate(d.now):
		d.settle(notification.Unreachable, notification.OutOfDate)
	default:
		n.Past = append(append([]notification.Attempt(nil), n.Past...), n.Attempt)
		step := n.Attempt.Step + 1
		n.Attempt = notification.Attempt{Step: step, Channel: n.Steps[step].Channel, State: notification.Queued, QueuedAt: d.now}
		d.queue(d.now)
	}
}

// outOfDate reports whether the news will no longer be worth telling at a time.
func (d *decision) outOfDate(at time.Time) bool {
	expires := d.policy.Expires(d.Notification.Begun())
	return !expires.IsZero() && !at.Before(expires)
}

// requeue gives a returned attempt another try. While there is a step to go on to, it has as long as its
// step's wait allows, and a channel that has been down for long has none; on the last step it is tried,
// less and less often, for as long as the news is worth telling.
func (d *decision) requeue() {
	n := &d.Notification
	at := d.now.Add(d.pause())
	switch {
	case d.ev.Code == notification.HeldBack && n.Stop == notification.GoOn:
		n.Attempt.QueuedAt = at // a pause uses up nobody's time
	case d.ev.Kind == notification.ReceiptAbsent: // it has waited long enough, and nothing is left of it
		at, n.Attempt.ProviderID, n.Attempt.Code = d.now, "", ""
	}
	switch {
	case n.Stop != notification.GoOn:
		n.Attempt.State = notification.Revoked
		d.settle(n.Stop.Outcome())
	case !n.LastStep() && (at.Sub(n.Attempt.QueuedAt) > d.treatment(&n.Attempt).Wait || d.downTooLong()), n.Attempt.Try == maxTry:
		n.Attempt.State, n.Attempt.Code = notification.Failed, d.ev.Code
		d.advance(notification.Unavailable)
	case d.outOfDate(at):
		n.Attempt.State, n.Attempt.Code = notification.Failed, d.ev.Code
		d.settle(notification.Unreachable, notification.OutOfDate)
	default:
		n.Attempt.Try++
		d.queue(at)
	}
}

const (
	maxTry = 255
	// patience is how many tries it takes until the pause before the next one is RetryEvery longer.
	patience = 4
	// longestPause bounds the pauses that grow.
	longestPause = 5 * time.Minute
)

// pause is how long a returned attempt waits: as long as the lane says, and longer with every try.
func (d *decision) pause() time.Duration {
	asked := d.ev.RetryAfter
	if asked <= 0 {
		asked = d.policy.RetryEvery
	}
	grown := d.policy.RetryEvery * time.Duration(d.Notification.Attempt.Try) / patience
	return max(asked, min(grown, longestPause))
}

// downTooLong reports whether the next step is worth more than waiting for this channel.
func (d *decision) downTooLong() bool {
	return d.policy.MoveOnAfter > 0 && d.ev.DownFor > d.policy.MoveOnAfter
}

func (d *decision) queue(at time.Time) { d.Changed, d.Queue, d.NotBefore = true, true, at }

func (d *decision) markStop() {
	n := &d.Notification
	if n.Stop != notification.GoOn {
		return
	}
	n.Stop, d.Changed = notification.NewerNews, true
	if d.ev.Kind == notification.Cancellation || d.ev.Kind == notification.RecallOrdered {
		n.Stop = notification.CalledOff
	}
	if n.Attempt.State == notification.Queued {
		d.Revoke = n.Attempt
	}
}

func (d *decision) stopped() {
	n := &d.Notification
	if n.Stop != notification.GoOn {
		d.settle(n.Stop.Outcome())
		return
	}
	n.Attempt.State = notification.Queued // nobody asked for it: it goes again
	d.requeue()
}

// reason says why a step has failed.
func (d *decision) reason() notification.Reason {
	switch ev := d.ev; {
	case ev.Kind == notification.QueuePassed && d.outOfDate(d.now):
		return notification.OutOfDate
	case ev.Kind == notification.SilencePassed:
		return notification.Silence
	case ev.Kind == notification.QueuePassed:
		return notification.Unavailable
	case ev.Kind == notification.Withdrawal:
		return notification.NoConsent
	case ev.Kind == notification.ReceiptFailed:
		return notification.Undelivered
	case ev.Code == string(notification.NoAddress), ev.Code == string(notification.NoConsent), ev.Code == string(notification.NoText):
		return notification.Reason(ev.Code)
	case ev.Class == channels.InvalidAddress:
		return notification.InvalidAddress
	default:
		return notification.Rejected
	}
}
