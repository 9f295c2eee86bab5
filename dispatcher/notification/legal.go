package notification

import (
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/channels"
)

// Form is what a notification with a given outcome may look like.
type Form struct {
	// Current are the states that its current attempt may be in.
	Current []State
	// Settled says that it has a time at which it was settled, Reason that it says why it was not
	// reached, Proof that it says by which channel and with what proof it was.
	Settled, Reason, Proof bool
	// Stop is the mark that it must carry if anything was tried of it.
	Stop Stop
}

// forms holds what Next and the engine can make of a notification, by outcome. After an outcome the
// current attempt's state goes on being kept true, so that it may prove more, or fail, later.
var forms = map[Outcome]Form{
	// A read attempt is what any step asks for; a delivered one is open where the step asks for a reader.
	Open: {Current: []State{Queued, Accepted, Delivered, Unknown}},
	// By this attempt, which may have bounced since; or by an earlier one, and then what the cascade had
	// gone on to may be anything but expired: nobody waits for it any more.
	Reached: {Current: []State{Queued, Accepted, Delivered, Read, Failed, Revoked, Unknown}, Settled: true, Proof: true},
	// The last step failed, or silence ended it, or it was moved on when it was too late for a next one;
	// word of its arrival may have come since.
	Unreachable: {Current: []State{NoAttempt, Accepted, Failed, Expired, Revoked, Delivered, Read}, Settled: true, Reason: true},
	// At planning; or the update was cancelled, and then as for one that is superseded.
	Suppressed: {Current: []State{NoAttempt, Accepted, Delivered, Read, Failed, Expired, Revoked}, Settled: true, Reason: true, Stop: CalledOff},
	// Stopped before it left, or failed when no further step was to be taken; word may have come since.
	Superseded: {Current: []State{Accepted, Delivered, Read, Failed, Expired, Revoked}, Settled: true, Reason: true, Stop: NewerNews},
}

// pastStates are those of an attempt from which the cascade has gone on: it failed, or was silent, or
// was delivered and not read in time, or was moved on by an operator, and may have proven more since.
var pastStates = []State{Failed, Expired, Revoked, Accepted, Delivered, Read}

// FormOf returns what a notification with an outcome may look like; ok is false if there is no such
// outcome.
func FormOf(o Outcome) (f Form, ok bool) {
	f, ok = forms[o]
	return f, ok
}

// PastStates lists the states of an attempt from which a cascade may have gone on.
func PastStates() []State { return slices.Clone(pastStates) }

// ReachableFrom lists the states that an attempt in state s may come to be in by the transition table,
// s itself included.
func ReachableFrom(s State) []State {
	all := []State{s}
	for i := 0; i < len(all); i++ {
		for _, k := range EventKinds() {
			if to := Next(all[i], k).To; !slices.Contains(all, to) {
				all = append(all, to)
			}
		}
	}
	return all
}

// Illegality is something in a notification that the engine can't have made.
type Illegality struct{ Is, Want string }

// Illegalities says what of a notification can't be true; none is nothing to complain of. It reads
// nothing but the notification, so whatever depends on others, or on time, is not looked at.
func Illegalities(n *Notification) []Illegality {
	form, ok := FormOf(n.Outcome)
	if !ok {
		return []Illegality{{n.Outcome.String(), "an outcome that there is"}}
	}
	var c complaints
	c.outcome(n, form)
	if form.Proof {
		c.proof(n)
	} else if n.Proof != channels.NoProof || n.ReachedBy != "" {
		c.add("neither proof nor channel", "%v with proof %d by %q", n.Outcome, n.Proof, n.ReachedBy)
	}
	if n.Attempt.State == NoAttempt {
		c.untried(n)
		return c
	}
	c.steps(n)
	for a := range n.Attempts() {
		c.attempt(n, a)
	}
	return c
}

// complaints are what was found.
type complaints []Illegality

func (c *complaints) add(want, is string, args ...any) {
	*c = append(*c, Illegality{fmt.Sprintf(is, args...), want})
}

