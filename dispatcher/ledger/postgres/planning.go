package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// toPlan says of an update that it is to be planned, by its alias.
func toPlan(u string) string {
	return u + `.state IN ('approved', 'planning') AND NOT ` + u + `.paused
		AND NOT EXISTS (SELECT FROM incidents i WHERE i.id = ` + u + `.incident AND i.paused)`
}

// NextToPlan returns an update that is approved or partly planned, ready to be planned on: its Cursor
// says how far it is, its Until how far it goes. It is the oldest after the one numbered after, or else
// the oldest; one that has an older one before it, of its incident or of those merged into it, is not
// ready. It returns ledger.ErrNotFound if there is none. Several planners are given the same update, in the same state; CommitPage lets only one
// of them go on from any place.
func (l *Ledger) NextToPlan(ctx context.Context, after int64) (ledger.Update, error) {
	for {
		u, err := one(collect(ctx, l.pool, scanUpdate, `SELECT `+updateColumns+` FROM updates u WHERE `+toPlan("u")+`
			AND NOT EXISTS (WITH RECURSIVE below (id) AS (
					SELECT u.incident UNION SELECT i.id FROM incidents i JOIN below b ON i.parent = b.id AND i.parent <> 0)
				SELECT FROM updates o WHERE `+toPlan("o")+` AND o.id < u.id AND o.incident IN (SELECT id FROM below))
			ORDER BY u.id <= $1, u.id LIMIT 1`, after))
		if err != nil || u.State == ledger.Planning {
			return u, err
		}
		u, err = l.beginToPlan(ctx, u.ID)
		if !errors.Is(err, ledger.ErrConflict) {
			return u, err
		}
	}
}

// beginToPlan freezes an approved update's audience: who is imported from here on is not part of it.
// Numbers ascend as imports are committed, so nobody up to the last one is still to come. It returns ledger.ErrConflict if another planner was faster.
func (l *Ledger) beginToPlan(ctx context.Context, id int64) (u ledger.Update, err error) {
	err = l.write(ctx, "beginning to plan", nil, func(t tx) error {
		us, err := collect(t.ctx, t, scanUpdate, `UPDATE updates SET state = 'planning', until = (SELECT coalesce(max(number), 0) FROM recipients)
			WHERE id = $1 AND state = 'approved' RETURNING `+updateColumns, id)
		if err == nil && len(us) == 0 {
			err = ledger.ErrConflict
		}
		if err == nil {
			u = us[0]
		}
		return err
	})
	return u, err
}

// CommitPage commits one page of planning, and gives the items of its batches the ids of their
// notifications. It returns ledger.ErrConflict if another planner has gone on from the same place.
func (l *Ledger) CommitPage(ctx context.Context, p ledger.Page) error {
	w := weekOf(p.Now)
	first, err := l.takeIDs(ctx, "notification_ids", w, len(p.Notifications))
	if err != nil {
		return err
	}
	batch, err := l.takeIDs(ctx, "batch_ids", w, len(p.Batches))
	if err != nil {
		return err
	}
	var into []int64
	if len(p.Notifications) > 0 {
		into = []int64{w, w + 1} // the next one ahead of its time
	}
	return l.write(ctx, "committing a page of planning", into, func(t tx) error {
		if err := t.advanceCursor(p); err != nil {
			return err
		}
		if err := t.copyNotifications(p, first, batch); err != nil {
			return err
		}
		if err := t.copyFirstBatches(p, first, batch); err != nil {
			return err
		}
		changes, open := p.Count()
		if err := t.countPage(p, first, open); err != nil {
			return err
		}
		if err := t.addTallies(changes); err != nil {
			return err
		}
		if err := t.markSuperseding(p, first); err != nil {
			return err
		}
		if err := t.overlooked(p.Queued(), p.Now); err != nil || !p.Last {
			return err
		}
		return t.endPlanning(p.Update, p.Note, p.Now)
	})
}

// advanceCursor locks the update until the page is committed.
func (t tx) advanceCursor(p ledger.Page) error {
	n, err := t.changed(`UPDATE updates SET cursor = $1 WHERE id = $2 AND cursor = $3 AND state = 'planning'`, p.Cursor, p.Update, p.From)
	if err == nil && n == 0 {
		err = ledger.ErrConflict
	}
	return err
}

func notificationColumns() []string {
	return []string{
		"id", "update_id", "recipient", "version", "queued_at", "settled_at", "batch", "step", "try", "state", "outcome", "proof",
		"stop", "took", "locale", "steps", "code", "provider_id", "reason", "reached_by",
	}
}

