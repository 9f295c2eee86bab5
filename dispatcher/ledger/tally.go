package ledger

import (
	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Tally is one of an update's running counts, kept in the transactions that change what it counts,
// so that progress is never counted row by row.
type Tally struct {
	// Channel is "" for notifications that were reached on none.
	Channel string `json:"channel"`
	// What is a state or an outcome by name, or one of the words below.
	What  string `json:"what"`
	Count int64  `json:"count"`
}

// What tallies count, beside states (the attempts that ever were in it: a delivered one counts as
// accepted too) and outcomes (notifications).
const (
	// Planned counts notifications by the channel of their first step.
	Planned = "planned"
	// Fallback counts notifications reached by a later step than the first.
	Fallback = "fallback"
	// Returned counts tries that a lane gave back unsent.
	Returned = "returned"
	// Double counts recipients reached once more, by the channel of the second time.
	Double = "double_reach"
	// Repeated counts attempts sent although a crash had left them in doubt: at most as many were sent
	// twice.
	Repeated = "repeated"
	// RecallAsked counts attempts whose message a provider was asked to take back; RecallKept those that it
	// could not take back, Recalled those that it did.
	RecallAsked = "recall_asked"
	RecallKept  = "recall_kept"
	Recalled    = "recalled"
)

// TallyChange calls add for every count that changes when a notification goes from before to after.
func TallyChange(before, after *notification.Notification, add func(channel, what string, n int64)) {
	for i := range after.Past {
		tallyAttempt(attemptOf(before, after.Past[i].Step), &after.Past[i], add)
	}
	tallyAttempt(attemptOf(before, after.Attempt.Step), &after.Attempt, add)
	if before.Outcome == notification.Open && after.Outcome != notification.Open {
		TallyOutcome(after, add)
	}
}

// TallyOutcome calls add for what a settled notification counts as.
func TallyOutcome(n *notification.Notification, add func(channel, what string, n int64)) {
	add(n.ReachedBy, n.Outcome.String(), 1)
	if n.Outcome == notification.Reached && len(n.Steps) > 0 && n.ReachedBy != n.Steps[0].Channel {
		add(n.ReachedBy, Fallback, 1)
	}
}

func attemptOf(n *notification.Notification, step uint8) *notification.Attempt {
	if n.Attempt.Step == step {
		return &n.Attempt
	}
	for i := range n.Past {
		if n.Past[i].Step == step {
			return &n.Past[i]
		}
	}
	return nil
}

func tallyAttempt(before, after *notification.Attempt, add func(channel, what string, n int64)) {
	var was notification.State
	if before == nil {
		add(after.Channel, notification.Queued.String(), 1)
		was = notification.Queued
	} else {
		was = before.State
		if after.Try > before.Try {
			add(after.Channel, Returned, int64(after.Try-before.Try))
		}
	}
	if taken(after) && !taken(before) {
		add(after.Channel, channels.Accepted.String(), 1)
	}
	tallyRecall(before, after, add)
	if after.State == was {
		return
	}
	for p := max(was.Proof(), channels.Accepted) + 1; p <= after.State.Proof(); p++ {
		add(after.Channel, p.String(), 1)
	}
	// One that is queued again, since its provider never got it, was counted as queued before.
	if after.State.Proof() == channels.NoProof && after.State != notification.Queued {
		add(after.Channel, after.State.String(), 1)
	}
}

func tallyRecall(before, after *notification.Attempt, add func(channel, what string, n int64)) {
	was := notification.NotRecalled
	if before != nil {
		was = before.Recall
	}
	if after.Recall == was {
		return
	}
	if was < notification.RecallAsked && after.Recall >= notification.RecallAsked {
		add(after.Channel, RecallAsked, 1)
	}
	switch after.Recall {
	case notification.RecallKept:
		add(after.Channel, RecallKept, 1)
	case notification.Recalled:
		add(after.Channel, Recalled, 1)
	case notification.NotRecalled, notification.RecallWanted, notification.RecallAsked:
	}
}

// taken reports whether a provider has ever taken the attempt: one that expired or failed after
// that counts as accepted once, also where a late receipt proves more.
func taken(a *notification.Attempt) bool {
	return a != nil && (a.Took || a.State.Proof() >= channels.Accepted)
}