func (c *complaints) outcome(n *Notification, form Form) {
	if !slices.Contains(form.Current, n.Attempt.State) {
		c.add(fmt.Sprintf("one of %v", form.Current), "%v with its current attempt %v", n.Outcome, n.Attempt.State)
	}
	if form.Settled == n.SettledAt.IsZero() {
		c.add(fmt.Sprintf("settled: %v", form.Settled), "%v with settled: %v", n.Outcome, !form.Settled)
	}
	if form.Reason != (n.Reason != NoReason) {
		c.add(fmt.Sprintf("a reason: %v", form.Reason), "%v for reason %q", n.Outcome, n.Reason)
	}
	if form.Stop != GoOn && n.Attempt.State != NoAttempt && n.Stop != form.Stop {
		c.add(fmt.Sprintf("stopped with mark %d", form.Stop), "%v with mark %d", n.Outcome, n.Stop)
	}
}

// proof: who was reached was reached by an attempt that a provider took and that proves it.
func (c *complaints) proof(n *Notification) {
	if n.Proof < channels.Accepted || n.Proof > channels.Read {
		c.add("a proof", "%v with proof %d", n.Outcome, n.Proof)
		return
	}
	for a := range n.Attempts() {
		if a.Channel == n.ReachedBy && a.Took && proved(a.State, n.Proof) {
			return
		}
	}
	c.add(fmt.Sprintf("an attempt on that channel that proves %v", n.Proof), "%v by %q", n.Outcome, n.ReachedBy)
}

// proved reports whether an attempt in state s may once have proven p: proof never falls, but that a
// message was accepted doesn't keep it from bouncing.
func proved(s State, p channels.Proof) bool {
	return s.Proof() >= p || (p == channels.Accepted && s == Failed)
}

// untried: what was settled at planning has no attempts.
func (c *complaints) untried(n *Notification) {
	if a := &n.Attempt; a.Step != 0 || a.Try != 0 || a.Batch != 0 || len(n.Past) > 0 {
		c.add("nothing of it", "nothing was tried, yet step %d, try %d, batch %d, %d attempts before", a.Step, a.Try, a.Batch, len(n.Past))
	}
}

// steps: attempts are the steps of the cascade, one after the other, each left for a reason.
func (c *complaints) steps(n *Notification) {
	if int(n.Attempt.Step) >= len(n.Steps) {
		c.add(fmt.Sprintf("a step below %d", len(n.Steps)), "on step %d of %v", n.Attempt.Step, n.Steps)
	}
	if len(n.Past) != int(n.Attempt.Step) {
		c.add("one for each step before", "on step %d with %d attempts before", n.Attempt.Step, len(n.Past))
	}
	for i := range n.Past {
		a := &n.Past[i]
		if int(a.Step) != i || (i < len(n.Steps) && a.Channel != n.Steps[i].Channel) {
			c.add(fmt.Sprintf("step %d of %v", i, n.Steps), "attempt %d is step %d on %q", i, a.Step, a.Channel)
		}
		if !slices.Contains(pastStates, a.State) {
			c.add(fmt.Sprintf("one of %v", pastStates), "step %d was left while %v", i, a.State)
		}
	}
}

// attempt: what arrived was taken, and what is under way is in a batch. One may never have been given to
// a lane if it could not be used when it was its turn, or if the notification was settled in the moment
// in which it was queued.
func (c *complaints) attempt(n *Notification, a *Attempt) {
	if a.State.Proof() >= channels.Accepted && !a.Took {
		c.add("taken", "step %d is %v, but no provider took it", a.Step, a.State)
	}
	if a.Recall > Recalled || (a.Recall >= RecallAsked && !a.Took) {
		c.add("taken back of a provider that took it", "step %d is %v, with its recall %v", a.Step, a.State, a.Recall)
	}
	if stayed := a.State == Failed || (a.State == Queued && n.Outcome != Open); a.Batch == 0 && !stayed {
		c.add("a batch", "step %d is %v, but in no batch", a.Step, a.State)
	}
}
