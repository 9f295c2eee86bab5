package bus

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
)

// WatchReceipts calls heard with every receipt of a channel's provider that any process publishes from now
// on, one at a time, until stop is called. It is for looking on: what it misses while the connection is
// lost it never hears of, and nothing waits for it.
func (b *Bus) WatchReceipts(channel, provider string, heard func(Receipt)) (stop func(), err error) {
	sub, err := b.nc.Subscribe(ReceiptsSubject(channel, provider), func(m *nats.Msg) {
		var all Receipts
		if json.Unmarshal(m.Data, &all) != nil {
			return // the engine says so
		}
		for _, r := range all.Receipts {
			heard(r)
		}
	})
	if err == nil {
		err = b.nc.Flush() // the server knows of it before anything is sent
	}
	if err != nil {
		return nil, fmt.Errorf("nats: watching receipts: %w", err)
	}
	return func() { _ = sub.Unsubscribe() }, nil // a lost connection has ended it already
}
