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
// A failed or expired attempt leads to the next step of the cascade, at once. Receipts may come
// late, twice or before the result they follow: the table in transitions.go says for each state
// what each event means, and a state never falls back to a weaker proof.
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
)

// Attempt is one try of a notification on one channel.
type Attempt struct {
	Step, Try  uint8
	Channel    string
	State      State
	Code       string // the provider's code for a failure
	ProviderID string // the provider's id for the message
	// Took says that the provider has taken it at some time, whatever became of it later.
	Took  bool
	Batch int64
	// QueuedAt is when its step was first queued: tries of a step share it.
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
	// Steps are the channels of its cascade, in order.
	Steps []string
	// Attempt is the current one.
	Attempt Attempt
	// Past are the attempts before it, in order.
	Past []Attempt
	// Stale says that a newer update is on its way to this recipient: no further step is taken.
	Stale bool

	Outcome   Outcome
	Reason    Reason
	Proof     channels.Proof
	ReachedBy string // the channel that reached the recipient
	SettledAt time.Time
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
