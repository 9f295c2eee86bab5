package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// View calls f with the ledger as it is now. While f works, the write-ahead log can't be cut.
func (l *Ledger) View(ctx context.Context, f func(ledger.View) error) error {
	read, err := l.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("ledger: reading: %w", err)
	}
	err = f(&view{l, read})
	return errors.Join(err, read.Rollback()) // nothing was written
}

// view reads within one transaction, which sees the file as it was at its first read.
type view struct {
	l *Ledger
	*sql.Tx
}

// Incidents implements ledger.View.
func (v *view) Incidents(ctx context.Context) ([]ledger.IncidentKey, error) {
	return collect(ctx, v, func(rows *sql.Rows) (ledger.IncidentKey, error) {
		var k ledger.IncidentKey
		return k, rows.Scan(&k.Team, &k.Incident)
	}, `SELECT team, incident FROM incidents ORDER BY id`)
}

// KeptUpdates implements ledger.View.
func (v *view) KeptUpdates(ctx context.Context, k ledger.IncidentKey) ([]ledger.KeptUpdate, error) {
	return collect(ctx, v, scanKeptUpdate, `SELECT id, state, reason, received_at, approved_at, approved_by, cursor, until, audience,
			first_notice_at, retry_of, value, terms, open,
			CASE WHEN dropped > 0 THEN coalesce((SELECT k.value FROM kept_reports k WHERE k.update_id = updates.id), '') END
		FROM updates WHERE incident = (SELECT id FROM incidents WHERE team = ? AND incident = ?) ORDER BY id`, k.Team, k.Incident)
}

func scanKeptUpdate(rows *sql.Rows) (ledger.KeptUpdate, error) {
	var u ledger.KeptUpdate
	var received, approved, first int64
	err := rows.Scan(&u.ID, &u.State, &u.Reason, &received, &approved, &u.ApprovedBy, &u.Cursor, &u.Until, &u.Audience,
		&first, &u.RetryOf, &u.Value, &u.TermsValue, &u.Open, &u.Dropped)
	if err != nil {
		return u, err
	}
	u.ReceivedAt, u.ApprovedAt, u.FirstNoticeAt = fromMS(received), fromMS(approved), fromMS(first)
	return u, errors.Join(json.Unmarshal(u.Value, &u.Update.Update), json.Unmarshal(u.TermsValue, &u.Terms))
}

// KeptTexts implements ledger.View.
func (v *view) KeptTexts(ctx context.Context, update int64) ([]ledger.FrozenText, error) {
	return collect(ctx, v, scanFrozenText, frozenTextsQuery, update)
}

const frozenTextsQuery = `SELECT kind, locale, content, hash, units FROM texts WHERE update_id = ? ORDER BY kind, locale`

func scanFrozenText(rows *sql.Rows) (ledger.FrozenText, error) {
	var x ledger.FrozenText
	return x, rows.Scan(&x.Kind, &x.Locale, &x.Content, &x.Hash, &x.Units)
}

// Tallies implements ledger.View.
func (v *view) Tallies(ctx context.Context, update int64) ([]ledger.Tally, error) {
	return collect(ctx, v, scanTally, talliesQuery, update)
}

// NotificationsOf implements ledger.View. Each range of recipients is one look into the index for each
// update, and ranges in which there is nobody are passed over.
func (v *view) NotificationsOf(ctx context.Context, updates []int64, after int64, limit int) ([]notification.Notification, int64, error) {
	ids := jsonInts(updates)
	var first sql.NullInt64
	err := v.QueryRowContext(ctx, `SELECT min((SELECT min(recipient) FROM notifications WHERE update_id = value AND recipient > ?))
		FROM json_each(?)`, after, ids).Scan(&first)
	if err != nil || !first.Valid {
		return nil, after, err
	}
	until := first.Int64 + int64(limit) - 1
	ns, err := collect(ctx, v, v.l.scanNotification, `SELECT `+notificationColumns+` FROM notifications n
		WHERE n.update_id IN (SELECT value FROM json_each(?)) AND n.recipient BETWEEN ? AND ? ORDER BY n.recipient, n.id`, ids, first.Int64, until)
	if err != nil {
		return nil, after, err
	}
	byID := map[int64]*notification.Notification{}
	all := make([]int64, len(ns))
	for i := range ns {
		byID[ns[i].ID], all[i] = &ns[i], ns[i].ID
	}
	return ns, until, addPast(ctx, v, byID, all)
}

