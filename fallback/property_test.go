package fallback

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// story plays one notification through everything that can happen to it, in any order and any
// number of times, and holds it to what must be true at every moment.
type story struct {
	t      *rapid.T
	policy notification.Policy
	now    time.Time
	n      notification.Notification

	pending []notification.Event // will happen, nobody knows when
	seen    []notification.Event // has happened, and may come again
	given   map[notification.ID]bool

	recalled bool // an operator has recalled the update
	// plain is what becomes of it all if the update is cancelled instead, and nobody takes anything back.
	plain notification.Notification
}

func TestDecideAnyOrder(t *testing.T) {
	for range 20 { // a story is told in microseconds
		rapid.Check(t, func(t *rapid.T) {
			s := newStory(t)
			for len(s.pending) > 0 {
				s.tell(s.draw())
			}
			s.end()
		})
	}
}

func newStory(t *rapid.T) *story {
	s := &story{t: t, now: now, given: map[notification.ID]bool{}}
	s.policy = notification.Policy{RetryEvery: 20 * time.Second, MoveOnAfter: time.Minute, Channels: map[string]notification.ChannelPolicy{}}
	steps := []string{"viber", "email", "sms"}[:rapid.IntRange(1, 3).Draw(t, "steps")]
	for _, channel := range steps {
		s.policy.Channels[channel] = rapid.SampledFrom([]notification.ChannelPolicy{
			{Wait: 5 * time.Minute, Proof: channels.Delivered},
			{Wait: 5 * time.Minute, Proof: channels.Read},
			{Wait: 5 * time.Minute, Proof: channels.Accepted},
			{Wait: 5 * time.Minute, Proof: channels.Delivered, Silence: channels.SilenceIsPresumed},
			{Wait: 5 * time.Minute, Proof: channels.Accepted, Silence: channels.SilenceIsPresumed, BounceWindow: time.Minute},
			{Wait: 5 * time.Minute, Proof: channels.Delivered, Silence: channels.SilenceIsPresumed, BounceWindow: time.Minute},
		}).Draw(t, "policy of "+channel)
		if rapid.Bool().Draw(t, channel+" can recall") {
			p := s.policy.Channels[channel]
			p.RecallWithin = time.Hour
			s.policy.Channels[channel] = p
		}
	}
	s.n = notification.Notification{ID: 7, Steps: notification.Steps(steps...)}
	s.n.Attempt = notification.Attempt{Channel: steps[0], State: notification.Queued, QueuedAt: now}
	s.plain = s.n
	s.send()
	s.policy.UsefulFor = rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(t, "useful for")
	for _, k := range []notification.EventKind{notification.Supersession, notification.Cancellation, notification.Moved, notification.Withdrawal, notification.RecallOrdered} {
		if rapid.Bool().Draw(t, k.String()) {
			s.pending = append(s.pending, notification.Event{Kind: k})
		}
	}
	return s
}

// send gives the current attempt to a lane, which will say one thing of it, and to a provider, which
// may say several.
func (s *story) send() {
	id := s.id()
	if s.given[id] {
		s.t.Fatalf("attempt %+v was queued twice", id)
	}
	s.given[id] = true
	results := []notification.EventKind{notification.ResultAccepted, notification.ResultFailed, notification.ResultUnknown, notification.ResultReturned}
	if rapid.Bool().Draw(s.t, "waits too long") {
		s.pending = append(s.pending, notification.Event{Attempt: id, Kind: notification.QueuePassed})
	}
	if s.n.Stop != notification.GoOn {
		results = append(results, notification.ResultRevoked)
	}
	said := rapid.SampledFrom(results).Draw(s.t, "result")
	down := time.Duration(rapid.IntRange(0, 120).Draw(s.t, "seconds down")) * time.Second
	s.pending = append(s.pending, notification.Event{Attempt: id, Kind: said, Code: "c", DownFor: down, ProviderID: s.name(id)})
	if said == notification.ResultFailed || said == notification.ResultRevoked {
		return
	}
	// One that was returned may have been sent all the same, by a lane that was killed before.
	for range rapid.IntRange(0, 3).Draw(s.t, "receipts") {
		k := rapid.SampledFrom([]notification.EventKind{
			notification.ReceiptAccepted, notification.ReceiptDelivered, notification.ReceiptRead, notification.ReceiptFailed, notification.ReceiptAbsent,
		}).Draw(s.t, "receipt")
		s.pending = append(s.pending, notification.Event{Attempt: id, Kind: k, ProviderID: s.name(id)})
	}
}

