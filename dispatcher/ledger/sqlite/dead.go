package sqlite

import (
	"database/sql"
	"errors"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
)

// bury remembers addresses that were refused as invalid, unless the directory has changed since they
// were taken from it. Public accounts are left out: theirs are the configuration's business.
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
		r := audience.Recipient{ID: id, Addresses: rows.SplitAddresses(addresses)}
		one := audience.Address{Channel: d.Channel, Address: r.Address(d.Channel)}
		if one.Address == "" || r.Account() {
			continue
		}
		all := slices.DeleteFunc(rows.SplitAddresses(known), func(a audience.Address) bool { return a.Channel == d.Channel })
		if err := t.exec(`UPDATE recipients SET dead = ? WHERE number = ?`, rows.JoinAddresses(append(all, one)), d.Recipient); err != nil {
			return err
		}
	}
	return nil
}
