package sqlite

import (
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
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
		r := audience.Recipient{ID: id, Addresses: splitAddresses(addresses)}
		one := audience.Address{Channel: d.Channel, Address: r.Address(d.Channel)}
		if one.Address == "" || r.Account() {
			continue
		}
		all := slices.DeleteFunc(splitAddresses(known), func(a audience.Address) bool { return a.Channel == d.Channel })
		if err := t.exec(`UPDATE recipients SET dead = ? WHERE number = ?`, joinAddresses(append(all, one)), d.Recipient); err != nil {
			return err
		}
	}
	return nil
}

// stillDead returns those of the addresses remembered as dead that the recipient still has.
func stillDead(dead string, has audience.Addresses) audience.Addresses {
	if dead == "" {
		return nil
	}
	var still audience.Addresses
	for _, d := range splitAddresses(dead) {
		if slices.Contains(has, d) {
			still = append(still, d)
		}
	}
	slices.SortFunc(still, func(a, b audience.Address) int { return strings.Compare(a.Channel, b.Channel) })
	return still
}
