package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// The last id that was given, whether its row is there or was dropped.
const (
	lastNotification = `max(coalesce((SELECT max(id) FROM notifications), 0), (SELECT notification FROM dropped_ids))`
	lastBatch        = `max(coalesce((SELECT max(id) FROM batches), 0), (SELECT batch FROM dropped_ids))`
)

// Retain drops the rows of updates that ended before a time: notifications, attempts, batches, deadlines
// and providers' ids; also older receipts whose attempt never came. Updates, texts, running counts and the
// trail stay, and so does what reports count. What belongs to an incident of which something was said
// since stays, too: its end is owed to those who were told. It may be called beside everything else, and
// be ended at any moment: the next call goes on. Each of its transactions deletes so many rows at most that
// others hardly wait.
func (l *Ledger) Retain(ctx context.Context, before, now time.Time) (d ledger.Dropped, err error) {
	if err = l.beginDrops(ctx, before, now, &d); err != nil {
		return d, err
	}
	if err = l.dropRows(ctx, &d); err != nil {
		return d, err
	}
	if d.Rows > 0 {
		if err = l.dropProviderIDs(ctx, &d); err != nil {
			return d, err
		}
	}
	err = l.inChunks(ctx, &d, func(t tx) (int64, error) {
		return t.deleted(`DELETE FROM early_receipts WHERE id IN (SELECT id FROM early_receipts WHERE at < ? LIMIT ?)`, ms(before), dropChunk)
	})
	if err != nil {
		return d, err
	}
	var oldest sql.NullInt64
	err = l.reader.QueryRowContext(ctx, `SELECT min(approved_at) FROM updates WHERE audience > 0 AND dropped = 0 AND approved_at > 0`).Scan(&oldest)
	d.OldestKept = fromMS(oldest.Int64)
	return d, err
}

// dropChunk is how many rows of a table one transaction deletes.
const dropChunk = 1000

// over says of an update that nothing of it will change any more.
const over = `(u.state IN ('closed', 'not_announced') OR u.state = 'cancelled' AND u.open = 0)`

// droppable finds updates u that are over and not needed any more; its parameter is the time since which
// nothing may have been said of their incident, nor of one that it was merged into. Those that a retry
// still reads, or an errand or a page that supersedes, stay.
const droppable = `WITH RECURSIVE alive (id) AS (
		SELECT id FROM incidents WHERE changed_at >= ?
		UNION SELECT i.id FROM incidents i JOIN alive a ON i.parent = a.id)
	SELECT u.id, u.received_at FROM updates u WHERE u.audience > 0 AND u.dropped = 0 AND ` + over + `
		AND u.incident NOT IN (SELECT id FROM alive)
		AND u.id NOT IN (SELECT again.retry_of FROM updates again WHERE again.state IN ('approved', 'planning'))
		AND u.id NOT IN (SELECT update_id FROM errands) AND u.id NOT IN (SELECT update_id FROM superseding_pages) `

// candidate is an update that may be dropped.
type candidate struct{ id, received int64 }

func scanCandidate(rows *sql.Rows) (c candidate, err error) { return c, rows.Scan(&c.id, &c.received) }

// beginDrops marks the updates that are to be dropped, with what is kept of them.
func (l *Ledger) beginDrops(ctx context.Context, before, now time.Time, d *ledger.Dropped) error {
	all, err := collect(ctx, l.reader, scanCandidate, droppable+`AND u.approved_at < ?
		AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.update_id = u.id AND n.settled_at >= ?) ORDER BY u.id`, ms(before), ms(before), ms(before))
	for _, c := range all {
		if err == nil {
			err = l.beginDrop(ctx, c, before, now, d)
		}
	}
	return err
}

// beginDrop counts an update's rows, which are final, and in one transaction keeps the counts, marks the
// update and enters it in the trail; unless it is needed again by then.
func (l *Ledger) beginDrop(ctx context.Context, c candidate, before, now time.Time, d *ledger.Dropped) error {
	counts, err := l.rowCounts(ctx, c.id, fromMS(c.received))
	if err != nil {
		return err
	}
	kept, err := ledger.KeepCounts(&counts)
	if err != nil {
		return err
	}
	return l.write(ctx, "dropping old rows", func(t tx) error {
		still, err := collect(t.ctx, t, scanCandidate, droppable+`AND u.id = ?`, ms(before), c.id)
		if err != nil || len(still) == 0 {
			return err
		}
		u, audience, err := t.planned(c.id)
		if err != nil {
			return err
		}
		if err := t.exec(`INSERT INTO kept_reports (update_id, value) VALUES (?,?)`, c.id, string(kept)); err != nil {
			return err
		}
		if err := t.exec(`UPDATE updates SET dropped = 1 WHERE id = ?`, c.id); err != nil {
			return err
		}
		d.Updates++
		return t.appendTrail(ledger.DroppedEntry(c.id, &u, audience, kept, before, now))
	})
}

