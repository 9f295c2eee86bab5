package channels

import "context"

// BulkSender is a Sender whose provider takes one message for many recipients in one call. What is each
// recipient's own has no place in such a call: no values, no reference. So receipts of what was sent in
// bulk name the provider's ids ([Spec].ReceiptsByID), one of its own for each recipient.
type BulkSender interface {
	// BulkLimit is how many recipients one call takes at most, two or more.
	BulkLimit() int
	// SendBulk gives m to all of the addresses, each of which is there once, and returns what became of
	// each, in their order. m has neither Address nor Ref, Callback, Unsubscribe and Thread. It is safe for
	// concurrent use, beside Send too.
	//
	// An error is an *Error, and speaks of all of them: of class Unknown the message may have gone out to any,
	// of another class it went out to none; Rejected says besides that Send may do for each what a bulk
	// can't.
	SendBulk(ctx context.Context, m Message, addresses []string) ([]BulkResult, error)
}

// BulkResult is what became of a message for one of many recipients: Ack if Err is nil.
type BulkResult struct {
	Ack Ack
	Err *Error
}
