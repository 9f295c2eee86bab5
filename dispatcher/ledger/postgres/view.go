package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// View calls f with the ledger as it is now. While f works, vacuum clears nothing of what f may still
// read; between two reads there may be no longer than idle_in_transaction_session_timeout.
func (l *Ledger) View(ctx context.Context, f func(ledger.View) error) error {
	return l.atOnce(ctx, func(v view) error { return f(&moment{l, v.q}) })
}

// moment is the ledger row by row, as it was when a transaction first read it. It takes nothing that is
// derived for granted, as which weeks an update's rows are in: an audit is to find what is elsewhere.
type moment struct {
	l *Ledger
	q querier
}

// Incidents implements ledger.View.
func (m *moment) Incidents(ctx context.Context) ([]ledger.IncidentKey, error) {
	return collect(ctx, m.q, func(row pgx.Rows) (ledger.IncidentKey, error) {
		var k ledger.IncidentKey
		err := row.Scan(&k.Team, &k.Incident)
		return k, err
	}, `SELECT team, incident FROM incidents ORDER BY id`)
}

// KeptUpdates implements ledger.View.
func (m *moment) KeptUpdates(ctx context.Context, k ledger.IncidentKey) ([]ledger.KeptUpdate, error) {
	return collect(ctx, m.q, scanKeptUpdate, `SELECT id, state, reason, received_at, approved_at, approved_by, cursor, until, audience,
			first_notice_at, retry_of, value, terms, open,
			CASE WHEN dropped THEN coalesce((SELECT k.value FROM kept_reports k WHERE k.update_id = updates.id), '') END
		FROM updates WHERE incident = (SELECT id FROM incidents WHERE team = $1 AND incident = $2) ORDER BY id`, text(k.Team), text(k.Incident))
}

func scanKeptUpdate(row pgx.Rows) (ledger.KeptUpdate, error) {
	var u ledger.KeptUpdate
	var received, approved, first int64
	err := row.Scan(&u.ID, &u.State, &u.Reason, &received, &approved, &u.ApprovedBy, &u.Cursor, &u.Until, &u.Audience,
		&first, &u.RetryOf, &u.Value, &u.TermsValue, &u.Open, &u.Dropped)
	if err != nil {
		return u, err
	}
	u.ReceivedAt, u.ApprovedAt, u.FirstNoticeAt = fromMS(received), fromMS(approved), fromMS(first)
	return u, errors.Join(json.Unmarshal(u.Value, &u.Update.Update), json.Unmarshal(u.TermsValue, &u.Terms))
}

// KeptTexts implements ledger.View.
func (m *moment) KeptTexts(ctx context.Context, update int64) ([]ledger.FrozenText, error) {
	return frozenTexts(ctx, m.q, update)
}

// Tallies implements ledger.View.
func (m *moment) Tallies(ctx context.Context, update int64) ([]ledger.Tally, error) {
	return talliesOf(ctx, m.q, update)
}

// NotificationsOf implements ledger.View. Each range of recipients is one look into an index for each
// update and week, and ranges in which there is nobody are passed over.
func (m *moment) NotificationsOf(ctx context.Context, updates []int64, after int64, limit int) ([]notification.Notification, int64, error) {
	var first *int64
	err := m.q.QueryRow(ctx, `SELECT min(x.first) FROM unnest($1::bigint[]) AS u (id), LATERAL
		(SELECT min(n.recipient) AS first FROM notifications n WHERE n.update_id = u.id AND n.recipient > $2) x`, updates, after).Scan(&first)
	if err != nil || first == nil {
		return nil, after, named(err)
	}
	until := *first + int64(limit) - 1
	ns, err := collect(ctx, m.q, m.l.scanNotification, selectNotifications+
		`WHERE n.update_id = ANY($1) AND n.recipient BETWEEN $2 AND $3 ORDER BY n.recipient, n.id`, updates, *first, until)
	if err != nil {
		return nil, after, err
	}
	byID := map[int64]*notification.Notification{}
	all := make([]int64, len(ns))
	for i := range ns {
		byID[ns[i].ID], all[i] = &ns[i], ns[i].ID
	}
	return ns, until, addPast(ctx, m.q, byID, all)
}

