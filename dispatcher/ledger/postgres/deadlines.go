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
	return collect(ctx, l.pool, scanDeadline, `SELECT batch, kind, due FROM deadlines WHERE due <= $1 ORDER BY due, batch LIMIT $2`, ms(now), limit)
}

func scanDeadline(row pgx.Rows) (ledger.Deadline, error) {
	var d ledger.Deadline
	var due int64
	var kind int16
	err := row.Scan(&d.Batch, &kind, &due)
	d.Kind, d.Due = ledger.DeadlineKind(kind), time.UnixMilli(due).UTC()
	return d, err
}

// NextDeadline returns when the next deadline falls due; zero if there is none.
func (l *Ledger) NextDeadline(ctx context.Context) (time.Time, error) {
	return l.earliest(ctx, `SELECT due FROM deadlines ORDER BY due LIMIT 1`)
}

// deadlineArrays are the columns of deadlines, an array each, in the order in which all lock them;
// of several for the same batch the latest.
func deadlineArrays(ds []ledger.Deadline) (batches []int64, kinds []int16, due []int64) {
	type key struct {
		batch int64
		kind  ledger.DeadlineKind
	}
	latest := map[key]int64{}
	for _, d := range ds {
		k := key{d.Batch, d.Kind}
		latest[k] = max(latest[k], ms(d.Due))
	}
	keys := slices.SortedFunc(maps.Keys(latest), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.batch, b.batch), cmp.Compare(a.kind, b.kind))
	})
	for _, k := range keys {
		batches, kinds, due = append(batches, k.batch), append(kinds, int16(k.kind)), append(due, latest[k])
	}
	return batches, kinds, due
}

// endDeadlines removes deadlines, but not those that have been moved on meanwhile.
func (t tx) endDeadlines(ds []ledger.Deadline) error {
	if len(ds) == 0 {
		return nil
	}
	batches, kinds, due := deadlineArrays(ds)
	return t.exec(`DELETE FROM deadlines d USING unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS x (batch, kind, due)
		WHERE d.batch = x.batch AND d.kind = x.kind AND d.due <= x.due`, batches, kinds, due)
}

func (t tx) setDeadlines(ds []ledger.Deadline) error {
	if len(ds) == 0 {
		return nil
	}
	batches, kinds, due := deadlineArrays(ds)
	return t.exec(`INSERT INTO deadlines (batch, kind, due) SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[])
		ON CONFLICT (batch, kind) DO UPDATE SET due = greatest(deadlines.due, excluded.due)`, batches, kinds, due)
}
