package channels

import (
	"context"
	"time"
)

// Inquirer is a Sender that can ask its provider what became of a message: one whose receipt did not
// come, or one whose fate is not known at all, because the answer to Send was lost. Spec.InquireAfter
// says when the second kind can be asked about.
type Inquirer interface {
	// Inquire asks once, at most until ctx ends. It is safe for concurrent use, beside Send too. The
	// receipt carries the inquiry's Ref, and the provider's id for the message where it is known; its
	// state is what the provider says of it now, ReceiptAccepted where it has the message and knows
	// no more, ReceiptAbsent where it never got it.
	//
	// ReceiptAbsent lets the attempt be made again, so it is never a guess: where anything may be the
	// message, or the provider may not have said all, the answer is an error. Any error is an *Error:
	// of class RateLimited, Unavailable, Auth or Unknown if asking again may tell, of class Rejected
	// if it won't.
	Inquire(ctx context.Context, q Inquiry) (Receipt, error)
}

// Inquiry names the message that a provider is asked about: by the provider's id, or, where the
// answer that should have brought the id was lost, by what it was.
type Inquiry struct {
	// Ref is the attempt's reference, as in Message.
	Ref string
	// ProviderID is the provider's id for the message. Where it is set nothing else but Ref is.
	ProviderID string
	// Address and Text are the message's own.
	Address, Text string
	// SentAfter and SentBefore bound the time at which it was given to the provider, if it was, by
	// our clock.
	SentAfter, SentBefore time.Time
	// Others are the provider's ids of messages that are known to be those of other attempts.
	Others []string
}

// ReceiptAbsent is the answer to an inquiry that says that the provider never got the message: it was
// not sent. No webhook says it.
const ReceiptAbsent ReceiptState = "absent"
