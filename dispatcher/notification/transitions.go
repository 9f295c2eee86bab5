package notification

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// EventKind is what happened to an attempt.
type EventKind uint8

// The events. Results come from lanes, receipts from providers, the rest from the engine itself.
const (
	ResultAccepted   EventKind = iota // the provider took it
	ResultFailed                      // the provider refused it for good
	ResultUnknown                     // it may have gone out
	ResultReturned                    // the lane gives it back unsent: not now
	ResultRevoked                     // the lane gives it back unsent, as it was told to
	ReceiptAccepted                   // the provider repeats that it took it
	ReceiptDelivered                  //
	ReceiptRead                       //
	ReceiptFailed                     //
	SilencePassed                     // the step's wait is over
	BouncePassed                      // the window in which a failure could still be reported is over
	Supersession                      // a newer update is planned for this recipient
	QueuePassed                       // it was not sent in the time that it may wait for its lane
	Moved                             // an operator moves what waits for its channel on
	Cancellation                      // an operator cancelled the update
	ReceiptAbsent                     // the provider, asked, says that it never got it
	Withdrawal                        // the recipient has left its channel
	RecallOrdered                     // an operator recalled the update
	ReceiptRecalled                   // the provider has taken it back
	ReceiptKept                       // the provider can't take it back
)

var eventNames = [...]string{
	"result_accepted", "result_failed", "result_unknown", "result_returned", "result_revoked",
	"receipt_accepted", "receipt_delivered", "receipt_read", "receipt_failed",
	"silence_passed", "bounce_passed", "supersession", "queue_passed", "moved", "cancellation", "receipt_absent", "withdrawal",
	"recall_ordered", "receipt_recalled", "receipt_kept",
}

func (k EventKind) String() string { return eventNames[k] }

// EventKinds lists all kinds of event.
func EventKinds() []EventKind {
	kinds := make([]EventKind, len(eventNames))
	for i := range kinds {
		kinds[i] = EventKind(i)
	}
	return kinds
}

// States lists all states of an attempt.
func States() []State {
	states := make([]State, len(stateNames))
	for i := range states {
		states[i] = State(i)
	}
	return states
}

// Event is something that happened to one attempt of a notification.
type Event struct {
	Attempt ID
	Kind    EventKind
	// Class and Code say why, for failures and returns.
	Class channels.Class
	Code  string
	// ProviderID is the provider's id for the message, where it gave one; see AtProvider.
	ProviderID string
	// Provider is the one that said it, or that the message was given to; "" where nobody was asked.
	Provider string
	// Proof is what an acceptance already proves.
	Proof channels.Proof
	// Repeat says that the attempt was sent although a crash had left it in doubt.
	Repeat bool
	// RetryAfter is how long a returned attempt should wait.
	RetryAfter time.Duration
	// DownFor is how long the channel has been down, for an attempt that was returned because it is.
	DownFor time.Duration
}

// Consequence is what an event means beyond the attempt's own new state.
type Consequence uint8

// The consequences.
const (
	Ignore   Consequence = iota // nothing: a repeat, or word of something that no longer matters
	Note                        // the state changes, nothing follows
	Prove                       // see whether the proof is what the step asks for
	Wait                        // let the step's wait run
	Advance                     // go on to the next step
	Requeue                     // another try of the same step
	Presume                     // silence is good news here: reached with what is proven
	MarkStop                    // take no further step
	Stopped                     // it was stopped before it left
)

var consequenceNames = [...]string{"ignore", "note", "prove", "wait", "advance", "requeue", "presume", "mark_stop", "stopped"}

func (c Consequence) String() string { return consequenceNames[c] }

// Transition is one cell of the table.
type Transition struct {
	To   State
	Then Consequence
}

// Next returns what event k means for an attempt in state s. It is total: what the table doesn't
// name is ignored, which makes repeats and stragglers harmless.
func Next(s State, k EventKind) Transition {
	if t, ok := transitions[s][k]; ok {
		return t
	}
	return Transition{To: s, Then: Ignore}
}

// transitions holds every pair of state and event that means something.
var transitions = map[State]map[EventKind]Transition{
	Queued: {
		ResultAccepted:   {Accepted, Prove},
		ResultFailed:     {Failed, Advance},
		ResultUnknown:    {Unknown, Wait},
		ResultReturned:   {Queued, Requeue},
		ResultRevoked:    {Revoked, Stopped},
		ReceiptAccepted:  {Accepted, Prove}, // receipts may overtake the lane's own word
		ReceiptDelivered: {Delivered, Prove},
		ReceiptRead:      {Read, Prove},
		ReceiptFailed:    {Failed, Advance},
		Supersession:     {Queued, MarkStop},
		Cancellation:     {Queued, MarkStop},
		RecallOrdered:    {Queued, MarkStop},
		QueuePassed:      {Expired, Advance},
		Moved:            {Revoked, Advance},
		Withdrawal:       {Revoked, Advance},
	},
	Accepted: {
		ResultAccepted:   {Accepted, Note}, // after a receipt that overtook it: brings the provider's id
		ReceiptDelivered: {Delivered, Prove},
		ReceiptRead:      {Read, Prove},
		ReceiptFailed:    {Failed, Advance},
		SilencePassed:    {Expired, Advance},
		BouncePassed:     {Accepted, Presume},
		Supersession:     {Accepted, MarkStop},
		Cancellation:     {Accepted, MarkStop},
		RecallOrdered:    {Accepted, MarkStop},
	},
	Unknown: {
		ResultAccepted:   {Accepted, Prove},
		ResultFailed:     {Failed, Advance},
		ReceiptAccepted:  {Accepted, Prove},
		ReceiptDelivered: {Delivered, Prove},
		ReceiptRead:      {Read, Prove},
		ReceiptFailed:    {Failed, Advance},
		ReceiptAbsent:    {Queued, Requeue}, // what may have gone out did not
		SilencePassed:    {Expired, Advance},
		Supersession:     {Unknown, MarkStop},
		Cancellation:     {Unknown, MarkStop},
		RecallOrdered:    {Unknown, MarkStop},
	},
	Delivered: {
		ResultAccepted: {Delivered, Note}, // overtaken, as above
		ReceiptRead:    {Read, Prove},
		SilencePassed:  {Delivered, Advance}, // open only where the step asks for a reader
		Supersession:   {Delivered, MarkStop},
		Cancellation:   {Delivered, MarkStop},
		RecallOrdered:  {Delivered, MarkStop},
	},
	Read: {
		ResultAccepted: {Read, Note},
	},
	Failed: {
		ResultAccepted:   {Failed, Note}, // overtaken by the receipt of its failure
		ReceiptDelivered: {Delivered, Prove},
		ReceiptRead:      {Read, Prove},
	},
	Expired: {
		ResultAccepted:   {Expired, Note}, // it had left when its time in the queue was over
		ReceiptAccepted:  {Expired, Note}, // so says the provider, asked about one in doubt
		ReceiptDelivered: {Delivered, Prove},
		ReceiptRead:      {Read, Prove},
		ReceiptFailed:    {Failed, Note},
	},
	Revoked: {
		ResultAccepted:   {Accepted, Prove}, // it had left before the word came
		ReceiptAccepted:  {Accepted, Prove},
		ReceiptDelivered: {Delivered, Prove},
		ReceiptRead:      {Read, Prove},
	},
}
