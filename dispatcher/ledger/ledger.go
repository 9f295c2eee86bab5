// Package ledger holds the types and errors of Tocsin's book of record: which updates came, whom
// they are for, what was tried and how it ended. The stores are in the packages below it; each role
// declares the few methods that it needs of one.
//
// All times are the product's and are kept to the millisecond, in UTC. All ids are ascending.
package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Errors that callers act on.
var (
	// ErrNotFound: there is no such thing.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the thing has changed since it was read; read it again.
	ErrConflict = errors.New("changed meanwhile")
	// ErrReused: the update's source and id are those of another update of the team.
	ErrReused = errors.New("the id is that of another update")
	// ErrStale: a newer update of the incident has been let go; this one is told to nobody.
	ErrStale = errors.New("there is newer news")
	// ErrFull: the store has no room; nothing was written.
	ErrFull = errors.New("ledger is full")
	// ErrReadOnly: the store was opened for reading only; nothing was written.
	ErrReadOnly = errors.New("it is open for reading only")
)

// OtherSchema says that a store's schema is older or newer than this program's.
func OtherSchema(is, want int64) error {
	return fmt.Errorf("its schema has version %d, this program's has %d: start the server of this version on it once, or read it with the program that wrote it", is, want)
}

// UpdateState is where an update stands.
type UpdateState string

// The states of an update.
const (
	Held         UpdateState = "held"          // texts are frozen, waiting for approval
	Approved     UpdateState = "approved"      // to be planned
	Planning     UpdateState = "planning"      // pages are being committed
	Sending      UpdateState = "sending"       // the audience is frozen, notifications are open
	Closed       UpdateState = "closed"        // every notification has its outcome
	Cancelled    UpdateState = "cancelled"     // an operator has ended it: Reason says who and why
	NotAnnounced UpdateState = "not_announced" // kept, but told to nobody: Reason says why
)

// Update is an update as the ledger keeps it.
type Update struct {
	ID     int64
	Update incident.Update
	State  UpdateState
	Reason string
	// ReceivedAt is when it reached us; ApprovedAt and ApprovedBy say who let it go.
	ReceivedAt, ApprovedAt time.Time
	ApprovedBy             string
	// Cursor is the number of the last recipient planned, Until that of the last to be planned.
	Cursor, Until int64
	// Audience is the number of notifications committed; final once planning is done.
	Audience int64
	// FirstNoticeAt is when a provider took the first message.
	FirstNoticeAt time.Time
	// RetryOf is the update that this one tells again to those whom it did not reach; 0 if none.
	RetryOf int64
	// Terms are what its playbook said of it when it was taken in.
	Terms playbook.Terms
}

// Text is what an update says to one kind of channel in one locale, frozen when it is taken in.
type Text struct {
	Kind    channels.Kind
	Locale  string
	Content notification.Content
	// Hash is the SHA-256 of the content's JSON, in hex.
	Hash string
	// Units are the billed units (SMS segments) of the text, 0 where there are none.
	Units int
}

// SentTo is where an attempt went: to a recipient's address on a channel, in a batch.
type SentTo struct {
	Recipient int64
	Channel   string
	Batch     int64
}

// NewUpdate is an update to be recorded, with the incident as it is after it.
type NewUpdate struct {
	Update     incident.Update
	Incident   incident.Incident
	State      UpdateState
	Reason     string
	ReceivedAt time.Time
	ApprovedBy string
	Texts      []Text
	Terms      playbook.Terms
}

// Rejection is an update that was refused, kept whole.
type Rejection struct {
	ID     int64            `json:"id"`
	Team   string           `json:"team"`
	At     time.Time        `json:"at"`
	Faults []incident.Fault `json:"faults"`
	// Body is the message as it came.
	Body []byte `json:"body"`
}

// Recipient is a recipient with the directory's number for them.
type Recipient struct {
	Number int64
	audience.Recipient
}

// Page is one step of planning, committed whole or not at all.
type Page struct {
	Update int64
	// Cursor is the last recipient number that this page looked at; From is the one before it.
	From, Cursor int64
	// Last says that planning ends with this page.
	Last bool
	// Note is added to the update's reason by the last page.
	Note string
	// Now is the time of the commit.
	Now time.Time
	// Notifications in the order of their batches; their ids are given at the commit.
	Notifications []NewNotification
	Batches       []NewBatch
}

