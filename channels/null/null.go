// Package null is a channel that delivers at once to nobody. Benchmarks send through it to see what
// everything but the providers costs; it does nothing, counts nothing and allocates nothing.
package null

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Spec describes the adapter. Its channel carries texts of the kind sms. The acknowledgement itself
// proves the delivery, so that no receipt is waited for.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "null",
		Title:    "Null (delivers to nobody)",
		Kind:     channels.SMS,
		Channel:  "null",
		Proofs:   []channels.Proof{channels.Delivered},
		Silence:  channels.SilenceIsFailure,
		// A repeated message is recognised in the only way that matters: nobody gets it twice.
		Idempotent: true,
		Limits:     channels.Limits{Concurrency: 256, Timeout: time.Second},
		Docs:       "https://pkg.go.dev/github.com/tocsin-dev/tocsin/channels/null",
		Example:    "{}\n",
		New:        newSender,
	}
}

func newSender(decode func(any) error, _ channels.Env) (channels.Sender, error) {
	var nothing struct{}
	if err := decode(&nothing); err != nil {
		return nil, fmt.Errorf("null: %w", err)
	}
	return sender{}, nil
}

type sender struct{}

// Send takes the message unless ctx is over.
func (sender) Send(ctx context.Context, _ channels.Message) (channels.Ack, error) {
	if err := ctx.Err(); err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.Unavailable, Code: "cancelled", Err: err}
	}
	return channels.Ack{Proof: channels.Delivered}, nil
}

// Close does nothing.
func (sender) Close() error { return nil }
