package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

const notificationColumns = `n.id, n.update_id, n.recipient, n.version, n.locale, n.steps, n.step, n.try, n.state, n.batch,
	n.queued_at, n.code, n.provider_id, n.took, n.recall, n.stop, n.outcome, n.reason, n.proof, n.reached_by, n.settled_at`

func (l *Ledger) scanNotification(rows *sql.Rows) (notification.Notification, error) {
	var n notification.Notification
	var steps string
	var queued, settled int64
	a := &n.Attempt
	err := rows.Scan(&n.ID, &n.Update, &n.Recipient, &n.Version, &n.Locale, &steps, &a.Step, &a.Try, &a.State, &a.Batch,
		&queued, &a.Code, &a.ProviderID, &a.Took, &a.Recall, &n.Stop, &n.Outcome, &n.Reason, &n.Proof, &n.ReachedBy, &settled)
	if err == nil {
		n.Steps, err = l.cascades.Parse(steps)
	}
	if int(a.Step) < len(n.Steps) {
		a.Channel = n.Steps[a.Step].Channel
	}
	a.QueuedAt, n.SettledAt = fromMS(queued), fromMS(settled)
	return n, err
}

// Notifications returns the notifications with the ids given that exist, in order of their ids,
// with all their attempts.
func (l *Ledger) Notifications(ctx context.Context, ids []int64) ([]notification.Notification, error) {
	return l.notifications(ctx, len(ids), "", `WHERE n.id IN (SELECT value FROM json_each(?)) ORDER BY n.id`, jsonInts(ids))
}

// Waiting returns the open notifications whose current attempt travelled in a batch.
func (l *Ledger) Waiting(ctx context.Context, batch int64) ([]notification.Notification, error) {
	return l.notifications(ctx, 0, "", `WHERE n.id IN (SELECT m.value FROM batches b JOIN updates u ON u.id = b.update_id AND u.open > 0, json_each(b.members) m WHERE b.id = ?)
		AND n.batch = ? AND n.outcome = 0 ORDER BY n.id`, batch, batch)
}

// Pending returns the open notifications that an errand is about, for a recall the settled ones too. Of those whose attempt is in a batch
// that has not been handed to its lane, unsent has the ids.
func (l *Ledger) Pending(ctx context.Context, e ledger.Errand) (ns []notification.Notification, unsent map[int64]bool, err error) {
	// By the ids (the + keeps the index out): an errand is a small part of what its update has.
	ns, err = l.notifications(ctx, 0, "", `WHERE n.id BETWEEN ? AND ? AND +n.update_id = ? AND (n.outcome = 0 OR ?) ORDER BY n.id`,
		e.First, e.Last, e.Update, e.Verb == ledger.Recall)
	if err != nil {
		return nil, nil, err
	}
	batches, err := collect(ctx, l.reader, func(rows *sql.Rows) (int64, error) {
		var id int64
		return id, rows.Scan(&id)
	}, `SELECT id FROM batches WHERE sent_at IS NULL AND update_id = ?`, e.Update)
	waits := make(map[int64]bool, len(batches))
	for _, id := range batches {
		waits[id] = true
	}
	unsent = map[int64]bool{}
	for i := range ns {
		if waits[ns[i].Attempt.Batch] {
			unsent[ns[i].ID] = true
		}
	}
	return ns, unsent, err
}

// Outdated returns the open notifications of older updates, of the same incident and of those merged
// into it, whose recipients are in the page; for a correction of one update, not those of updates that
// came after that one: those that are to be stopped, and those marked before that are still queued,
// since word of it to their lane may have been lost.
func (l *Ledger) Outdated(ctx context.Context, p ledger.SupersedingPage) ([]notification.Notification, error) {
	return l.notifications(ctx, 0, below, `JOIN notifications newer ON newer.recipient = n.recipient
		WHERE newer.id BETWEEN ? AND ? AND n.outcome = 0 AND (n.stop = 0 OR n.state = 1) AND n.update_id IN
			(SELECT o.id FROM updates u JOIN updates o ON o.incident IN (SELECT id FROM below) AND o.id < u.id AND o.open > 0
				AND (u.corrects = 0 OR o.id <= u.corrects) WHERE u.id = ?)
		ORDER BY n.id`, p.Update, p.First, p.Last, p.Update)
}

func (l *Ledger) notifications(ctx context.Context, expected int, with, where string, args ...any) ([]notification.Notification, error) {
	ns, err := collectUpTo(ctx, l.reader, expected, l.scanNotification, with+`SELECT `+notificationColumns+` FROM notifications n `+where, args...)
	if err != nil {
		return nil, err
	}
	byID := map[int64]*notification.Notification{}
	var later []int64
	for i := range ns {
		if ns[i].Attempt.Step > 0 {
			byID[ns[i].ID] = &ns[i]
			later = append(later, ns[i].ID)
		}
	}
	if len(later) == 0 {
		return ns, nil
	}
	return ns, addPast(ctx, l.reader, byID, later)
}

