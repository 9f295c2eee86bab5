package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Spend counts the units of batches against their incidents' budgets, once for each batch, and returns
// those that are beyond them: they wait until the budget is raised. An incident may spend limit units
// where no operator has set its budget; 0 is without limit. With the first batch its budget is fixed.
// Of several who spend at once, one after the other is served.
func (l *Ledger) Spend(ctx context.Context, batches []int64, limit int64) (beyond []int64, err error) {
	if len(batches) == 0 {
		return nil, nil
	}
	err = l.write(ctx, "counting what batches cost", nil, func(t tx) error {
		accounts, err := t.accounts(batches, limit)
		if err != nil {
			return err
		}
		all, err := t.billed(batches)
		if err != nil {
			return err
		}
		beyond, err = t.charge(batches, all, accounts)
		return err
	})
	return beyond, err
}

// accounts locks the incidents of batches, always in the same order, and reads their budgets.
func (t tx) accounts(batches []int64, limit int64) (map[int64]*ledger.Account, error) {
	first, last := span(batches)
	of := map[int64]*ledger.Account{}
	_, err := collect(t.ctx, t, func(row pgx.Rows) (struct{}, error) {
		var a ledger.Account
		var id int64
		err := row.Scan(&id, &a.Spent, &a.Cap)
		of[id] = &a
		return struct{}{}, err
	}, `SELECT id, spent, coalesce(cap, $4) FROM incidents WHERE id IN
			(SELECT u.incident FROM batches b JOIN updates u ON u.id = b.update_id WHERE b.id = ANY($1) AND b.id BETWEEN $2 AND $3)
		ORDER BY id FOR NO KEY UPDATE`, batches, first, last, limit)
	return of, err
}

// bill is what a batch costs, and whom.
type bill struct {
	units, incident int64
	was             ledger.Charged
}

func (t tx) billed(batches []int64) (map[int64]bill, error) {
	first, last := span(batches)
	of := map[int64]bill{}
	_, err := collect(t.ctx, t, func(row pgx.Rows) (struct{}, error) {
		var b bill
		var id int64
		var was int16
		err := row.Scan(&id, &b.units, &was, &b.incident)
		b.was = ledger.Charged(was)
		of[id] = b
		return struct{}{}, err
	}, `SELECT b.id, b.units, b.spending, u.incident FROM batches b JOIN updates u ON u.id = b.update_id
		WHERE b.id = ANY($1) AND b.id BETWEEN $2 AND $3`, batches, first, last)
	return of, err
}

// charge counts batches in the order given and writes what has changed.
func (t tx) charge(batches []int64, of map[int64]bill, accounts map[int64]*ledger.Account) (beyond []int64, err error) {
	var changed []int64
	var stands []int16
	for _, id := range batches {
		b, ok := of[id]
		if !ok {
			return nil, ledger.ErrNotFound
		}
		is := accounts[b.incident].Charge(b.units, b.was)
		if is == ledger.Beyond {
			beyond = append(beyond, id)
		}
		if is != b.was {
			changed, stands = append(changed, id), append(stands, int16(is))
		}
		b.was = is
		of[id] = b
	}
	if len(changed) == 0 {
		return beyond, nil
	}
	first, last := span(changed)
	err = t.exec(`UPDATE batches b SET spending = x.spending FROM unnest($1::bigint[], $2::smallint[]) AS x (id, spending)
		WHERE b.id = x.id AND b.id BETWEEN $3 AND $4`, changed, stands, first, last)
	if err == nil && slices.Contains(stands, int16(ledger.Counted)) {
		err = t.settleAccounts(accounts)
	}
	return beyond, err
}

func (t tx) settleAccounts(accounts map[int64]*ledger.Account) error {
	var ids, spent, caps []int64
	for id, a := range accounts {
		ids, spent, caps = append(ids, id), append(spent, a.Spent), append(caps, a.Cap)
	}
	return t.exec(`UPDATE incidents i SET spent = x.spent, cap = nullif(x.cap, 0)
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS x (id, spent, cap) WHERE i.id = x.id`, ids, spent, caps)
}
