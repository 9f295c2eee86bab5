package sqlite

import (
	"context"
	"database/sql"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// Watched returns the incidents whose clocks may have to be moved on: those that are neither over nor
// merged into another, and those of which a clock has not stopped.
func (l *Ledger) Watched(ctx context.Context) ([]ledger.Watched, error) {
	all, err := collect(ctx, l.reader, func(row *sql.Rows) (ledger.Watched, error) {
		var w ledger.Watched
		var value, clocks string
		if err := row.Scan(&w.Row, &value, &clocks, &w.Paused); err != nil {
			return w, err
		}
		return w, rows.Watched(&w, []byte(value), []byte(clocks))
	}, `SELECT id, value, clocks, paused FROM incidents
		WHERE ticking = 1 OR parent = 0 AND status NOT IN ('resolved', 'completed', 'cancelled', 'postmortem') ORDER BY id`)
	for i := range all {
		if err == nil {
			all[i].Updates, err = l.watchedUpdates(ctx, all[i].Row)
		}
	}
	return all, err
}

func (l *Ledger) watchedUpdates(ctx context.Context, incidentRow int64) ([]ledger.WatchedUpdate, error) {
	return collect(ctx, l.reader, func(row *sql.Rows) (ledger.WatchedUpdate, error) {
		var u ledger.WatchedUpdate
		var received, approved, first int64
		var value, terms []byte
		err := row.Scan(&u.ID, &u.State, &received, &approved, &first, &u.RetryOf, &u.Paused, &value, &terms)
		if err != nil {
			return u, err
		}
		u.ReceivedAt, u.ApprovedAt, u.FirstNoticeAt = fromMS(received), fromMS(approved), fromMS(first)
		return u, rows.Update(&u.Update, value, terms)
	}, `SELECT id, state, received_at, approved_at, first_notice_at, retry_of, paused, value, terms FROM updates WHERE incident = ? ORDER BY id`, incidentRow)
}

// KeepClocks moves an incident's clocks on from how they were read to how they are now, and takes the
// messages that say so, in one transaction. It returns ledger.ErrConflict, and nothing is changed, if they
// are not as they were read.
func (l *Ledger) KeepClocks(ctx context.Context, incident int64, before, after []promise.State, out []ledger.Outgoing) error {
	was, is, ticking, err := rows.Clocks(before, after)
	if err != nil {
		return err
	}
	return l.write(ctx, "keeping clocks", func(t tx) error {
		res, err := t.result(`UPDATE incidents SET clocks = ?, ticking = ? WHERE id = ? AND clocks = ?`, is, ticking, incident, was)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return conflict(err)
		}
		for _, m := range out {
			if err := t.exec(`INSERT INTO outbox (subject, message, body, until) VALUES (?,?,?,?)`, m.Subject, m.Message, m.Body, ms(m.Until)); err != nil {
				return err
			}
		}
		return nil
	})
}

func conflict(err error) error {
	if err != nil {
		return err
	}
	return ledger.ErrConflict
}

// Outbox returns up to limit messages that are to be published, in the order in which they were decided on: those
// that are of use only until some time first.
func (l *Ledger) Outbox(ctx context.Context, limit int) ([]ledger.Outgoing, error) {
	return collect(ctx, l.reader, func(row *sql.Rows) (ledger.Outgoing, error) {
		var m ledger.Outgoing
		var until int64
		err := row.Scan(&m.ID, &m.Subject, &m.Message, &m.Body, &until)
		m.Until = fromMS(until)
		return m, err
	}, `SELECT id, subject, message, body, until FROM outbox ORDER BY until = 0, id LIMIT ?`, limit)
}

// Published forgets messages of the outbox.
func (l *Ledger) Published(ctx context.Context, ids []int64) error {
	return l.write(ctx, "clearing the outbox", func(t tx) error {
		return t.exec(`DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))`, jsonInts(ids))
	})
}

// AudienceAfter reads who is in the audience of updates, public accounts left out, for the next recipients
// numbered above after, at most limit numbers on: by number, and then by update. next is the number to go
// on after; it is after itself when nobody is left.
func (l *Ledger) AudienceAfter(ctx context.Context, updates []int64, after int64, limit int) (ms []ledger.Member, next int64, err error) {
	ids := jsonInts(updates)
	var first sql.NullInt64
	err = l.reader.QueryRowContext(ctx, `SELECT min((SELECT min(recipient) FROM notifications WHERE update_id = value AND recipient > ?))
		FROM json_each(?)`, after, ids).Scan(&first)
	if err != nil || !first.Valid {
		return nil, after, err
	}
	next = first.Int64 + int64(limit) - 1
	ms, err = collect(ctx, l.reader, func(row *sql.Rows) (ledger.Member, error) {
		var m ledger.Member
		var outcome notification.Outcome
		err := row.Scan(&m.Number, &m.Recipient, &m.Update, &outcome)
		m.Outcome = outcome.String()
		return m, err
	}, `SELECT n.recipient, r.id, n.update_id, n.outcome FROM notifications n JOIN recipients r ON r.number = n.recipient
		WHERE n.update_id IN (SELECT value FROM json_each(?)) AND n.recipient BETWEEN ? AND ? AND r.id NOT GLOB 'account:*'
		ORDER BY n.recipient, n.update_id`, ids, first.Int64, next)
	return ms, next, err
}