// NewNotification is a notification to be planned.
type NewNotification struct {
	Recipient int64
	Locale    string
	// Steps are its cascade; none means that it is settled at once, as Outcome and
	// Reason say.
	Steps   []notification.Step
	Outcome notification.Outcome
	Reason  notification.Reason
}

// NewBatch carries first attempts: the page's notifications From up to but not including To.
type NewBatch struct {
	From, To int
	Batch    BatchHead
	Items    []Item
}

// BatchHead is what the attempts of a batch share.
type BatchHead struct {
	Update   int64
	Channel  string
	Kind     channels.Kind
	Locale   string
	Priority notification.Priority
	Step     uint8
	Try      uint8
	// NotBefore is when it may be sent; zero is now.
	NotBefore time.Time
	// Last says that no step follows.
	Last bool
	// GivenUp is when what of it still waits for the lane is given up; zero if never.
	GivenUp time.Time
}

// Item is one attempt of a batch: where it goes, with which values.
type Item struct {
	Notification int64             `json:"n,omitempty"`
	Address      string            `json:"a"`
	Values       map[string]string `json:"v,omitempty"`
}

// Batch is a batch that is to be handed to its lane.
type Batch struct {
	ID int64
	BatchHead
	Items   []Item
	Content notification.Content
	Team    string
	// Incident is the team's id of the incident; Impact its impact.
	Incident string
	Impact   incident.Impact
	// Units are the billed units of all its messages; 0 where nothing is billed by the message.
	Units int64
}

// AttemptBatch is a batch of further attempts, made by the fallback engine.
type AttemptBatch struct {
	BatchHead
	Items []Item
}

// DeadlineKind is what a deadline ends.
type DeadlineKind uint8

// The kinds of deadline. Their numbers are stored: append only.
const (
	Silence DeadlineKind = iota // the step's wait for its proof
	Bounce                      // the window in which a failure could still be reported
	Queue                       // the time that attempts may wait for their lane
	Inquiry                     // the time after which providers are asked about what they have not reported
)

// Deadline is the moment at which what was not heard of a batch's attempts becomes news itself.
type Deadline struct {
	Batch int64
	Kind  DeadlineKind
	Due   time.Time
}

// Fold is what the fallback engine commits at once: notifications changed, with everything that
// follows from it.
type Fold struct {
	Now time.Time
	// Changed are notifications as they are now, sorted by id; Before are the same as they were read.
	Changed, Before []notification.Notification
	// Batches of further attempts. Their items' notifications are among Changed.
	Batches   []AttemptBatch
	Deadlines []Deadline
	// Done are deadlines that have been dealt with.
	Done []Deadline
	// DoubleReached lists second reaches, and Repeated attempts sent although in doubt, one entry each.
	DoubleReached, Repeated []Occurrence
	// ProviderIDs are ids newly known on channels whose receipts name nothing else.
	ProviderIDs []ProviderAttempt
	// Early are receipts by provider's id whose attempt is not known yet; Claimed are those that
	// have found theirs.
	Early   []EarlyReceipt
	Claimed []int64
	// Superseded are pages whose supersession is done; ErrandsDone are orders' errands that are.
	Superseded, ErrandsDone []int64
	// Errands are to be run later; their ids are the store's.
	Errands []Errand
	// Dead are addresses that a provider refused as invalid: the directory remembers them.
	Dead []DeadAddress
	// Trail are entries about what the fold carries out. That an update closes is entered by the store.
	Trail []TrailEntry
}

// Occurrence is something that happened once, for an update on a channel.
type Occurrence struct {
	Update  int64
	Channel string
}

// EarlyReceipt is a receipt that came before the attempt's provider id was known.
type EarlyReceipt struct {
	ID         int64
	Channel    string
	ProviderID string
	State      channels.ReceiptState
	Code       string
	At         time.Time
}

// ProviderAttempt says which attempt a provider's id stands for.
type ProviderAttempt struct {
	Channel    string
	ProviderID string
	Attempt    notification.ID
}

// SupersedingPage is a committed page whose recipients may have older notifications of the same
// incident still open.
type SupersedingPage struct {
	ID     int64
	Update int64
	// First and Last are the ids of its notifications.
	First, Last int64
}
