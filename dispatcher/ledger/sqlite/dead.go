package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
)

// AddressesSent returns the address that each of the attempts went to, in their order; "" where it isn't
// known any more, since the directory has changed or has forgotten the recipient.
func (l *Ledger) AddressesSent(ctx context.Context, to []ledger.SentTo) ([]string, error) {
	return rows.AddressesSent(to, func(b int64) int64 { return b }, func(numbers []int64, each func(number, readdressed int64, addresses string)) error {
		_, err := collect(ctx, l.reader, func(row *sql.Rows) (struct{}, error) {
			var number, readdressed int64
			var addresses string
			err := row.Scan(&number, &readdressed, &addresses)
			each(number, readdressed, addresses)
			return struct{}{}, err
		}, `SELECT number, readdressed, addresses FROM recipients WHERE number IN (SELECT value FROM json_each(?)) AND deleted = 0`, jsonInts(numbers))
		return err
	})
}

// bury remembers addresses that were refused as invalid, unless the directory has changed since they
// were taken from it.
func (t tx) bury(dead []ledger.DeadAddress) error {
	for _, d := range dead {
		var id, addresses, known string
		var readdressed int64
		err := t.scan(`SELECT id, addresses, dead, readdressed FROM recipients WHERE number = ? AND deleted = 0`, []any{d.Recipient},
			&id, &addresses, &known, &readdressed)
		if errors.Is(err, sql.ErrNoRows) || err == nil && readdressed >= d.Batch {
			continue
		}
		if err != nil {
			return err
		}
		dead, ok := rows.Bury(&audience.Recipient{ID: id, Addresses: rows.SplitAddresses(addresses)}, known, d.Channel)
		if !ok {
			continue
		}
		if err := t.exec(`UPDATE recipients SET dead = ? WHERE number = ?`, dead, d.Recipient); err != nil {
			return err
		}
	}
	return nil
}
