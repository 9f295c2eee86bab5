package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrOtherLedger says that what is in the streams belongs to another ledger.
var ErrOtherLedger = errors.New("the streams belong to another ledger")

// ledgerKey is where the control bucket says to which ledger the streams belong.
const ledgerKey = "ledger"

// Claim ties the streams to a ledger, by its identity, if they are not tied to one yet, and returns
// ErrOtherLedger if they are to another. Ids of notifications and batches have a meaning within one
// ledger only: with two, each would take the other's results for its own.
func (b *Bus) Claim(ctx context.Context, ledger string) error {
	begun, owner := time.Now(), ""
	err := insist(ctx, func(ctx context.Context) (err error) {
		owner, err = b.claim(ctx, ledger)
		if errors.Is(err, jetstream.ErrBucketNotFound) && time.Since(begun) < answerWithin {
			return errors.Join(err, errNotYet)
		}
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("nats: tying the streams to the ledger: %w", err)
	case owner != ledger:
		return fmt.Errorf("nats: %w: theirs is %.8s…, this process has %.8s…", ErrOtherLedger, owner, ledger)
	}
	return nil
}

// claim ties the streams if they are not tied yet, and returns to which ledger they are.
func (b *Bus) claim(ctx context.Context, ledger string) (owner string, err error) {
	kv, err := b.js.KeyValue(ctx, ControlBucket)
	if err != nil {
		return "", err
	}
	if _, err = kv.Create(ctx, ledgerKey, []byte(ledger)); !errors.Is(err, jetstream.ErrKeyExists) {
		return ledger, err
	}
	entry, err := kv.Get(ctx, ledgerKey)
	if err != nil {
		return "", err
	}
	return string(entry.Value()), nil
}