// dropRows deletes what is left of the updates that are marked: notifications with their attempts first,
// so that what is left is in batches that are there.
func (l *Ledger) dropRows(ctx context.Context, d *ledger.Dropped) error {
	all, err := collect(ctx, l.reader, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		`SELECT id FROM updates WHERE dropped = 1 ORDER BY id`)
	for _, id := range all {
		for _, delete := range []func(tx, int64) (int64, error){tx.dropNotifications, tx.dropBatches} {
			if err == nil {
				err = l.inChunks(ctx, d, func(t tx) (int64, error) { return delete(t, id) })
			}
		}
		if err == nil {
			err = l.write(ctx, "dropping old rows", func(t tx) error {
				return t.exec(`UPDATE updates SET dropped = 2 WHERE id = ?`, id)
			})
		}
	}
	return err
}

// inChunks repeats a transaction that deletes a bounded number of rows until it deletes none.
func (l *Ledger) inChunks(ctx context.Context, d *ledger.Dropped, chunk func(tx) (int64, error)) error {
	for {
		var n int64
		err := l.write(ctx, "dropping old rows", func(t tx) (err error) {
			n, err = chunk(t)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		d.Rows += n
	}
}

// deleted runs a statement and returns how many rows it deleted.
func (t tx) deleted(query string, args ...any) (int64, error) {
	res, err := t.result(query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// dropNotifications deletes some of an update's notifications, with all that refers to them by number.
func (t tx) dropNotifications(update int64) (int64, error) {
	return t.dropSome(update, `SELECT id FROM notifications WHERE update_id = ? LIMIT ?`,
		`UPDATE dropped_ids SET notification = max(notification, ?)`,
		`DELETE FROM attempts WHERE notification IN (SELECT value FROM json_each(?))`,
		`DELETE FROM notifications WHERE id IN (SELECT value FROM json_each(?))`)
}

// dropBatches deletes some of an update's batches, with their deadlines.
func (t tx) dropBatches(update int64) (int64, error) {
	return t.dropSome(update, `SELECT id FROM batches WHERE update_id = ? LIMIT ?`,
		`UPDATE dropped_ids SET batch = max(batch, ?)`,
		`DELETE FROM deadlines WHERE batch IN (SELECT value FROM json_each(?))`,
		`DELETE FROM batches WHERE id IN (SELECT value FROM json_each(?))`)
}

func (t tx) dropSome(update int64, find, remember string, deletes ...string) (n int64, err error) {
	last := int64(0)
	ids, err := collect(t.ctx, t, func(rows *sql.Rows) (id int64, err error) {
		err = rows.Scan(&id)
		last = max(last, id)
		return id, err
	}, find, update, dropChunk)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if err := t.exec(remember, last); err != nil {
		return 0, err
	}
	for _, q := range deletes {
		gone, err := t.deleted(q, jsonInts(ids))
		if err != nil {
			return 0, err
		}
		n += gone
	}
	return n, nil
}

// providerID is a key of provider_ids; gone says that what it stands for is not there.
type providerID struct {
	channel, id string
	gone        bool
}

// dropProviderIDs deletes providers' ids whose notification is gone. It reads all that there are, in
// pages beside the writer.
func (l *Ledger) dropProviderIDs(ctx context.Context, d *ledger.Dropped) error {
	for after := (providerID{}); ; {
		page, err := collect(ctx, l.reader, func(rows *sql.Rows) (p providerID, err error) { return p, rows.Scan(&p.channel, &p.id, &p.gone) },
			`SELECT channel, provider_id, NOT EXISTS (SELECT 1 FROM notifications n WHERE n.id = p.notification) FROM provider_ids p
			WHERE (channel, provider_id) > (?, ?) ORDER BY channel, provider_id LIMIT ?`, after.channel, after.id, dropChunk)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1]
		if err := l.deleteProviderIDs(ctx, page, d); err != nil {
			return err
		}
	}
}

func (l *Ledger) deleteProviderIDs(ctx context.Context, page []providerID, d *ledger.Dropped) error {
	var gone []providerID
	for _, p := range page {
		if p.gone {
			gone = append(gone, p)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	err := l.write(ctx, "dropping old rows", func(t tx) error {
		for _, p := range gone {
			if err := t.exec(`DELETE FROM provider_ids WHERE channel = ? AND provider_id = ?`, p.channel, p.id); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		d.Rows += int64(len(gone))
	}
	return err
}
