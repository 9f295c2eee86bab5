package postgres

import (
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
