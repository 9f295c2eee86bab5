package postgres

import (
	"cmp"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// foldSmall writes the parts of a fold that are few; early receipts are numbered from early.
func (t tx) foldSmall(f *ledger.Fold, early int64) error {
	for _, write := range []func() error{
		func() error { return t.endDeadlines(f.Done) },
		func() error { return t.setDeadlines(f.Deadlines) },
		func() error { return t.putProviderIDs(f.ProviderIDs) },
		func() error { return t.copyEarly(f.Early, early) },
		func() error { return t.deleteEarly(f.Claimed) },
		func() error { return t.deletePages(f.Superseded) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
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

// putProviderIDs gives ids to attempts where nobody has them yet. A channel's are given by one
// transaction at a time, since no index could tell what another is about to give.
func (t tx) putProviderIDs(ps []ledger.ProviderAttempt) error {
	if len(ps) == 0 {
		return nil
	}
	var channels, ids []string
	var notifications []int64
	var steps, tries []int16
	seen := map[[2]string]bool{}
	for _, p := range ps {
		k := [2]string{p.Channel, text(p.ProviderID)}
		if seen[k] {
			continue
		}
		seen[k] = true
		channels, ids, notifications = append(channels, k[0]), append(ids, k[1]), append(notifications, p.Attempt.Notification)
		steps, tries = append(steps, int16(p.Attempt.Step)), append(tries, int16(p.Attempt.Try))
	}
	for _, channel := range slices.Compact(slices.Sorted(slices.Values(channels))) {
		if err := t.lock(providerLock, channel); err != nil {
			return err
		}
	}
	return t.exec(`INSERT INTO provider_ids (channel, provider_id, notification, step, try)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::smallint[], $5::smallint[]) AS x (channel, provider_id, notification, step, try)
		WHERE NOT EXISTS (SELECT FROM provider_ids p WHERE p.channel = x.channel AND p.provider_id = x.provider_id)`,
		channels, ids, notifications, steps, tries)
}

func (t tx) copyEarly(rs []ledger.EarlyReceipt, first int64) error {
	if len(rs) == 0 {
		return nil
	}
	columns := []string{"id", "channel", "provider_id", "state", "code", "at"}
	_, err := t.CopyFrom(t.ctx, pgx.Identifier{"early_receipts"}, columns, pgx.CopyFromSlice(len(rs), func(i int) ([]any, error) {
		r := &rs[i]
		return []any{first + int64(i), r.Channel, text(r.ProviderID), string(r.State), text(r.Code), ms(r.At)}, nil
	}))
	return err
}

func (t tx) deleteEarly(ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	first, last := span(ids)
	return t.exec(`DELETE FROM early_receipts WHERE id = ANY($1) AND id BETWEEN $2 AND $3`, ids, first, last)
}

func (t tx) deletePages(ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return t.exec(`DELETE FROM superseding_pages WHERE id = ANY($1)`, ids)
}
