package notification

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Priority orders batches in a lane's queue.
type Priority string

// The priorities, most urgent first.
const (
	Urgent Priority = "urgent"
	Normal Priority = "normal"
)

// Priorities lists all priorities, most urgent first.
func Priorities() []Priority { return []Priority{Urgent, Normal} }

// PriorityOf returns how urgent the news of a status and impact is: an outage that hurts now goes
// before what is announced ahead or explained afterwards.
func PriorityOf(s incident.Status, i incident.Impact) Priority {
	switch {
	case s == incident.Postmortem, s == incident.Scheduled, i == incident.Minor:
		return Normal
	default:
		return Urgent
	}
}

// InDoubt says what a lane does with an attempt that may have gone out before a crash, where the
// provider can't tell.
type InDoubt string

// The policies.
const (
	// Repeat sends it again: better twice than not at all.
	Repeat InDoubt = "repeat"
	// LeaveUnknown reports it as unknown: a receipt or the next step resolves it.
	LeaveUnknown InDoubt = "unknown"
)

// ChannelPolicy is how the engine treats one channel.
type ChannelPolicy struct {
	// Wait is how long a step on this channel waits for its proof, from acceptance.
	Wait time.Duration
	// Proof is what counts as reached.
	Proof channels.Proof
	// Silence says how to read that nothing came within Wait.
	Silence channels.Silence
	// Queue is how long an attempt may wait for its lane before the cascade goes on; 0 is as long as
	// the news is worth telling.
	Queue time.Duration
	// BounceWindow is how long a failure may still be reported where silence is presumed.
	BounceWindow time.Duration
	// ByID says that receipts name the provider's id only, so that ids must be indexed.
	ByID bool
	// Askable says that a provider behind it can be asked what became of a message; AskRate is about how
	// many they are asked about a second, of machine time, 0 if that is not known.
	Askable bool
	AskRate float64
	// AskAfter is how long after an attempt in doubt they can be asked whether they have it, in machine time.
	AskAfter time.Duration
	// RecallWithin is how long after it took a message a provider behind it can take it back, in machine
	// time; 0 where none can.
	RecallWithin time.Duration
	// Providers are the names of the providers behind it, at least one.
	Providers []string
}

// Step returns how a step is treated: as its channel is, but for what the step says itself.
func (p *Policy) Step(s Step) ChannelPolicy {
	c := p.Channels[s.Channel]
	if s.Wait > 0 {
		c.Wait = s.Wait
	}
	if s.Proof > channels.NoProof {
		c.Proof = s.Proof
	}
	return c
}

// Policy is how the engine treats notifications: by channel, and for returned attempts.
type Policy struct {
	Channels map[string]ChannelPolicy
	// RetryEvery is how long a returned attempt waits when the lane names no time.
	RetryEvery time.Duration
	// MoveOnAfter is how long a channel may be down before an attempt that it gives back goes on to
	// the next step; 0 is never.
	MoveOnAfter time.Duration
	// UsefulFor is how long news is worth telling, from when it was to leave first: what has not left
	// by then doesn't any more. 0 is without end.
	UsefulFor time.Duration
	// Until is when the news of one update is no longer worth telling, whenever it was to leave; zero if never.
	Until time.Time
}

// Of returns the policy for the notifications of an update: who is reminded of a maintenance must hear of it
// before it begins.
func (p Policy) Of(u *incident.Update) Policy {
	if u.Automatic == incident.Reminder {
		p.Until = u.StartedAt
	}
	return p
}

// Expires returns when a notification that was to leave at begun is no longer worth sending; zero if never.
func (p *Policy) Expires(begun time.Time) time.Time {
	if p.UsefulFor == 0 {
		return p.Until
	}
	if at := begun.Add(p.UsefulFor); p.Until.IsZero() || at.Before(p.Until) {
		return at
	}
	return p.Until
}

// GivenUp returns when an attempt on a channel that has been due since at is given up if it still waits
// for its lane; zero if never. begun is when its notification was to leave first.
func (p *Policy) GivenUp(channel string, at, begun time.Time) time.Time {
	expires, queue := p.Expires(begun), p.Channels[channel].Queue
	if queue == 0 || (!expires.IsZero() && expires.Before(at.Add(queue))) {
		return expires
	}
	return at.Add(queue)
}
