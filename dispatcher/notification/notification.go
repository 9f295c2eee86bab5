// Package notification is what becomes of one update for one recipient: its cascade of attempts,
// the events that move it, and the one outcome in which it ends. It holds values and the transition
// table, and does no I/O; package fallback decides with it, the ledger stores it.
//
// # Attempts
//
// An attempt is one try of a notification on one channel; its identity is (notification, step, try).
//
//	                  ┌───────────── returned: another try ─────────────┐
//	                  ▼                                                  │
//	             ┌────────┐  accepted   ┌──────────┐ delivered  ┌───────────┐ read ┌──────┐
//	planned ───▶ │ queued │ ──────────▶ │ accepted │ ─────────▶ │ delivered │ ───▶ │ read │
//	             └────────┘             └──────────┘            └───────────┘      └──────┘
//	              │  │  │ may have gone   │      │ silence            ▲
//	    revoked ◀─┘  │  └──▶ unknown ─────┼──────┴──▶ expired ────────┤ a late receipt
//	                 └───────▶ failed ◀───┘           failed ─────────┘
//
// An unknown attempt becomes what its provider says of it, by a receipt or when it is asked: if it never
// got it, the attempt is queued again, as another try.
//
// A failed or expired attempt leads to the next step of the cascade, at once. Receipts may come
// late, twice or before the result they follow: the table in transitions.go says for each state
// what each event means, and a state never falls back to a weaker proof.
//
// # Recalls
//
// An operator may recall an update: what has not left is stopped, and what a provider took it is asked to
// take back, where it can. What attempts proved and how notifications ended stays as it was.
//
// # Outcomes
//
// A notification is open until it is reached (with a proof), unreachable or suppressed (with a
// reason), or superseded by a newer update. Outcomes don't change; what is learned later is kept
// with the attempt.
package notification

import (
	"iter"
	"strconv"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// State is where an attempt stands.
type State uint8

// The states of an attempt. Their numbers are stored: append only.
const (
	NoAttempt State = iota // nothing was tried: the notification was settled at planning
	Queued                 // waiting for its lane, or under way in it
	Accepted               // the provider took it
	Delivered              // the provider says that it arrived
	Read                   // the provider says that it was seen
	Failed                 // refused, by the provider's answer or by a receipt
	Expired                // no receipt came in time where one is to be expected
	Revoked                // stopped before it left
	Unknown                // may have gone out: the answer never came
)

var stateNames = [...]string{"none", "queued", "accepted", "delivered", "read", "failed", "expired", "revoked", "unknown"}

func (s State) String() string {
	if int(s) >= len(stateNames) {
		return "state " + strconv.Itoa(int(s)) // of a damaged ledger
	}
	return stateNames[s]
}

// Proof returns what the state proves.
func (s State) Proof() channels.Proof {
	switch s {
	case Accepted:
		return channels.Accepted
	case Delivered:
		return channels.Delivered
	case Read:
		return channels.Read
	default:
		return channels.NoProof
	}
}

// Outcome is how a notification ended.
type Outcome uint8

// The outcomes. Their numbers are stored: append only.
const (
	Open        Outcome = iota // not settled yet
	Reached                    // the recipient has it, with the proof that its step asks for
	Unreachable                // every step was tried, or none was possible
	Suppressed                 // not sent, for the recipient's own good or by their will
	Superseded                 // a newer update took its place before it had arrived
)

var outcomeNames = [...]string{"open", "reached", "unreachable", "suppressed", "superseded"}

func (o Outcome) String() string {
	if int(o) >= len(outcomeNames) {
		return "outcome " + strconv.Itoa(int(o)) // of a damaged ledger
	}
	return outcomeNames[o]
}

// Reason says why a notification was not reached.
type Reason string

// The reasons. Unreachable notifications carry the reason of their last attempt's failure, or why
// there was none.
const (
	NoReason       Reason = ""
	NoAddress      Reason = "no_address"      // no usable address on any channel
	NoConsent      Reason = "no_consent"      // addresses, but no consent to use them
	NoText         Reason = "no_text"         // the update says nothing on any usable channel
	InvalidAddress Reason = "invalid_address" // refused for the address
	Rejected       Reason = "rejected"        // refused for the message
	Undelivered    Reason = "undelivered"     // a receipt said so
	Silence        Reason = "silence"         // no receipt came
	Unavailable    Reason = "unavailable"     // the provider stayed out of order
	NewerUpdate    Reason = "newer_update"
	OutOfDate      Reason = "expired"       // its news was no longer worth telling when its turn came
	Cancelled      Reason = "cancelled"     // an operator called the update off
	FrequencyCap   Reason = "frequency_cap" // has had as many messages as are allowed for a while
)

// HeldBack is the code of attempts that a lane gives back because an operator has paused their update.
const HeldBack = "held_back"

// Stop says why a notification takes no further step.
type Stop uint8

// The ways to be stopped. Their numbers are stored: append only.
const (
	GoOn      Stop = iota
	NewerNews      // a newer update is on its way to this recipient
	CalledOff      // an operator cancelled the update
)

// Outcome returns how a stopped notification ends.
func (s Stop) Outcome() (Outcome, Reason) {
	if s == CalledOff {
		return Suppressed, Cancelled
	}
	return Superseded, NewerUpdate
}

// Attempt is one try of a notification on one channel.
type Attempt struct {
	Step, Try uint8
	Channel   string
	State     State
	Code      string // the provider's code for a failure
	// ProviderID is the provider's id for the message; where the channel has several providers it says
	// which one took it as well, see AtProvider.
	ProviderID string
	// Took says that the provider has taken it at some time, whatever became of it later.
	Took bool
	// Recall says how far the taking back of its message is.
	Recall Recall
	Batch  int64
	// QueuedAt is when its step was first queued, or when quiet hours let it leave: tries of a step
	// share it.
	QueuedAt time.Time
}

// ID is an attempt's identity.
type ID struct {
	Notification int64
	Step, Try    uint8
}

// Notification is one update for one recipient.
type Notification struct {
	ID        int64
	Update    int64
	Recipient int64 // the recipient's number in the directory
	// Version counts the changes made to it; a writer that read another version must read again.
	Version int64
	Locale  string
	// Steps are its cascade, in order.
	Steps []Step
	// Attempt is the current one.
	Attempt Attempt
	// Past are the attempts before it, in order.
	Past []Attempt
	// Stop says whether and why no further step is taken.
	Stop Stop

	Outcome   Outcome
	Reason    Reason
	Proof     channels.Proof
	ReachedBy string // the channel that reached the recipient
	SettledAt time.Time
}

// Begun returns when the notification was to leave first.
func (n *Notification) Begun() time.Time {
	if len(n.Past) > 0 {
		return n.Past[0].QueuedAt
	}
	return n.Attempt.QueuedAt
}

// Attempts yields all attempts of a notification in the order of its steps, the current one last.
func (n *Notification) Attempts() iter.Seq[*Attempt] {
	return func(yield func(*Attempt) bool) {
		for i := range n.Past {
			if !yield(&n.Past[i]) {
				return
			}
		}
		yield(&n.Attempt)
	}
}

// LastStep reports whether the current attempt is on the cascade's last step.
func (n *Notification) LastStep() bool { return int(n.Attempt.Step) >= len(n.Steps)-1 }
