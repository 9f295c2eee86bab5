package sqlite

import (
	"database/sql"
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
)

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