// RecipientsKept implements ledger.View.
func (v *view) RecipientsKept(ctx context.Context, numbers []int64) ([]ledger.Recipient, error) {
	return collect(ctx, v, v.l.scanRecipient, `SELECT `+recipientColumns+` FROM recipients
		WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number`, jsonInts(numbers))
}

const keptBatchColumns = `b.id, b.update_id, b.channel, b.kind, b.locale, b.priority, b.step, b.try, b.not_before, b.members,
	coalesce(json_array_length(b.items), 0), coalesce(b.sent_at, 0)`

func scanKeptBatch(rows *sql.Rows) (ledger.KeptBatch, error) {
	var b ledger.KeptBatch
	var notBefore, sent int64
	var members []byte
	err := rows.Scan(&b.ID, &b.Update, &b.Channel, &b.Kind, &b.Locale, &b.Priority, &b.Step, &b.Try, &notBefore, &members, &b.Items, &sent)
	if err != nil {
		return b, err
	}
	b.NotBefore, b.SentAt = fromMS(notBefore), fromMS(sent)
	return b, json.Unmarshal(members, &b.Members)
}

// BatchesByID implements ledger.View.
func (v *view) BatchesByID(ctx context.Context, ids []int64) ([]ledger.KeptBatch, error) {
	return collect(ctx, v, scanKeptBatch, `SELECT `+keptBatchColumns+` FROM batches b
		WHERE b.id IN (SELECT value FROM json_each(?)) ORDER BY b.id`, jsonInts(ids))
}

// BatchesOf implements ledger.View.
func (v *view) BatchesOf(ctx context.Context, update, after int64, limit int) ([]ledger.KeptBatch, error) {
	return collect(ctx, v, scanKeptBatch, `SELECT `+keptBatchColumns+` FROM batches b
		WHERE b.update_id = ? AND b.id > ? ORDER BY b.id LIMIT ?`, update, after, limit)
}

// Deadlines implements ledger.View.
func (v *view) Deadlines(ctx context.Context, after int64, limit int) ([]ledger.Deadline, error) {
	return collect(ctx, v, scanDeadline, `SELECT batch, kind, due FROM deadlines WHERE batch IN
		(SELECT DISTINCT batch FROM deadlines WHERE batch > ? ORDER BY batch LIMIT ?) ORDER BY batch, kind`, after, limit)
}

// AwaitedBatches implements ledger.View.
func (v *view) AwaitedBatches(ctx context.Context, ids []int64) ([]int64, error) {
	return collect(ctx, v, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		`SELECT DISTINCT batch FROM deadlines WHERE batch IN (SELECT value FROM json_each(?)) ORDER BY batch`, jsonInts(ids))
}

// PendingSupersession implements ledger.View.
func (v *view) PendingSupersession(ctx context.Context, update int64) (pending bool, err error) {
	err = v.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM superseding_pages WHERE update_id = ?)`, update).Scan(&pending)
	return pending, err
}

// Trail implements ledger.View.
func (v *view) Trail(ctx context.Context, after int64, limit int) ([]ledger.TrailLink, error) {
	return trailAfter(ctx, v, after, limit)
}

// TrailOf implements ledger.View.
func (v *view) TrailOf(ctx context.Context, update int64) ([]ledger.TrailLink, error) {
	return collect(ctx, v, scanLink, `SELECT `+trailColumns+` FROM trail WHERE update_id = ? AND update_id != 0 ORDER BY seq`, update)
}

// TrailHead implements ledger.View.
func (v *view) TrailHead(ctx context.Context) (ledger.TrailHead, error) {
	return trailHead(v.QueryRowContext(ctx, trailHeadQuery).Scan)
}
