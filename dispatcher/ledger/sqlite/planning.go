package sqlite

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// toPlan says of an update that it is to be planned, by its alias.
func toPlan(u string) string {
	return u + `.state IN ('approved', 'planning') AND NOT ` + u + `.paused
		AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.id = ` + u + `.incident AND i.paused)`
}

// NextToPlan returns an update that is approved or partly planned, ready to be planned on: its Cursor
// says how far it is, its Until how far it goes. It is the oldest after the one numbered after, or else
// the oldest; one that has an older one before it, of its incident or of those merged into it, is not
// ready. It returns ledger.ErrNotFound if there is none.
func (l *Ledger) NextToPlan(ctx context.Context, after int64) (ledger.Update, error) {
	var u ledger.Update
	err := l.write(ctx, "looking for an update to plan", func(t tx) error {
		us, err := collect(ctx, t, scanUpdate, `SELECT `+updateColumns+` FROM updates u WHERE `+toPlan("u")+`
			AND NOT EXISTS (WITH RECURSIVE below (id) AS (
					SELECT u.incident UNION SELECT i.id FROM incidents i JOIN below b ON i.parent = b.id)
				SELECT 1 FROM updates o WHERE `+toPlan("o")+` AND o.id < u.id AND o.incident IN (SELECT id FROM below))
			ORDER BY u.id <= ?, u.id LIMIT 1`, after)
		if err != nil {
			return err
		}
		if len(us) == 0 {
			return ledger.ErrNotFound
		}
		if u = us[0]; u.State == ledger.Planning {
			return nil
		}
		// Who is imported from here on is not part of this audience.
		u.State = ledger.Planning
		if err := t.scan(`SELECT coalesce(max(number), 0) FROM recipients`, nil, &u.Until); err != nil {
			return err
		}
		return t.exec(`UPDATE updates SET state = 'planning', until = ? WHERE id = ?`, u.Until, u.ID)
	})
	return u, err
}

// Texts returns an update's frozen texts.
func (l *Ledger) Texts(ctx context.Context, update int64) ([]ledger.Text, error) {
	frozen, err := collect(ctx, l.reader, scanFrozenText, frozenTextsQuery, update)
	if err != nil {
		return nil, err
	}
	return ledger.Thaw(frozen)
}

// CommitPage commits one page of planning. It returns ledger.ErrConflict if another planner has
// gone on from the same place.
func (l *Ledger) CommitPage(ctx context.Context, p ledger.Page) error {
	return l.write(ctx, "committing a page of planning", func(t tx) error {
		if err := t.advanceCursor(p); err != nil {
			return err
		}
		first, err := t.insertNotifications(p)
		if err != nil {
			return err
		}
		if err := t.insertFirstBatches(p, first); err != nil {
			return err
		}
		if err := t.markSuperseding(p, first); err != nil {
			return err
		}
		if err := t.overlooked(p.Queued(), p.Now); err != nil {
			return err
		}
		changes, open := p.Count()
		if err := t.addTallies(changes); err != nil {
			return err
		}
		return t.countPage(p, open)
	})
}

func (t tx) advanceCursor(p ledger.Page) error {
	res, err := t.result(`UPDATE updates SET cursor = ? WHERE id = ? AND cursor = ? AND state = 'planning'`, p.Cursor, p.Update, p.From)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ledger.ErrConflict)
	}
	return nil
}

// insertNotifications gives ascending ids in the page's order and returns the first.
func (t tx) insertNotifications(p ledger.Page) (first int64, err error) {
	var batch int64
	if err := t.scan(`SELECT 1 + `+lastNotification+`, 1 + `+lastBatch, nil, &first, &batch); err != nil {
		return 0, err
	}
	now, args := ms(p.Now), make([]any, 0, rowsAtOnce*rowParameters)
	attempts := p.First(batch)
	for i := range p.Notifications {
		n, a, settled := &p.Notifications[i], &attempts[i], int64(0)
		if n.Outcome != notification.Open {
			settled = now
		}
		args = append(args, first+int64(i), p.Update, n.Recipient, n.Locale, notification.FormatSteps(n.Steps), int64(a.State), a.Batch,
			ms(a.QueuedAt), int64(n.Outcome), string(n.Reason), settled)
		if len(args) == cap(args) || i == len(p.Notifications)-1 {
			if err := t.exec(insertRows(len(args)/rowParameters), args...); err != nil {
				return 0, err
			}
			args = args[:0]
		}
	}
	return first, nil
}