func addPast(ctx context.Context, q querier, byID map[int64]*notification.Notification, ids []int64) error {
	_, err := collect(ctx, q, func(rows *sql.Rows) (struct{}, error) {
		var id, queued int64
		var a notification.Attempt
		err := rows.Scan(&id, &a.Step, &a.Try, &a.Channel, &a.State, &a.Batch, &queued, &a.Code, &a.ProviderID, &a.Took, &a.Recall)
		a.QueuedAt = fromMS(queued)
		byID[id].Past = append(byID[id].Past, a)
		return struct{}{}, err
	}, `SELECT notification, step, try, channel, state, batch, queued_at, code, provider_id, took, recall FROM attempts
		WHERE notification IN (SELECT value FROM json_each(?)) ORDER BY notification, step`, jsonInts(ids))
	return err
}

// DueDeadlines returns up to limit deadlines that are due at now, earliest first.
func (l *Ledger) DueDeadlines(ctx context.Context, now time.Time, limit int) ([]ledger.Deadline, error) {
	return collect(ctx, l.reader, scanDeadline, `SELECT batch, kind, due FROM deadlines WHERE due <= ? ORDER BY due, batch LIMIT ?`, ms(now), limit)
}

// NextDeadline returns when the next deadline falls due; zero if there is none.
func (l *Ledger) NextDeadline(ctx context.Context) (time.Time, error) {
	ds, err := collect(ctx, l.reader, scanDeadline, `SELECT batch, kind, due FROM deadlines ORDER BY due LIMIT 1`)
	if err != nil || len(ds) == 0 {
		return time.Time{}, err
	}
	return ds[0].Due, nil
}

func scanDeadline(rows *sql.Rows) (ledger.Deadline, error) {
	var d ledger.Deadline
	var due int64
	err := rows.Scan(&d.Batch, &d.Kind, &due)
	d.Due = time.UnixMilli(due).UTC()
	return d, err
}

// SupersedingPages returns the pages whose supersession is still to be done, oldest first.
func (l *Ledger) SupersedingPages(ctx context.Context, limit int) ([]ledger.SupersedingPage, error) {
	return collect(ctx, l.reader, func(rows *sql.Rows) (ledger.SupersedingPage, error) {
		var p ledger.SupersedingPage
		return p, rows.Scan(&p.ID, &p.Update, &p.First, &p.Last)
	}, `SELECT id, update_id, first, last FROM superseding_pages ORDER BY id LIMIT ?`, limit)
}

// AttemptsByProviderID returns the attempts for which a channel's provider uses the ids given.
func (l *Ledger) AttemptsByProviderID(ctx context.Context, channel string, ids []string) ([]ledger.ProviderAttempt, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return collect(ctx, l.reader, func(rows *sql.Rows) (ledger.ProviderAttempt, error) {
		a := ledger.ProviderAttempt{Channel: channel}
		return a, rows.Scan(&a.ProviderID, &a.Attempt.Notification, &a.Attempt.Step, &a.Attempt.Try)
	}, `SELECT provider_id, notification, step, try FROM provider_ids
		WHERE channel = ? AND provider_id IN (SELECT value FROM json_each(?))`, channel, string(list))
}

// EarlyReceipts returns the receipts kept for provider ids that were not known when they came.
func (l *Ledger) EarlyReceipts(ctx context.Context, channel string, ids []string) ([]ledger.EarlyReceipt, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return collect(ctx, l.reader, func(rows *sql.Rows) (ledger.EarlyReceipt, error) {
		r := ledger.EarlyReceipt{Channel: channel}
		var at int64
		err := rows.Scan(&r.ID, &r.ProviderID, &r.State, &r.Code, &at)
		r.At = fromMS(at)
		return r, err
	}, `SELECT id, provider_id, state, code, at FROM early_receipts
		WHERE channel = ? AND provider_id IN (SELECT value FROM json_each(?)) ORDER BY id`, channel, string(list))
}

// Apply commits a fold whole, or not at all. It returns ledger.ErrConflict if a notification has
// changed since it was read.
func (l *Ledger) Apply(ctx context.Context, f ledger.Fold) error {
	return l.write(ctx, "applying events", func(t tx) error {
		batchOf, err := t.insertFurtherBatches(f.Batches)
		if err != nil {
			return err
		}
		for i := range f.Changed {
			before, n := &f.Before[i], &f.Changed[i]
			if id, ok := batchOf[n.ID]; ok {
				n.Attempt.Batch = id
			}
			if err := t.updateNotification(before, n); err != nil {
				return err
			}
		}
		c := f.Count()
		if err := errors.Join(t.addTallies(c.Tallies), t.foldSmall(f), t.bury(f.Dead), t.overlooked(f.Queued(), f.Now)); err != nil {
			return err
		}
		if err := t.appendTrail(f.Trail...); err != nil {
			return err
		}
		return t.foldUpdates(c, f.Now)
	})
}

// insertFurtherBatches returns each notification's new batch.
func (t tx) insertFurtherBatches(batches []ledger.AttemptBatch) (map[int64]int64, error) {
	batchOf := map[int64]int64{}
	for _, b := range batches {
		id, err := t.insertBatch(b)
		if err != nil {
			return nil, err
		}
		for i := range b.Items {
			batchOf[b.Items[i].Notification] = id
		}
	}
	return batchOf, nil
}

