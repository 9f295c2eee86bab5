package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
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
	res, err := t.result(`INSERT INTO batches (id, update_id, channel, kind, locale, priority, step, try, not_before, last, members, items, units)
		VALUES (1 + `+lastBatch+`,?,?,?,?,?,?,?,?,?,?,?, ? * coalesce((SELECT units FROM texts WHERE update_id = ? AND kind = ? AND locale = ?), 0))`,
		b.Update, b.Channel, string(b.Kind), b.Locale, string(b.Priority), b.Step, b.Try, ms(b.NotBefore), b.Last, jsonInts(members), string(items),
		len(b.Items), b.Update, string(b.Kind), b.Locale)
	if err != nil {
		return 0, err
	}
	if id, err = res.LastInsertId(); err != nil || b.GivenUp.IsZero() {
		return id, err
	}
	return id, t.exec(`INSERT INTO deadlines (batch, kind, due) VALUES (?,?,?)`, id, int64(ledger.Queue), ms(b.GivenUp))
}

// waiting are the batches that may be handed to their lanes: not those of what is paused or cancelled,
// nor those beyond an incident's budget.
const waiting = ` FROM batches b JOIN updates u ON u.id = b.update_id JOIN incidents i ON i.id = u.incident
	WHERE b.sent_at IS NULL AND b.spending < 2 AND NOT u.paused AND NOT i.paused AND u.state <> 'cancelled' `

// UnsentBatches returns up to limit batches that are due and may be handed to their lanes' queues,
// those due longest first.
func (l *Ledger) UnsentBatches(ctx context.Context, now time.Time, limit int) ([]ledger.Batch, error) {
	return collect(ctx, l.reader, scanBatch, `SELECT b.id, b.update_id, b.channel, b.kind, b.locale, b.priority, b.step, b.try,
			b.items, (SELECT content FROM texts x WHERE x.update_id = b.update_id AND x.kind = b.kind AND x.locale = b.locale),
			i.team, i.incident, u.value ->> 'impact', b.units, b.last`+waiting+`AND b.not_before <= ? ORDER BY b.not_before, b.id LIMIT ?`, ms(now), limit)
}

func scanBatch(rows *sql.Rows) (ledger.Batch, error) {
	var b ledger.Batch
	var items, content, impact string
	err := rows.Scan(&b.ID, &b.Update, &b.Channel, &b.Kind, &b.Locale, &b.Priority, &b.Step, &b.Try, &items, &content,
		&b.Team, &b.Incident, &impact, &b.Units, &b.Last)
	if err != nil {
		return b, err
	}
	b.Impact = incident.Impact(impact)
	if err := json.Unmarshal([]byte(items), &b.Items); err != nil {
		return b, err
	}
	return b, json.Unmarshal([]byte(content), &b.Content)
}

// Spend counts the units of batches against their incidents' budgets, once for each batch, and returns
// those that are beyond them: they wait until the budget is raised. An incident may spend limit units
// where no operator has set its budget; 0 is without limit. With the first batch its budget is fixed.
func (l *Ledger) Spend(ctx context.Context, batches []int64, limit int64) (beyond []int64, err error) {
	err = l.write(ctx, "counting what batches cost", func(t tx) error {
		for _, id := range batches {
			over, err := t.spend(id, limit)
			if err != nil {
				return err
			}
			if over {
				beyond = append(beyond, id)
			}
		}
		return nil
	})
	return beyond, err
}

func (t tx) spend(batch, limit int64) (beyond bool, err error) {
	var units, incidentRow int64
	var was ledger.Charged
	var a ledger.Account
	err = t.scan(`SELECT b.units, b.spending, i.id, i.spent, coalesce(i.cap, ?) FROM batches b
		JOIN updates u ON u.id = b.update_id JOIN incidents i ON i.id = u.incident WHERE b.id = ?`, []any{limit, batch},
		&units, &was, &incidentRow, &a.Spent, &a.Cap)
	if errors.Is(err, sql.ErrNoRows) {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return false, err
	}
	is := a.Charge(units, was)
	if is == was {
		return is == ledger.Beyond, nil
	}
	err = t.exec(`UPDATE batches SET spending = ? WHERE id = ?`, int64(is), batch)
	if err == nil && is == ledger.Counted {
		err = t.exec(`UPDATE incidents SET spent = ?, cap = nullif(?, 0) WHERE id = ?`, a.Spent, a.Cap, incidentRow)
	}
	return is == ledger.Beyond, err
}

// NextBatchDue returns when the next batch that may be handed to its lane falls due; zero if there is none.
func (l *Ledger) NextBatchDue(ctx context.Context) (time.Time, error) {
	var due int64
	err := l.reader.QueryRowContext(ctx, `SELECT b.not_before`+waiting+`ORDER BY b.not_before LIMIT 1`).Scan(&due)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return time.UnixMilli(due).UTC(), err
}

// InIncident returns the notifications that the recipients of an update's notifications (ids) have had in
// its incident, those themselves among them, in order of their ids, with all their attempts. What incidents
// told that were merged into it is not among them.
func (l *Ledger) InIncident(ctx context.Context, update int64, ids []int64) ([]notification.Notification, error) {
	return l.notifications(ctx, 0, "", `WHERE n.update_id IN (SELECT o.id FROM updates u JOIN updates o ON o.incident = u.incident WHERE u.id = ?)
		AND n.recipient IN (SELECT recipient FROM notifications WHERE update_id = ? AND id IN (SELECT value FROM json_each(?))) ORDER BY n.id`,
		update, update, jsonInts(ids))
}

// MarkSent records that the lanes' queue has the batches, and drops their addresses.
func (l *Ledger) MarkSent(ctx context.Context, batches []int64, now time.Time) error {
	return l.write(ctx, "marking batches as sent", func(t tx) error {
		return t.exec(`UPDATE batches SET sent_at = ?, items = NULL WHERE id IN (SELECT value FROM json_each(?))`, ms(now), jsonInts(batches))
	})
}