// Several rows a statement cost less than as many statements.
const (
	rowsAtOnce    = 20
	rowParameters = 11
)

// insertRows is the statement that inserts so many notifications.
func insertRows(n int) string {
	const row = `(?,?,?,0,?,?,0,0,?,?,?,'','',0,0,?,?,0,'',?)`
	return `INSERT INTO notifications (id, update_id, recipient, version, locale, steps, step, try, state, batch,
		queued_at, code, provider_id, took, stop, outcome, reason, proof, reached_by, settled_at)
		VALUES ` + strings.TrimSuffix(strings.Repeat(row+",", n), ",")
}

// insertFirstBatches writes the page's batches, its notifications being numbered from first.
func (t tx) insertFirstBatches(p ledger.Page, first int64) error {
	for _, b := range p.Batches {
		for i := range b.Items {
			b.Items[i].Notification = first + int64(b.From+i)
		}
		if _, err := t.insertBatch(ledger.AttemptBatch{BatchHead: b.Batch, Items: b.Items}); err != nil {
			return err
		}
	}
	return nil
}

// markSuperseding leaves word for the engine if older updates, of the incident or of those merged into
// it, have open notifications.
func (t tx) markSuperseding(p ledger.Page, first int64) error {
	if len(p.Notifications) == 0 {
		return nil
	}
	return t.exec(below+`INSERT INTO superseding_pages (update_id, first, last)
		SELECT u.id, ?, ? FROM updates u WHERE u.id = ? AND EXISTS
			(SELECT 1 FROM updates o WHERE o.incident IN (SELECT id FROM below) AND o.id < u.id AND o.open > 0
				AND (u.corrects = 0 OR o.id <= u.corrects))`,
		p.Update, first, first+int64(len(p.Notifications))-1, p.Update)
}

func (t tx) countPage(p ledger.Page, open int64) error {
	err := t.exec(`UPDATE updates SET audience = audience + ?, open = open + ? WHERE id = ?`, len(p.Notifications), open, p.Update)
	if err != nil || !p.Last {
		return err
	}
	if err := t.exec(`UPDATE updates SET state = 'sending' WHERE id = ?`, p.Update); err != nil {
		return err
	}
	if err := t.trailPlanned(p.Update, p.Now); err != nil {
		return err
	}
	if err := t.closeIfSettled(p.Update, p.Now); err != nil || p.Note == "" {
		return err
	}
	return t.exec(`UPDATE updates SET reason = CASE WHEN reason = '' THEN ?1 ELSE reason || '; ' || ?1 END WHERE id = ?2`, p.Note, p.Update)
}

// closeIfSettled closes an update whose last notification has been settled.
func (t tx) closeIfSettled(update int64, now time.Time) error {
	res, err := t.result(`UPDATE updates SET state = 'closed',
		reason = CASE WHEN audience = 0 THEN ? ELSE reason END
		WHERE id = ? AND state = 'sending' AND open = 0`, ledger.NobodyAffected, update)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return t.trailClosed(update, now)
}

// addTallies adds changes to the running counts.
func (t tx) addTallies(changes ledger.TallyChanges) error {
	for k, n := range changes {
		err := t.exec(`INSERT INTO tallies (update_id, channel, what, count) VALUES (?,?,?,?)
			ON CONFLICT (update_id, channel, what) DO UPDATE SET count = count + excluded.count`, k.Update, k.Channel, k.What, n)
		if err != nil {
			return err
		}
	}
	return nil
}