// copyNotifications writes the page's notifications, numbered from first, in batches numbered from batch.
func (t tx) copyNotifications(p ledger.Page, first, batch int64) error {
	if len(p.Notifications) == 0 {
		return nil
	}
	now, attempts := ms(p.Now), p.First(batch)
	_, err := t.CopyFrom(t.ctx, pgx.Identifier{"notifications"}, notificationColumns(), pgx.CopyFromSlice(len(p.Notifications), func(i int) ([]any, error) {
		n, a, settled := &p.Notifications[i], &attempts[i], int64(0)
		if n.Outcome != notification.Open {
			settled = now
		}
		return []any{
			first + int64(i), p.Update, n.Recipient, int64(0), ms(a.QueuedAt), settled, a.Batch, int16(0), int16(0), int16(a.State), int16(n.Outcome), int16(0),
			int16(notification.GoOn), false, n.Locale, notification.FormatSteps(n.Steps), "", "", string(n.Reason), "",
		}, nil
	}))
	return err
}

// copyFirstBatches writes the page's batches, numbered from batch, of notifications numbered from first.
func (t tx) copyFirstBatches(p ledger.Page, first, batch int64) error {
	all := make([]ledger.AttemptBatch, len(p.Batches))
	for i, b := range p.Batches {
		for j := range b.Items {
			b.Items[j].Notification = first + int64(b.From+j)
		}
		all[i] = ledger.AttemptBatch{BatchHead: b.Batch, Items: b.Items}
	}
	return t.copyBatches(all, batch)
}

// countPage counts what the page has added.
func (t tx) countPage(p ledger.Page, first, open int64) error {
	n := int64(len(p.Notifications))
	last := int64(0)
	if n > 0 {
		last = first + n - 1
	}
	return t.exec(`UPDATE updates SET audience = audience + $2, open = open + $3, last_id = greatest(last_id, $5),
		first_id = CASE WHEN first_id = 0 THEN $4 ELSE first_id END WHERE id = $1`, p.Update, n, open, first, last)
}

// endPlanning ends the planning of an update, with a note for its reason. One whose notifications are all settled by then is closed.
func (t tx) endPlanning(update int64, note string, now time.Time) error {
	planned, err := collect(t.ctx, t, scanEnd, `UPDATE updates SET state = 'sending' WHERE id = $1 RETURNING `+endColumns, update)
	if err != nil {
		return err
	}
	closed, err := t.closeSettled([]int64{update}, now)
	if err != nil {
		return err
	}
	if note != "" {
		err = t.exec(`UPDATE updates SET reason = CASE WHEN reason = '' THEN $1 ELSE reason || '; ' || $1 END WHERE id = $2`, text(note), update)
	}
	if err != nil {
		return err
	}
	var entries []ledger.TrailEntry
	for i := range planned {
		entries = append(entries, ledger.PlannedEntry(update, &planned[i].said, planned[i].audience, now))
	}
	return t.appendTrail(append(entries, closed...)...)
}

// end is what the trail is to say of an update that comes to an end, of its planning or of all.
type end struct {
	id, audience int64
	said         incident.Update
}

const endColumns = `id, audience, value`

func scanEnd(row pgx.Rows) (end, error) {
	var e end
	var value []byte
	if err := row.Scan(&e.id, &e.audience, &value); err != nil {
		return e, err
	}
	return e, json.Unmarshal(value, &e.said)
}

// closeSettled closes those of the updates whose last notification has been settled, and returns what
// the trail is to say of them. Their running counts must be complete.
func (t tx) closeSettled(updates []int64, now time.Time) ([]ledger.TrailEntry, error) {
	if len(updates) == 0 {
		return nil, nil
	}
	closed, err := collect(t.ctx, t, scanEnd, `UPDATE updates SET state = 'closed',
		reason = CASE WHEN audience = 0 THEN $2 ELSE reason END
		WHERE id = ANY($1) AND state = 'sending' AND open = 0 RETURNING `+endColumns, updates, ledger.NobodyAffected)
	slices.SortFunc(closed, func(a, b end) int { return cmp.Compare(a.id, b.id) })
	var entries []ledger.TrailEntry
	for i := range closed {
		var counts []ledger.Tally
		if counts, err = talliesOf(t.ctx, t, closed[i].id); err != nil {
			break
		}
		entries = append(entries, ledger.ClosedEntry(closed[i].id, &closed[i].said, closed[i].audience, counts, now))
	}
	return entries, err
}

// markSuperseding leaves word for the engine if older updates, of the incident or of those merged into
// it, have open notifications.
func (t tx) markSuperseding(p ledger.Page, first int64) error {
	if len(p.Notifications) == 0 {
		return nil
	}
	return t.exec(below+`INSERT INTO superseding_pages (update_id, first, last)
		SELECT $1, $2, $3 WHERE EXISTS (SELECT `+olderOpen+`)`, p.Update, first, first+int64(len(p.Notifications))-1)
}

// addTallies adds changes to the running counts.
func (t tx) addTallies(changes ledger.TallyChanges) error {
	if len(changes) == 0 {
		return nil
	}
	var updates, counts []int64
	var channels, whats []string
	for _, k := range changes.Keys() {
		updates, channels, whats, counts = append(updates, k.Update), append(channels, k.Channel), append(whats, k.What), append(counts, changes[k])
	}
	return t.exec(`INSERT INTO tallies (update_id, channel, what, count)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
		ON CONFLICT (update_id, channel, what) DO UPDATE SET count = tallies.count + excluded.count`, updates, channels, whats, counts)
}
