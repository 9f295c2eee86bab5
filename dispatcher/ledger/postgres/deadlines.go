package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// DueDeadlines returns up to limit deadlines that are due at now, earliest first.
func (l *Ledger) DueDeadlines(ctx context.Context, now time.Time, limit int) ([]ledger.Deadline, error) {
	return collect(ctx, l.pool, func(row pgx.Rows) (ledger.Deadline, error) {
		var d ledger.Deadline
		var due int64
		err := row.Scan(&d.Batch, &d.Bounce, &due)
		d.Due = time.UnixMilli(due).UTC()
		return d, err
	}, `SELECT batch, bounce, due FROM deadlines WHERE due <= $1 ORDER BY due, batch LIMIT $2`, ms(now), limit)
}

// NextDeadline returns when the next deadline falls due; zero if there is none.
func (l *Ledger) NextDeadline(ctx context.Context) (time.Time, error) {
	return l.earliest(ctx, `SELECT due FROM deadlines ORDER BY due LIMIT 1`)
}

// deadlineArrays are the columns of deadlines, an array each, in the order in which all lock them;
// of several for the same batch the latest.
func deadlineArrays(ds []ledger.Deadline) (batches []int64, bounces []bool, due []int64) {
	type key struct {
		batch  int64
		bounce bool
	}
	latest := map[key]int64{}
	for _, d := range ds {
		k := key{d.Batch, d.Bounce}
		latest[k] = max(latest[k], ms(d.Due))
	}
	keys := slices.SortedFunc(maps.Keys(latest), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.batch, b.batch), compareBool(a.bounce, b.bounce))
	})
	for _, k := range keys {
		batches, bounces, due = append(batches, k.batch), append(bounces, k.bounce), append(due, latest[k])
	}
	return batches, bounces, due
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// endDeadlines removes deadlines, but not those that have been moved on meanwhile.
func (t tx) endDeadlines(ds []ledger.Deadline) error {
	if len(ds) == 0 {
		return nil
	}
	batches, bounces, due := deadlineArrays(ds)
	return t.exec(`DELETE FROM deadlines d USING unnest($1::bigint[], $2::boolean[], $3::bigint[]) AS x (batch, bounce, due)
		WHERE d.batch = x.batch AND d.bounce = x.bounce AND d.due <= x.due`, batches, bounces, due)
}

func (t tx) setDeadlines(ds []ledger.Deadline) error {
	if len(ds) == 0 {
		return nil
	}
	batches, bounces, due := deadlineArrays(ds)
	return t.exec(`INSERT INTO deadlines (batch, bounce, due) SELECT * FROM unnest($1::bigint[], $2::boolean[], $3::bigint[])
		ON CONFLICT (batch, bounce) DO UPDATE SET due = greatest(deadlines.due, excluded.due)`, batches, bounces, due)
}
