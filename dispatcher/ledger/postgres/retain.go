package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Retain drops the partitions of weeks that ended before a time and whose updates have all ended, and
// returns their names, oldest first. A week that is still in use stays, whatever its age. What the
// reports count of the updates is kept; what became of each recipient is not. It may be called beside
// everything else, by several processes too: a week is dropped whole or not at all, and for the moment
// of the drop, which waits for statements under way for some seconds at most, the others wait.
func (l *Ledger) Retain(ctx context.Context, before time.Time) (dropped []string, err error) {
	past, err := l.weeksBefore(ctx, weekOf(before))
	for _, w := range past {
		if err != nil {
			break
		}
		var names []string
		names, err = l.dropWeek(ctx, w)
		dropped = append(dropped, names...)
	}
	return dropped, err
}

// weeksBefore lists the weeks before one that have a partition, oldest first.
func (l *Ledger) weeksBefore(ctx context.Context, before int64) ([]int64, error) {
	names, err := l.partitions(ctx, l.pool)
	var all []int64
	for name := range names {
		day, err := time.Parse(dateForm, name[strings.LastIndexByte(name, '_')+1:])
		if w := weekOf(day); err == nil && w < before {
			all = append(all, w)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), err
}

// partitions are the names of all partitions that there are.
func (l *Ledger) partitions(ctx context.Context, q querier) (map[string]bool, error) {
	names := map[string]bool{}
	for _, p := range partitionedTables() {
		all, err := collect(ctx, q, scalar[string], `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = $1::text::regclass`, p.table)
		if err != nil {
			return nil, err
		}
		for _, name := range all {
			names[name] = true
		}
	}
	return names, nil
}

// errInUse ends a transaction that finds a week in use.
var errInUse = errors.New("in use")

func (l *Ledger) dropWeek(ctx context.Context, w int64) ([]string, error) {
	if busy, err := inUse(ctx, l.pool, w); busy || err != nil {
		return nil, err
	}
	if err := l.keepReports(ctx, w); err != nil {
		return nil, err
	}
	var names []string
	err := l.write(ctx, "dropping the week of "+monday(w).Format(time.DateOnly), nil, func(t tx) error {
		var err error
		if names, err = l.lockWeek(t, w); err != nil || len(names) == 0 {
			return err
		}
		if busy, err := inUse(ctx, t, w); busy || err != nil {
			return errors.Join(err, errInUse)
		}
		return t.exec(`DROP TABLE ` + strings.Join(names, ", "))
	})
	l.weeks.forget()
	switch {
	case errors.Is(err, errInUse):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return names, nil
}

// lockWeek locks a week's partitions against everybody, and returns their names. It waits a few
// seconds at most: those who come later wait behind it.
func (l *Ledger) lockWeek(t tx, w int64) ([]string, error) {
	if err := t.lock(weeksLock, ""); err != nil {
		return nil, err
	}
	there, err := l.partitions(t.ctx, t)
	if err != nil {
		return nil, err
	}
	var tables, names []string
	for _, p := range partitionedTables() {
		if name := p.partition(w); there[name] {
			tables, names = append(tables, p.table), append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	if err := t.exec(`SET LOCAL lock_timeout = '3s'`); err != nil {
		return nil, err
	}
	return names, t.exec(`LOCK TABLE ONLY ` + strings.Join(append(tables, names...), ", ONLY "))
}

// ended says of an update u that nothing of it will change any more.
const ended = `(u.state IN ('closed', 'not_announced') OR u.state = 'cancelled' AND u.open = 0)`

// inUse reports whether anything may still change in a week: an update that has not ended has
// notifications or batches in it, or tells those of one again who were not reached, or a page of it waits
// to be superseded, or an order to be carried out.
func inUse(ctx context.Context, q querier, w int64) (busy bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM updates u WHERE NOT `+ended+` AND (
			EXISTS (SELECT FROM notifications n WHERE n.update_id IN (u.id, u.retry_of) AND n.id >= $1 AND n.id < $2)
			OR EXISTS (SELECT FROM batches b WHERE b.update_id = u.id AND b.id >= $1 AND b.id < $2)))
		OR EXISTS (SELECT FROM superseding_pages p WHERE p.first >= $1 AND p.first < $2)
		OR EXISTS (SELECT FROM errands e WHERE e.first < $2 AND e.last >= $1)`, firstID(w), firstID(w+1)).Scan(&busy)
	return busy, named(err)
}

// keepReports keeps what reports count row by row of the updates that have rows in a week. They have
// ended: the counts are final.
func (l *Ledger) keepReports(ctx context.Context, w int64) error {
	type due struct{ id, received int64 }
	updates, err := collect(ctx, l.pool, func(row pgx.Rows) (u due, err error) {
		err = row.Scan(&u.id, &u.received)
		return u, err
	}, `SELECT u.id, u.received_at FROM updates u WHERE `+ended+` AND u.first_id < $2 AND u.last_id >= $1
		AND NOT EXISTS (SELECT FROM kept_reports k WHERE k.update_id = u.id)`, firstID(w), firstID(w+1))
	for _, u := range updates {
		if err == nil {
			err = l.keepReport(ctx, u.id, fromMS(u.received))
		}
	}
	return err
}

func (l *Ledger) keepReport(ctx context.Context, update int64, received time.Time) error {
	c, err := view{l.pool}.rowCounts(ctx, update, received)
	if err != nil {
		return err
	}
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return l.write(ctx, "keeping a report", nil, func(t tx) error {
		return t.exec(`INSERT INTO kept_reports (update_id, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, update, string(value))
	})
}
