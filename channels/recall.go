package channels

import (
	"context"
	"math"
	"time"
)

// Recaller is a Sender whose provider can take back a message that it has taken, so that nobody who has
// not seen it yet will. [Spec].RecallWithin says for how long.
type Recaller interface {
	// Recall has a message taken back, at most until ctx ends. It is safe for concurrent use, beside Send
	// too. A nil error means that the message isn't there any more: taken back now or before, by us or by
	// somebody else. So a recall of which nobody knows how it ended is simply made again.
	//
	// Any error is an *Error: of class RateLimited, Unavailable, Auth or Unknown if trying again may help,
	// of class Rejected or InvalidAddress if the message stays (it is too old, its chat is closed to us), or
	// may stay for all that anybody will tell us. A provider's word that it knows no such message is believed
	// only if it would have told us of it: it is ours, and we may see what it has.
	Recall(ctx context.Context, m Sent) error
}

// Sent names a message that a provider took.
type Sent struct {
	// Ref is the attempt's reference, and Address where it went, as in Message; if the directory changed just
	// as the message left, it may be the newer address. So where a provider looks for a message at an address
	// only, ProviderID says enough to tell another one.
	Ref, Address string
	// ProviderID is the provider's id for the message, from [Ack], never "".
	ProviderID string
}

// Always is Spec.RecallWithin of a provider that takes back messages of any age.
const Always time.Duration = math.MaxInt64

// The answers to a recall. No webhook says them.
const (
	// ReceiptRecalled says that the message isn't there any more.
	ReceiptRecalled ReceiptState = "recalled"
	// ReceiptKept says that the message stays: it can't be taken back.
	ReceiptKept ReceiptState = "kept"
)