// name is the provider's id of an attempt's message, if what is said of it tells that.
func (s *story) name(id notification.ID) string {
	return rapid.SampledFrom([]string{"", fmt.Sprint("p", id.Step, "-", id.Try)}).Draw(s.t, "provider's id")
}

func (s *story) id() notification.ID {
	return notification.ID{Notification: s.n.ID, Step: s.n.Attempt.Step, Try: s.n.Attempt.Try}
}

// draw takes what happens next: something pending, or something that has happened before.
func (s *story) draw() notification.Event {
	if len(s.seen) > 0 && rapid.IntRange(0, 3).Draw(s.t, "again") == 0 {
		return rapid.SampledFrom(s.seen).Draw(s.t, "repeat")
	}
	i := rapid.IntRange(0, len(s.pending)-1).Draw(s.t, "next")
	ev := s.pending[i]
	s.pending = append(s.pending[:i:i], s.pending[i+1:]...)
	switch ev.Kind {
	case notification.Supersession, notification.Cancellation, notification.Moved, notification.Withdrawal, notification.RecallOrdered:
		ev.Attempt = s.id() // the engine speaks of what is current
	}
	s.seen = append(s.seen, ev)
	return ev
}

// tell decides one event and checks the step.
func (s *story) tell(ev notification.Event) {
	s.now = s.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(s.t, "seconds")) * time.Second)
	before := s.n
	c := Decide(before, ev, s.policy, s.now)
	s.n = c.Notification
	s.checkOutcome(before, ev)
	s.checkAttempts(before)
	s.checkQueue(before, c)
	s.checkLegal()
	s.checkRecall(before, ev, c)
	revoked := c.Revoke.State != notification.NoAttempt
	again := ev.Attempt.Try < before.Attempt.Try && !c.Changed // the first word may be lost
	if revoked && before.Attempt.State != notification.Queued && !again {
		s.t.Fatalf("revoked what no lane has: %+v", s.n)
	}
	if revoked && s.n.Stop == notification.GoOn && s.n.Outcome != notification.Reached && ev.Attempt.Try == s.n.Attempt.Try &&
		ev.Kind != notification.QueuePassed && ev.Kind != notification.Moved && ev.Kind != notification.Withdrawal {
		s.t.Fatalf("revoked without need: %+v", s.n)
	}
	switch {
	case c.Queue:
		s.send()
	case c.Await == AwaitSilence:
		s.pending = append(s.pending, notification.Event{Attempt: s.id(), Kind: notification.SilencePassed})
	case c.Await == AwaitBounce:
		s.pending = append(s.pending, notification.Event{Attempt: s.id(), Kind: notification.BouncePassed})
	}
}