// RecipientsKept implements ledger.View.
func (m *moment) RecipientsKept(ctx context.Context, numbers []int64) ([]ledger.Recipient, error) {
	return collect(ctx, m.q, m.l.scanRecipient, selectRecipients+`WHERE r.number = ANY($1) ORDER BY r.number`, numbers)
}

const selectKeptBatches = `SELECT b.id, b.update_id, b.channel, b.kind, b.locale, b.priority, b.step, b.try, b.not_before, b.members,
	coalesce(json_array_length(b.items::json), 0), coalesce(b.sent_at, 0) FROM batches b `

func scanKeptBatch(row pgx.Rows) (ledger.KeptBatch, error) {
	var b ledger.KeptBatch
	var notBefore, sent int64
	err := row.Scan(&b.ID, &b.Update, &b.Channel, &b.Kind, &b.Locale, &b.Priority, &b.Step, &b.Try, &notBefore, &b.Members, &b.Items, &sent)
	b.NotBefore, b.SentAt = fromMS(notBefore), fromMS(sent)
	return b, err
}

// BatchesByID implements ledger.View.
func (m *moment) BatchesByID(ctx context.Context, ids []int64) ([]ledger.KeptBatch, error) {
	first, last := span(ids)
	return collect(ctx, m.q, scanKeptBatch, selectKeptBatches+`WHERE b.id = ANY($1) AND b.id BETWEEN $2 AND $3 ORDER BY b.id`, ids, first, last)
}

// BatchesOf implements ledger.View.
func (m *moment) BatchesOf(ctx context.Context, update, after int64, limit int) ([]ledger.KeptBatch, error) {
	return collect(ctx, m.q, scanKeptBatch, selectKeptBatches+`WHERE b.update_id = $1 AND b.id > $2 ORDER BY b.id LIMIT $3`, update, after, limit)
}

// Deadlines implements ledger.View.
func (m *moment) Deadlines(ctx context.Context, after int64, limit int) ([]ledger.Deadline, error) {
	return collect(ctx, m.q, scanDeadline, `SELECT batch, kind, due FROM deadlines WHERE batch IN
		(SELECT DISTINCT batch FROM deadlines WHERE batch > $1 ORDER BY batch LIMIT $2) ORDER BY batch, kind`, after, limit)
}

// AwaitedBatches implements ledger.View.
func (m *moment) AwaitedBatches(ctx context.Context, ids []int64) ([]int64, error) {
	return collect(ctx, m.q, scalar[int64], `SELECT DISTINCT batch FROM deadlines WHERE batch = ANY($1) ORDER BY batch`, ids)
}

// PendingSupersession implements ledger.View.
func (m *moment) PendingSupersession(ctx context.Context, update int64) (pending bool, err error) {
	err = m.q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM superseding_pages WHERE update_id = $1)`, update).Scan(&pending)
	return pending, named(err)
}

// Trail implements ledger.View.
func (m *moment) Trail(ctx context.Context, after int64, limit int) ([]ledger.TrailLink, error) {
	return trailAfter(ctx, m.q, after, limit)
}

// TrailOf implements ledger.View.
func (m *moment) TrailOf(ctx context.Context, update int64) ([]ledger.TrailLink, error) {
	return collect(ctx, m.q, scanLink, selectTrail+`WHERE update_id = $1 AND update_id <> 0 ORDER BY seq`, update)
}

// TrailHead implements ledger.View.
func (m *moment) TrailHead(ctx context.Context) (ledger.TrailHead, error) {
	return trailHead(ctx, m.q, selectTrailHead)
}
