package ledger

import (
	"context"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// View is the ledger as it was at one moment, row by row, for audits and exports: whatever is read
// through one view belongs together, also while the engine goes on. A store hands it to a function
// and takes it back when the function returns.
//
// A view keeps the store from tidying up behind it, so it is to be given back soon: one is meant for
// one incident. Methods that take after and limit are called again with the last key they gave, until
// they give nothing.
type View interface {
	// Incidents lists incidents in the order of their coming.
	Incidents(ctx context.Context) ([]IncidentKey, error)
	// KeptUpdates lists an incident's updates in the order of their coming; none if there is no such
	// incident.
	KeptUpdates(ctx context.Context, k IncidentKey) ([]KeptUpdate, error)
	// KeptTexts lists an update's texts, by kind and locale.
	KeptTexts(ctx context.Context, update int64) ([]FrozenText, error)
	// Approvals are what was said of an update while it was held, in order.
	Approvals(ctx context.Context, update int64) ([]ApprovalSaid, error)
	// Tallies are an update's running counts.
	Tallies(ctx context.Context, update int64) ([]Tally, error)
	// NotificationsOf reads the notifications, with all their attempts, that updates have for the next
	// recipients numbered above after, at most limit numbers on, in order of the recipients' numbers
	// and then of ids. next is the number to go on after; nothing is left if there are none.
	NotificationsOf(ctx context.Context, updates []int64, after int64, limit int) (ns []notification.Notification, next int64, err error)
	// RecipientsKept are the recipients with the numbers given, also deleted ones: of those only the
	// id is left. In order of their numbers.
	RecipientsKept(ctx context.Context, numbers []int64) ([]Recipient, error)
	// Withdrawers are those of the recipients who have left channels, in order of their numbers.
	Withdrawers(ctx context.Context, numbers []int64) ([]Withdrawer, error)
	// Leaving are the recipients for whom the engine is still to stop what is queued on channels that they
	// have left, in order of their numbers.
	Leaving(ctx context.Context) ([]int64, error)
	// BatchesByID are those of the batches that exist, in order of ids.
	BatchesByID(ctx context.Context, ids []int64) ([]KeptBatch, error)
	// BatchesOf are up to limit batches of an update with ids above after, in order of ids.
	BatchesOf(ctx context.Context, update, after int64, limit int) ([]KeptBatch, error)
	// Deadlines are up to limit deadlines of batches with ids above after, in order of batches; a
	// batch's are given together.
	Deadlines(ctx context.Context, after int64, limit int) ([]Deadline, error)
	// AwaitedBatches are those of the batches for which there is a deadline.
	AwaitedBatches(ctx context.Context, ids []int64) ([]int64, error)
	// PendingSupersession reports whether pages of an update wait to supersede what is older.
	PendingSupersession(ctx context.Context, update int64) (bool, error)
	// Trail are up to limit links of the trail after the one numbered after.
	Trail(ctx context.Context, after int64, limit int) ([]TrailLink, error)
	// TrailOf are the links that speak of an update.
	TrailOf(ctx context.Context, update int64) ([]TrailLink, error)
	// TrailHead is the head to which the next entry will be appended.
	TrailHead(ctx context.Context) (TrailHead, error)
}

// IncidentKey names an incident.
type IncidentKey struct {
	Team     string `json:"team"`
	Incident string `json:"incident"`
}

// String writes the key as TEAM/INCIDENT.
func (k IncidentKey) String() string { return k.Team + "/" + k.Incident }

// KeptUpdate is an update with what the store keeps beside it.
type KeptUpdate struct {
	Update
	// Value is the update as it was recorded, as JSON.
	Value []byte
	// TermsValue are its terms as they were recorded, as JSON.
	TermsValue []byte
	// Open is the running count of notifications without an outcome.
	Open int64
	// Dropped is what is kept of the notifications (RowCounts as JSON) if their rows were dropped, all or
	// some; nil while all are there.
	Dropped []byte
}

// KeptBatch is a batch as the store keeps it: without what its messages say, and of its addresses only
// how many there are.
type KeptBatch struct {
	ID int64
	BatchHead
	// Members are the notifications whose attempts it carries.
	Members []int64
	// Items is how many addresses are still kept, 0 once the lanes' queue has them.
	Items int
	// SentAt is when the queue took it; zero while it waits.
	SentAt time.Time
}
