package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// Watched returns the incidents whose clocks may have to be moved on: those that are neither over nor
// merged into another, and those of which a clock has not stopped.
func (l *Ledger) Watched(ctx context.Context) (all []ledger.Watched, err error) {
	err = l.atOnce(ctx, func(v view) error {
		all, err = collect(ctx, v.q, func(row pgx.Rows) (ledger.Watched, error) {
			var w ledger.Watched
			var value, clocks []byte
			if err := row.Scan(&w.Row, &value, &clocks, &w.Paused); err != nil {
				return w, err
			}
			return w, rows.Watched(&w, value, clocks)
		}, `SELECT id, value, clocks, paused FROM incidents
			WHERE ticking OR parent = 0 AND status NOT IN ('resolved', 'completed', 'cancelled', 'postmortem') ORDER BY id`)
		if err != nil || len(all) == 0 {
			return err
		}
		return v.watchedUpdates(ctx, all)
	})
	return all, err
}

// watchedUpdates reads the updates of watched incidents into them.
func (v view) watchedUpdates(ctx context.Context, all []ledger.Watched) error {
	ids, place := make([]int64, len(all)), map[int64]*ledger.Watched{}
	for i := range all {
		ids[i], place[all[i].Row] = all[i].Row, &all[i]
	}
	_, err := collect(ctx, v.q, func(row pgx.Rows) (struct{}, error) {
		var u ledger.WatchedUpdate
		var incident, received, approved, first int64
		var value, terms []byte
		err := row.Scan(&incident, &u.ID, &u.State, &received, &approved, &first, &u.RetryOf, &u.Paused, &value, &terms)
		if err != nil {
			return struct{}{}, err
		}
		u.ReceivedAt, u.ApprovedAt, u.FirstNoticeAt = fromMS(received), fromMS(approved), fromMS(first)
		err = rows.Update(&u.Update, value, terms)
		w := place[incident]
		w.Updates = append(w.Updates, u)
		return struct{}{}, err
	}, `SELECT incident, id, state, received_at, approved_at, first_notice_at, retry_of, paused, value, terms
		FROM updates WHERE incident = ANY($1) ORDER BY id`, ids)
	return err
}

// KeepClocks moves an incident's clocks on from how they were read to how they are now, and takes the
// messages that say so, in one transaction. It returns ledger.ErrConflict, and nothing is changed, if they
// are not as they were read.
func (l *Ledger) KeepClocks(ctx context.Context, incident int64, before, after []promise.State, out []ledger.Outgoing) error {
	was, is, ticking, err := rows.Clocks(before, after)
	if err != nil {
		return err
	}
	return l.write(ctx, "keeping clocks", nil, func(t tx) error {
		n, err := t.changed(`UPDATE incidents SET clocks = $1, ticking = $2 WHERE id = $3 AND clocks = $4`, is, ticking, incident, was)
		if err != nil {
			return err
		}
		if n == 0 {
			return ledger.ErrConflict
		}
		for _, m := range out {
			if err := t.exec(`INSERT INTO outbox (subject, message, body, until) VALUES ($1,$2,$3,$4)`, m.Subject, m.Message, m.Body, ms(m.Until)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Outbox returns up to limit messages that are to be published, in the order in which they were decided on: those
// that are of use only until some time first.
func (l *Ledger) Outbox(ctx context.Context, limit int) ([]ledger.Outgoing, error) {
	return collect(ctx, l.pool, func(row pgx.Rows) (ledger.Outgoing, error) {
		var m ledger.Outgoing
		var until int64
		err := row.Scan(&m.ID, &m.Subject, &m.Message, &m.Body, &until)
		m.Until = fromMS(until)
		return m, err
	}, `SELECT id, subject, message, body, until FROM outbox ORDER BY until = 0, id LIMIT $1`, limit)
}

// Published forgets messages of the outbox.
func (l *Ledger) Published(ctx context.Context, ids []int64) error {
	return l.write(ctx, "clearing the outbox", nil, func(t tx) error {
		return t.exec(`DELETE FROM outbox WHERE id = ANY($1)`, ids)
	})
}

// AudienceAfter reads who is in the audience of updates, public accounts left out, for the next recipients
// numbered above after, at most limit numbers on: by number, and then by update. next is the number to go
// on after; it is after itself when nobody is left.
func (l *Ledger) AudienceAfter(ctx context.Context, updates []int64, after int64, limit int) (ms []ledger.Member, next int64, err error) {
	var first *int64
	err = l.pool.QueryRow(ctx, `SELECT min(x.first) FROM updates u, LATERAL
		(SELECT min(n.recipient) AS first FROM notifications n WHERE n.update_id = u.id AND n.id BETWEEN u.first_id AND u.last_id AND n.recipient > $2) x
		WHERE u.id = ANY($1)`, updates, after).Scan(&first)
	if err != nil || first == nil {
		return nil, after, named(err)
	}
	next = *first + int64(limit) - 1
	ms, err = collect(ctx, l.pool, func(row pgx.Rows) (ledger.Member, error) {
		var m ledger.Member
		var outcome int16
		err := row.Scan(&m.Number, &m.Recipient, &m.Update, &outcome)
		m.Outcome = notification.Outcome(outcome).String()
		return m, err
	}, `SELECT n.recipient, r.id, n.update_id, n.outcome
		FROM updates u JOIN notifications n ON n.update_id = u.id AND n.id BETWEEN u.first_id AND u.last_id
		JOIN recipients r ON r.number = n.recipient
		WHERE u.id = ANY($1) AND n.recipient BETWEEN $2 AND $3 AND r.id NOT LIKE 'account:%'
		ORDER BY n.recipient, n.update_id`, updates, *first, next)
	return ms, next, err
}
