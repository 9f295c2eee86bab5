package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
)

// entry is what the directory knows of somebody's addresses.
type entry struct {
	audience.Recipient
	dead        string
	readdressed int64
}

// AddressesSent returns the address that each of the attempts went to, in their order; "" where it isn't
// known any more, since the directory has changed or has forgotten the recipient.
func (l *Ledger) AddressesSent(ctx context.Context, to []ledger.SentTo) ([]string, error) {
	return rows.AddressesSent(to, sequenceOf, func(numbers []int64, each func(number, readdressed int64, addresses string)) error {
		_, err := collect(ctx, l.pool, func(row pgx.Rows) (struct{}, error) {
			var number, readdressed int64
			var addresses string
			err := row.Scan(&number, &readdressed, &addresses)
			each(number, readdressed, addresses)
			return struct{}{}, err
		}, `SELECT number, readdressed, addresses FROM recipients WHERE number = ANY($1) AND NOT deleted`, numbers)
		return err
	})
}

// bury remembers addresses that were refused as invalid, unless the directory has changed since they
// were taken from it.
func (t tx) bury(dead []ledger.DeadAddress) error {
	if len(dead) == 0 {
		return nil
	}
	known, err := t.entries(dead)
	if err != nil {
		return err
	}
	changed := map[int64]string{}
	for _, d := range dead {
		e := known[d.Recipient]
		if e == nil || e.readdressed >= sequenceOf(d.Batch) {
			continue
		}
		if all, ok := rows.Bury(&e.Recipient, e.dead, d.Channel); ok {
			e.dead, changed[d.Recipient] = all, all
		}
	}
	var numbers []int64
	var lists []string
	for number, list := range changed {
		numbers, lists = append(numbers, number), append(lists, list)
	}
	return t.exec(`UPDATE recipients r SET dead = x.dead FROM unnest($1::bigint[], $2::text[]) AS x (number, dead) WHERE r.number = x.number`, numbers, lists)
}

// entries locks and reads those of the recipients who are in the directory, by number.
func (t tx) entries(dead []ledger.DeadAddress) (map[int64]*entry, error) {
	numbers := make([]int64, len(dead))
	for i := range dead {
		numbers[i] = dead[i].Recipient
	}
	of := map[int64]*entry{}
	_, err := collect(t.ctx, t, func(row pgx.Rows) (struct{}, error) {
		var e entry
		var number int64
		var addresses string
		err := row.Scan(&number, &e.ID, &addresses, &e.dead, &e.readdressed)
		e.Addresses = rows.SplitAddresses(addresses)
		of[number] = &e
		return struct{}{}, err
	}, `SELECT number, id, addresses, dead, readdressed FROM recipients WHERE number = ANY($1) AND NOT deleted
		ORDER BY number FOR NO KEY UPDATE`, numbers)
	return of, err
}
