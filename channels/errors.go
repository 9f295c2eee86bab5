package channels

import (
	"errors"
	"fmt"
	"time"
)

// Class says what an error means for the attempt. The adapter decides it, once, where the error
// arises; everybody else acts on the class alone.
type Class uint8

const (
	// Unknown: the message may have gone out (a timeout or a lost connection after the request was
	// written, an answer that can't be read). It is never resent on its channel.
	Unknown Class = iota
	// InvalidAddress: this address can't be reached on this channel, now or later (no such number,
	// blocked, unsubscribed). Nothing went out.
	InvalidAddress
	// Rejected: the provider refuses this message (content, template, policy). Nothing went out.
	Rejected
	// Auth: the provider refuses us. Nothing went out, and nothing will until somebody acts.
	Auth
	// RateLimited: too fast; nothing went out. RetryAfter says when to go on, where known.
	RateLimited
	// Unavailable: the provider can't be reached or says that it is out of order. Nothing went out.
	Unavailable
)

var classNames = [...]string{"unknown", "invalid_address", "rejected", "auth", "rate_limited", "unavailable"}

func (c Class) String() string { return classNames[c] }

// Error is how a Sender says that a message was not taken, or may not have been.
//
// Its text names the provider's code and what was being done, never an address, a message text or a
// secret.
type Error struct {
	Class Class
	// Code is the provider's own code ("21610", "550 5.1.1"), or a short word for a failure that
	// has none ("timeout", "refused").
	Code string
	// RetryAfter is how long the provider asks us to wait, 0 if it doesn't say.
	RetryAfter time.Duration
	// Err is the cause.
	Err error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s (%s)", e.Class, e.Code)
	}
	return fmt.Sprintf("%s (%s): %v", e.Class, e.Code, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as an *Error. An error of another type becomes one of class Unknown, since
// nothing is known of what happened.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Class: Unknown, Code: "unclassified", Err: err}
}
