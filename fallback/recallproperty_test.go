package fallback

import (
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// checkRecall: a recall only goes forward, and once an operator has ordered it; only what a provider has, by a
// name, is asked for. All else is as if the update had been cancelled, and nothing taken back.
func (s *story) checkRecall(before notification.Notification, ev notification.Event, c Change) {
	s.recalled = s.recalled || ev.Kind == notification.RecallOrdered
	for a := range s.n.Attempts() {
		was := notification.NotRecalled
		if a.Step <= before.Attempt.Step {
			was = attemptAt(&before, a.Step).Recall
		}
		if a.Recall < was || (was >= notification.RecallKept && a.Recall != was) {
			s.t.Fatalf("%+v: the recall of step %d was %v and is %v", ev, a.Step, was, a.Recall)
		}
		if a.Recall != notification.NotRecalled && (!s.recalled || s.policy.Channels[a.Channel].RecallWithin == 0) {
			s.t.Fatalf("%+v: nobody can have step %d back, and its recall is %v", ev, a.Step, a.Recall)
		}
	}
	s.checkAsked(ev, c)
	s.checkPlain(ev, c)
	s.answers(ev, c)
}

func (s *story) checkAsked(ev notification.Event, c Change) {
	asked := map[uint8]bool{}
	for _, step := range c.Recall {
		a := attemptAt(&s.n, step)
		if asked[step] || a.Recall != notification.RecallAsked || !a.CanBeRecalled() {
			s.t.Fatalf("%+v asks for steps %v of %+v", ev, c.Recall, s.n)
		}
		asked[step] = true
	}
}

// checkPlain plays the event where recalls are cancellations, and compares.
func (s *story) checkPlain(ev notification.Event, c Change) {
	switch ev.Kind {
	case notification.ReceiptRecalled, notification.ReceiptKept:
		c.Notification = unrecalled(c.Notification)
		if d := cmp.Diff(Change{Notification: s.plain}, Change{Notification: c.Notification, Queue: c.Queue, Await: c.Await, Revoke: c.Revoke, DoubleReach: c.DoubleReach}); d != "" {
			s.t.Fatalf("that a message was taken back changed more than that (-before +after):\n%s", d)
		}
		return
	case notification.RecallOrdered:
		ev.Kind = notification.Cancellation
	}
	plain := Decide(s.plain, ev, s.policy, s.now)
	s.plain = plain.Notification
	c.Notification, c.Recall, c.Changed = unrecalled(c.Notification), nil, plain.Changed
	c.Revoke.Recall = notification.NotRecalled
	if d := cmp.Diff(plain, c); d != "" {
		s.t.Fatalf("%+v: a recall made a difference (-without +with):\n%s", ev, d)
	}
}

// unrecalled is n as if nobody had wanted anything back.
func unrecalled(n notification.Notification) notification.Notification {
	return with(n, func(n *notification.Notification) {
		n.Attempt.Recall = notification.NotRecalled
		for i := range n.Past {
			n.Past[i].Recall = notification.NotRecalled
		}
	})
}

// answers has providers answer what they are asked; and now and then for what they never were, or for what an
// engine asked that died before the ledger had it.
func (s *story) answers(ev notification.Event, c Change) {
	steps := c.Recall
	can := s.policy.Channels[s.n.Attempt.Channel].RecallWithin > 0
	if ev.Kind == notification.RecallOrdered && can && rapid.Bool().Draw(s.t, "answers unasked") {
		steps = append(steps, s.n.Attempt.Step)
	}
	for _, step := range steps {
		k := rapid.SampledFrom([]notification.EventKind{notification.ReceiptRecalled, notification.ReceiptKept}).Draw(s.t, "answer")
		id := notification.ID{Notification: s.n.ID, Step: step, Try: attemptAt(&s.n, step).Try}
		s.pending = append(s.pending, notification.Event{Attempt: id, Kind: k})
	}
}

// checkRecalled: when everything has happened, all that a provider has was asked for.
func (s *story) checkRecalled() {
	for a := range s.n.Attempts() {
		if !s.recalled || s.policy.Channels[a.Channel].RecallWithin == 0 {
			continue
		}
		if a.Recall == notification.NotRecalled || (a.CanBeRecalled() && a.Recall == notification.RecallWanted) {
			s.t.Fatalf("recalled, but step %d is %v: %+v", a.Step, a.Recall, s.n)
		}
	}
}