// checkOutcome: an outcome never changes, and is "reached" exactly when an attempt has proven enough.
func (s *story) checkOutcome(before notification.Notification, ev notification.Event) {
	b, n := before, s.n
	if b.Outcome != notification.Open {
		if b.Outcome != n.Outcome || b.Reason != n.Reason || b.Proof != n.Proof || b.ReachedBy != n.ReachedBy || !b.SettledAt.Equal(n.SettledAt) {
			s.t.Fatalf("%+v changed an outcome: %+v became %+v", ev, b, n)
		}
		return
	}
	enough := ""
	for _, a := range append(append([]notification.Attempt(nil), n.Past...), n.Attempt) {
		p := s.policy.Channels[a.Channel]
		presumed := a.State == notification.Accepted && p.Silence == channels.SilenceIsPresumed &&
			(p.BounceWindow == 0 || (ev.Kind == notification.BouncePassed && ev.Attempt.Step == a.Step)) // not that of a step before it
		if a.State.Proof() >= p.Proof || presumed {
			enough = a.Channel
		}
	}
	if (enough != "") != (n.Outcome == notification.Reached) || enough != n.ReachedBy {
		s.t.Fatalf("%+v: proven by %q, yet the outcome is %v by %q", ev, enough, n.Outcome, n.ReachedBy)
	}
	if (n.Outcome == notification.Superseded || n.Outcome == notification.Suppressed) && n.Stop == notification.GoOn {
		s.t.Fatalf("stopped by nothing: %+v", n)
	}
	tooEarly := !n.LastStep() && n.Reason != notification.OutOfDate
	if n.Outcome == notification.Unreachable && (tooEarly || n.Stop != notification.GoOn || n.Reason == notification.NoReason) {
		s.t.Fatalf("given up too early, or without a reason: %+v", n)
	}
}

// checkAttempts: no proof that something arrived is ever taken back.
func (s *story) checkAttempts(before notification.Notification) {
	states := func(n notification.Notification) map[uint8]notification.Attempt {
		m := map[uint8]notification.Attempt{n.Attempt.Step: n.Attempt}
		for i, a := range n.Past {
			if int(a.Step) != i || a.Channel != n.Steps[i].Channel || a.State == notification.Queued {
				s.t.Fatalf("past attempts out of order or unfinished: %+v", n.Past)
			}
			m[a.Step] = a
		}
		return m
	}
	after := states(s.n)
	for step, was := range states(before) {
		is := after[step]
		if was.State.Proof() >= channels.Delivered && is.State.Proof() < was.State.Proof() {
			s.t.Fatalf("step %d was %v and is %v", step, was.State, is.State)
		}
		if was.Took && !is.Took {
			s.t.Fatalf("step %d was taken by the provider, and then not", step)
		}
	}
}

// checkLegal: nothing comes about that an audit would complain of. The batch, which the ledger gives,
// is taken to be there.
func (s *story) checkLegal() {
	n := s.n
	n.Attempt.Batch = 1
	n.Past = slices.Clone(n.Past)
	for i := range n.Past {
		n.Past[i].Batch = 1
	}
	if bad := notification.Illegalities(&n); len(bad) > 0 {
		s.t.Fatalf("%+v\nof %+v", bad, n)
	}
}

// checkQueue: steps and tries follow one another, and none follows once the news is stale or settled.
func (s *story) checkQueue(before notification.Notification, c Change) {
	was, is := before.Attempt, s.n.Attempt
	moved := was.Step != is.Step || was.Try != is.Try
	if moved != c.Queue {
		s.t.Fatalf("attempt %+v became %+v, Queue is %v", was, is, c.Queue)
	}
	if !moved {
		return
	}
	nextStep := is.Step == was.Step+1 && is.Try == 0 && len(s.n.Past) == int(is.Step)
	nextTry := is.Step == was.Step && is.Try == was.Try+1 && len(s.n.Past) == len(before.Past)
	if !nextStep && !nextTry {
		s.t.Fatalf("attempt %+v was followed by %+v", was, is)
	}
	if before.Stop != notification.GoOn || before.Outcome != notification.Open || s.n.Outcome != notification.Open || is.State != notification.Queued {
		s.t.Fatalf("attempt %+v was queued for %+v", is, before)
	}
	if c.NotBefore.Before(s.now) {
		s.t.Fatal("queued for a time that has passed")
	}
}

func (s *story) end() {
	if s.n.Outcome == notification.Open {
		s.t.Fatalf("everything has happened, and it is still open: %+v", s.n)
	}
	s.checkRecalled()
	for id := range s.given {
		if id.Step > s.n.Attempt.Step {
			s.t.Fatalf("%+v was queued, and the notification knows nothing of it", id)
		}
	}
}
