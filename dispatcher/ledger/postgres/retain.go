package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Retain drops the partitions of weeks that ended before a time and whose updates have all ended, oldest
// first. A week that is still in use stays, whatever its age, and so does one with updates of an incident
// of which something was said since: its end is owed to those who were told. Of the updates, which are
// marked and entered in the trail, what reports count is kept; what became of each recipient is not. It
// may be called beside everything else, by several processes too: a week is dropped whole or not at all,
// and for the moment of the drop, which waits for statements under way for some seconds at most, the
// others wait.
func (l *Ledger) Retain(ctx context.Context, before, now time.Time) (d ledger.Dropped, err error) {
	past, err := l.weeksBefore(ctx, weekOf(before))
	for _, w := range past {
		if err == nil {
			err = l.dropWeek(ctx, retention{week: w, before: before, now: now}, &d)
		}
	}
	if err != nil {
		return d, err
	}
	var oldest int64
	err = l.pool.QueryRow(ctx, `SELECT coalesce(min(approved_at), 0) FROM updates WHERE audience > 0 AND NOT dropped AND approved_at > 0`).Scan(&oldest)
	d.OldestKept = fromMS(oldest)
	return d, named(err)
}

// retention is a week that is to be dropped, as older than a time.
type retention struct {
	week        int64
	before, now time.Time
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

func (l *Ledger) dropWeek(ctx context.Context, r retention, d *ledger.Dropped) error {
	if busy, err := r.inUse(ctx, l.pool); busy || err != nil {
		return err
	}
	if err := l.keepReports(ctx, r.week); err != nil {
		return err
	}
	var names []string
	var entries []ledger.TrailEntry
	err := l.write(ctx, "dropping the week of "+monday(r.week).Format(time.DateOnly), nil, func(t tx) error {
		var err error
		if names, err = l.lockWeek(t, r.week); err != nil || len(names) == 0 {
			return err
		}
		if busy, err := r.inUse(ctx, t); busy || err != nil {
			return errors.Join(err, errInUse)
		}
		if entries, err = t.markDropped(r); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM deadlines WHERE batch >= $1 AND batch < $2`, firstID(r.week), firstID(r.week+1)); err != nil {
			return err
		}
		if err := t.exec(`DROP TABLE ` + strings.Join(names, ", ")); err != nil {
			return err
		}
		return t.appendTrail(entries...)
	})
	l.weeks.forget()
	if errors.Is(err, errInUse) {
		return nil
	}
	if err == nil {
		d.Partitions, d.Updates = append(d.Partitions, names...), d.Updates+int64(len(entries))
	}
	return err
}

// markDropped marks the updates that have rows in a week and were not marked for another one, and returns
// what the trail is to say of them. One of which no report was kept ended only just now: the week is left
// for the next time.
func (t tx) markDropped(r retention) ([]ledger.TrailEntry, error) {
	unkept := false
	entries, err := collect(t.ctx, t, func(row pgx.Rows) (e ledger.TrailEntry, err error) {
		var id, audience int64
		var value, kept []byte
		if err = row.Scan(&id, &audience, &value, &kept); err != nil {
			return e, err
		}
		var said incident.Update
		err = json.Unmarshal(value, &said)
		unkept = unkept || kept == nil
		return ledger.DroppedEntry(id, &said, audience, kept, r.before, r.now), err
	}, `UPDATE updates u SET dropped = TRUE WHERE `+ended+` AND NOT u.dropped AND `+inWeek+`
		RETURNING u.id, u.audience, u.value, (SELECT k.value FROM kept_reports k WHERE k.update_id = u.id)`, firstID(r.week), firstID(r.week+1))
	if err == nil && unkept {
		err = errInUse
	}
	slices.SortFunc(entries, func(a, b ledger.TrailEntry) int { return cmp.Compare(a.Update, b.Update) })
	return entries, err
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

// inWeek says of an update u that it has rows with ids from $1 to before $2.
const inWeek = `(EXISTS (SELECT FROM notifications n WHERE n.update_id = u.id AND n.id >= $1 AND n.id < $2)
	OR EXISTS (SELECT FROM batches b WHERE b.update_id = u.id AND b.id >= $1 AND b.id < $2))`

// inUse reports whether anything in a week may still change, or be asked for: an update that has not ended
// has notifications or batches in it, or tells those of one again who were not reached; something was said
// of an incident, or of one that it was merged into, since the time before which all is old; or a page of
// it waits to be superseded, or an order to be carried out.
func (r retention) inUse(ctx context.Context, q querier) (busy bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM updates u WHERE NOT `+ended+` AND (
			EXISTS (SELECT FROM notifications n WHERE n.update_id IN (u.id, u.retry_of) AND n.id >= $1 AND n.id < $2)
			OR EXISTS (SELECT FROM batches b WHERE b.update_id = u.id AND b.id >= $1 AND b.id < $2)))
		OR EXISTS (WITH RECURSIVE alive (id) AS (
				SELECT id FROM incidents WHERE changed_at >= $3
				UNION SELECT i.id FROM incidents i JOIN alive a ON i.parent = a.id)
			SELECT FROM updates u JOIN alive a ON a.id = u.incident WHERE `+inWeek+`)
		OR EXISTS (SELECT FROM superseding_pages p WHERE p.first >= $1 AND p.first < $2)
		OR EXISTS (SELECT FROM errands e WHERE e.first < $2 AND e.last >= $1)`, firstID(r.week), firstID(r.week+1), ms(r.before)).Scan(&busy)
	return busy, named(err)
}

// keepReports keeps what reports count row by row of the updates that have rows in a week. They have
// ended: the counts are final.
func (l *Ledger) keepReports(ctx context.Context, w int64) error {
	type due struct{ id, received int64 }
	updates, err := collect(ctx, l.pool, func(row pgx.Rows) (u due, err error) {
		err = row.Scan(&u.id, &u.received)
		return u, err
	}, `SELECT u.id, u.received_at FROM updates u WHERE `+ended+` AND `+inWeek+`
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
	value, err := ledger.KeepCounts(&c)
	if err != nil {
		return err
	}
	return l.write(ctx, "keeping a report", nil, func(t tx) error {
		return t.exec(`INSERT INTO kept_reports (update_id, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, update, string(value))
	})
}
