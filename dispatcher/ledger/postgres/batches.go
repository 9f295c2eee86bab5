package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// copyBatches writes batches, numbered from first.
func (t tx) copyBatches(all []ledger.AttemptBatch, first int64) error {
	if len(all) == 0 {
		return nil
	}
	columns := []string{"id", "update_id", "channel", "kind", "locale", "priority", "step", "try", "not_before", "members", "items"}
	_, err := t.CopyFrom(t.ctx, pgx.Identifier{"batches"}, columns, pgx.CopyFromSlice(len(all), func(i int) ([]any, error) {
		b := &all[i]
		members := make([]int64, len(b.Items))
		for j := range b.Items {
			members[j] = b.Items[j].Notification
		}
		items, err := json.Marshal(b.Items)
		return []any{
			first + int64(i), b.Update, b.Channel, string(b.Kind), b.Locale, string(b.Priority), int16(b.Step), int16(b.Try),
			ms(b.NotBefore), members, string(items),
		}, err
	}))
	return err
}

// UnsentBatches returns up to limit batches that are due and have not been handed to their lane's
// queue, those due longest first.
func (l *Ledger) UnsentBatches(ctx context.Context, now time.Time, limit int) ([]ledger.Batch, error) {
	return collect(ctx, l.pool, scanBatch, `SELECT b.id, b.update_id, b.channel, b.kind, b.locale, b.priority, b.step, b.try,
			b.items, x.content, i.team, i.incident, u.impact
		FROM (SELECT * FROM batches WHERE sent_at IS NULL AND not_before <= $1 ORDER BY not_before, id LIMIT $2) b
		JOIN updates u ON u.id = b.update_id JOIN incidents i ON i.id = u.incident
		JOIN texts x ON x.update_id = b.update_id AND x.kind = b.kind AND x.locale = b.locale
		ORDER BY b.not_before, b.id`, ms(now), limit)
}

func scanBatch(row pgx.Rows) (ledger.Batch, error) {
	var b ledger.Batch
	var items, content []byte
	var impact string
	err := row.Scan(&b.ID, &b.Update, &b.Channel, &b.Kind, &b.Locale, &b.Priority, &b.Step, &b.Try, &items, &content,
		&b.Team, &b.Incident, &impact)
	if err != nil {
		return b, err
	}
	b.Impact = incident.Impact(impact)
	if err := json.Unmarshal(items, &b.Items); err != nil {
		return b, err
	}
	return b, json.Unmarshal(content, &b.Content)
}

// NextBatchDue returns when the next batch that has not been sent falls due; zero if there is none.
func (l *Ledger) NextBatchDue(ctx context.Context) (time.Time, error) {
	return l.earliest(ctx, `SELECT not_before FROM batches WHERE sent_at IS NULL ORDER BY not_before, id LIMIT 1`)
}

// earliest is the time that a query finds; zero if it finds none.
func (l *Ledger) earliest(ctx context.Context, query string) (time.Time, error) {
	due, err := collect(ctx, l.pool, scalar[int64], query)
	if err != nil || len(due) == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(due[0]).UTC(), nil
}

// MarkSent records that the lanes' queue has the batches, and drops their addresses.
func (l *Ledger) MarkSent(ctx context.Context, batches []int64, now time.Time) error {
	if len(batches) == 0 {
		return nil
	}
	first, last := span(batches)
	return l.write(ctx, "marking batches as sent", nil, func(t tx) error {
		return t.exec(`UPDATE batches SET sent_at = $1, items = NULL WHERE id = ANY($2) AND id BETWEEN $3 AND $4`, ms(now), batches, first, last)
	})
}