// updateNotification writes what has changed. Most changes are progress of the same attempt, which
// is cheaper to write than all of it.
func (t tx) updateNotification(before, n *notification.Notification) error {
	res, err := t.writeProgress(before, n)
	if err != nil {
		return err
	}
	if c, err := res.RowsAffected(); err != nil || c == 0 {
		return errors.Join(err, ledger.ErrConflict)
	}
	for i := range n.Past {
		if i < len(before.Past) && before.Past[i] == n.Past[i] {
			continue
		}
		if err := t.putPast(n.ID, &n.Past[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) writeProgress(before, n *notification.Notification) (sql.Result, error) {
	a, was := &n.Attempt, &before.Attempt
	if a.Step == was.Step && a.Try == was.Try && a.Code == was.Code && a.Recall == was.Recall && n.Stop == before.Stop && n.Reason == before.Reason {
		return t.result(`UPDATE notifications SET version = version + 1, state = ?, provider_id = ?, took = ?, outcome = ?, proof = ?,
			reached_by = ?, settled_at = ? WHERE id = ? AND version = ?`,
			int64(a.State), a.ProviderID, a.Took, int64(n.Outcome), int64(n.Proof), n.ReachedBy, ms(n.SettledAt), n.ID, n.Version)
	}
	return t.result(`UPDATE notifications SET version = version + 1, step = ?, try = ?, state = ?, batch = ?, queued_at = ?,
		code = ?, provider_id = ?, took = ?, recall = ?, stop = ?, outcome = ?, reason = ?, proof = ?, reached_by = ?, settled_at = ?
		WHERE id = ? AND version = ?`,
		int64(a.Step), int64(a.Try), int64(a.State), a.Batch, ms(a.QueuedAt), a.Code, a.ProviderID, a.Took, int64(a.Recall), int64(n.Stop), int64(n.Outcome),
		string(n.Reason), int64(n.Proof), n.ReachedBy, ms(n.SettledAt), n.ID, n.Version)
}

func (t tx) putPast(id int64, a *notification.Attempt) error {
	return t.exec(`INSERT INTO attempts (notification, step, try, channel, state, batch, queued_at, code, provider_id, took, recall)
		VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (notification, step) DO UPDATE
		SET state = excluded.state, code = excluded.code, provider_id = excluded.provider_id, took = excluded.took, recall = excluded.recall`,
		id, int64(a.Step), int64(a.Try), a.Channel, int64(a.State), a.Batch, ms(a.QueuedAt), a.Code, a.ProviderID, a.Took, int64(a.Recall))
}

// foldSmall writes the parts of a fold that are few.
func (t tx) foldSmall(f ledger.Fold) error {
	var errs []error
	for _, d := range f.Done {
		errs = append(errs, t.exec(`DELETE FROM deadlines WHERE batch = ? AND kind = ? AND due <= ?`, d.Batch, int64(d.Kind), ms(d.Due)))
	}
	for _, d := range f.Deadlines {
		errs = append(errs, t.exec(`INSERT INTO deadlines (batch, kind, due) VALUES (?,?,?)
			ON CONFLICT (batch, kind) DO UPDATE SET due = max(due, excluded.due)`, d.Batch, int64(d.Kind), ms(d.Due)))
	}
	for _, p := range f.ProviderIDs {
		errs = append(errs, t.exec(`INSERT INTO provider_ids (channel, provider_id, notification, step, try) VALUES (?,?,?,?,?)
			ON CONFLICT DO NOTHING`, p.Channel, p.ProviderID, p.Attempt.Notification, p.Attempt.Step, p.Attempt.Try))
	}
	for _, r := range f.Early {
		errs = append(errs, t.exec(`INSERT INTO early_receipts (channel, provider_id, state, code, at) VALUES (?,?,?,?,?)`,
			r.Channel, r.ProviderID, string(r.State), r.Code, ms(r.At)))
	}
	errs = append(errs,
		t.exec(`DELETE FROM early_receipts WHERE id IN (SELECT value FROM json_each(?))`, jsonInts(f.Claimed)),
		t.exec(`DELETE FROM errands WHERE id IN (SELECT value FROM json_each(?))`, jsonInts(f.ErrandsDone)),
		t.leaveErrands(f.Errands),
		t.exec(`DELETE FROM superseding_pages WHERE id IN (SELECT value FROM json_each(?))`, jsonInts(f.Superseded)))
	return errors.Join(errs...)
}

func (t tx) foldUpdates(c ledger.Counts, now time.Time) error {
	for update := range c.Noticed {
		if err := t.exec(`UPDATE updates SET first_notice_at = ? WHERE id = ? AND first_notice_at = 0`, ms(now), update); err != nil {
			return err
		}
	}
	for update, n := range c.Settled {
		if err := t.exec(`UPDATE updates SET open = open - ? WHERE id = ?`, n, update); err != nil {
			return err
		}
		if err := t.closeIfSettled(update, now); err != nil {
			return err
		}
	}
	return nil
}
