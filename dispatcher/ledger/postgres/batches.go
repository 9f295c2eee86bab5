package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// copyBatches writes batches, numbered from first, with the deadlines at which what waits of them is
// given up.
func (t tx) copyBatches(all []ledger.AttemptBatch, first int64) error {
	if len(all) == 0 {
		return nil
	}
	units, err := t.units(all)
	if err != nil {
		return err
	}
	columns := []string{"id", "update_id", "channel", "kind", "locale", "priority", "step", "try", "not_before", "last", "units", "members", "items"}
	_, err = t.CopyFrom(t.ctx, pgx.Identifier{"batches"}, columns, pgx.CopyFromSlice(len(all), func(i int) ([]any, error) {
		b := &all[i]
		members := make([]int64, len(b.Items))
		for j := range b.Items {
			members[j] = b.Items[j].Notification
		}
		items, err := json.Marshal(b.Items)
		return []any{
			first + int64(i), b.Update, b.Channel, string(b.Kind), b.Locale, string(b.Priority), int16(b.Step), int16(b.Try),
			ms(b.NotBefore), b.Last, int64(len(b.Items)) * units[textKey{b.Update, b.Kind, b.Locale}], members, string(items),
		}, err
	}))
	if err != nil {
		return err
	}
	return t.setDeadlines(queueDeadlines(all, first))
}

func queueDeadlines(all []ledger.AttemptBatch, first int64) []ledger.Deadline {
	var ds []ledger.Deadline
	for i := range all {
		if due := all[i].GivenUp; !due.IsZero() {
			ds = append(ds, ledger.Deadline{Batch: first + int64(i), Kind: ledger.Queue, Due: due})
		}
	}
	return ds
}

type textKey struct {
	update int64
	kind   channels.Kind
	locale string
}

// units are the billed units of a message, for the texts of batches that have any.
func (t tx) units(all []ledger.AttemptBatch) (map[textKey]int64, error) {
	var updates []int64
	for i := range all {
		if !slices.Contains(updates, all[i].Update) {
			updates = append(updates, all[i].Update)
		}
	}
	of := map[textKey]int64{}
	_, err := collect(t.ctx, t, func(row pgx.Rows) (struct{}, error) {
		var k textKey
		var units int64
		err := row.Scan(&k.update, &k.kind, &k.locale, &units)
		of[k] = units
		return struct{}{}, err
	}, `SELECT update_id, kind, locale, units FROM texts WHERE update_id = ANY($1) AND units > 0`, updates)
	return of, err
}

// waiting are the batches b that may be handed to their lanes, of updates u of incidents i: not those of
// what is paused or cancelled, nor those beyond an incident's budget.
const waiting = ` FROM batches b JOIN updates u ON u.id = b.update_id JOIN incidents i ON i.id = u.incident
	WHERE b.sent_at IS NULL AND b.spending < 2 AND NOT u.paused AND NOT i.paused AND u.state <> 'cancelled' `

// UnsentBatches returns up to limit batches that are due and may be handed to their lanes' queues,
// those due longest first.
func (l *Ledger) UnsentBatches(ctx context.Context, now time.Time, limit int) ([]ledger.Batch, error) {
	return collect(ctx, l.pool, scanBatch, `SELECT b.id, b.update_id, b.channel, b.kind, b.locale, b.priority, b.step, b.try,
			b.items, x.content, b.team, b.incident, b.impact, b.units, b.last
		FROM (SELECT b.*, i.team, i.incident, u.impact`+waiting+`AND b.not_before <= $1 ORDER BY b.not_before, b.id LIMIT $2) b
		JOIN texts x ON x.update_id = b.update_id AND x.kind = b.kind AND x.locale = b.locale
		ORDER BY b.not_before, b.id`, ms(now), limit)
}

func scanBatch(row pgx.Rows) (ledger.Batch, error) {
	var b ledger.Batch
	var items, content []byte
	var impact string
	err := row.Scan(&b.ID, &b.Update, &b.Channel, &b.Kind, &b.Locale, &b.Priority, &b.Step, &b.Try, &items, &content,
		&b.Team, &b.Incident, &impact, &b.Units, &b.Last)
	if err != nil {
		return b, err
	}
	b.Impact = incident.Impact(impact)
	if err := json.Unmarshal(items, &b.Items); err != nil {
		return b, err
	}
	return b, json.Unmarshal(content, &b.Content)
}

// NextBatchDue returns when the next batch that may be handed to its lane falls due; zero if there is none.
func (l *Ledger) NextBatchDue(ctx context.Context) (time.Time, error) {
	return l.earliest(ctx, `SELECT b.not_before`+waiting+`ORDER BY b.not_before, b.id LIMIT 1`)
}

// earliest is the time that a query finds; zero if it finds none.
func (l *Ledger) earliest(ctx context.Context, query string) (time.Time, error) {
	due, err := collect(ctx, l.pool, scalar[int64], query)
	if err != nil || len(due) == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(due[0]).UTC(), nil
}

// InIncident returns the notifications that the recipients of an update's notifications (ids) have had in
// its incident, those themselves among them, in order of their ids, with all their attempts. What incidents
// told that were merged into it is not among them.
func (l *Ledger) InIncident(ctx context.Context, update int64, ids []int64) ([]notification.Notification, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	r, err := l.ranges(ctx, `SELECT o.id, o.first_id, o.last_id FROM updates u JOIN updates o ON o.incident = u.incident
		WHERE u.id = $1 AND o.audience > 0`, update)
	if err != nil || len(r.updates) == 0 {
		return nil, err
	}
	first, last := span(ids)
	return l.notifications(ctx, `WHERE n.update_id = ANY($1) AND n.id BETWEEN $2 AND $3
		AND n.recipient IN (SELECT recipient FROM notifications WHERE id = ANY($4) AND id BETWEEN $5 AND $6) ORDER BY n.id`,
		r.updates, r.first, r.last, ids, first, last)
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
