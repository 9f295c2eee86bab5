package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func (t tx) insertBatch(b ledger.AttemptBatch) (id int64, err error) {
	members := make([]int64, len(b.Items))
	for i := range b.Items {
		members[i] = b.Items[i].Notification
	}
	items, err := json.Marshal(b.Items)
	if err != nil {
		return 0, err
	}
	res, err := t.result(`INSERT INTO batches (update_id, channel, kind, locale, priority, step, try, not_before, members, items, units)
		VALUES (?,?,?,?,?,?,?,?,?,?, ? * coalesce((SELECT units FROM texts WHERE update_id = ? AND kind = ? AND locale = ?), 0))`,
		b.Update, b.Channel, string(b.Kind), b.Locale, string(b.Priority), b.Step, b.Try, ms(b.NotBefore), jsonInts(members), string(items),
		len(b.Items), b.Update, string(b.Kind), b.Locale)
	if err != nil {
		return 0, err
	}
	if id, err = res.LastInsertId(); err != nil || b.GivenUp.IsZero() {
		return id, err
	}
	return id, t.exec(`INSERT INTO deadlines (batch, kind, due) VALUES (?,?,?)`, id, int64(ledger.Queue), ms(b.GivenUp))
}

// UnsentBatches returns up to limit batches that are due and have not been handed to their lane's
// queue, those due longest first.
func (l *Ledger) UnsentBatches(ctx context.Context, now time.Time, limit int) ([]ledger.Batch, error) {
	return collect(ctx, l.reader, scanBatch, `SELECT b.id, b.update_id, b.channel, b.kind, b.locale, b.priority, b.step, b.try,
			b.items, x.content, i.team, i.incident, u.value ->> 'impact'
		FROM batches b JOIN updates u ON u.id = b.update_id JOIN incidents i ON i.id = u.incident
		JOIN texts x ON x.update_id = b.update_id AND x.kind = b.kind AND x.locale = b.locale
		WHERE b.sent_at IS NULL AND b.not_before <= ? ORDER BY b.not_before, b.id LIMIT ?`, ms(now), limit)
}

func scanBatch(rows *sql.Rows) (ledger.Batch, error) {
	var b ledger.Batch
	var items, content, impact string
	err := rows.Scan(&b.ID, &b.Update, &b.Channel, &b.Kind, &b.Locale, &b.Priority, &b.Step, &b.Try, &items, &content,
		&b.Team, &b.Incident, &impact)
	if err != nil {
		return b, err
	}
	b.Impact = incident.Impact(impact)
	if err := json.Unmarshal([]byte(items), &b.Items); err != nil {
		return b, err
	}
	return b, json.Unmarshal([]byte(content), &b.Content)
}

// NextBatchDue returns when the next batch that has not been sent falls due; zero if there is none.
func (l *Ledger) NextBatchDue(ctx context.Context) (time.Time, error) {
	var due sql.NullInt64
	err := l.reader.QueryRowContext(ctx, `SELECT min(not_before) FROM batches WHERE sent_at IS NULL`).Scan(&due)
	if !due.Valid || err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(due.Int64).UTC(), nil
}

// MarkSent records that the lanes' queue has the batches, and drops their addresses.
func (l *Ledger) MarkSent(ctx context.Context, batches []int64, now time.Time) error {
	return l.write(ctx, "marking batches as sent", func(t tx) error {
		return t.exec(`UPDATE batches SET sent_at = ?, items = NULL WHERE id IN (SELECT value FROM json_each(?))`, ms(now), jsonInts(batches))
	})
}
