package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// dateOf is when the maintenance begins that update o announces, ” if it announces none.
const dateOf = `CASE o.status WHEN 'scheduled' THEN o.value::json ->> 'started_at' ELSE '' END`

func scanPast(row pgx.Rows) (u ledger.PastUpdate, err error) {
	var date string
	if err = row.Scan(&u.ID, &u.Merged, &date); err == nil && date != "" {
		err = u.Date.UnmarshalText([]byte(date))
	}
	return u, err
}

// Past returns what was announced before an update.
func (l *Ledger) Past(ctx context.Context, update int64) (ledger.Past, error) {
	var p ledger.Past
	var err error
	p.Updates, err = collect(ctx, l.pool, scanPast, below+`SELECT o.id, o.incident <> u.incident, `+dateOf+`
		FROM updates u JOIN updates o ON o.incident IN (SELECT id FROM below)
		WHERE u.id = $1 AND o.id < u.id AND o.audience > 0 AND (u.corrects = 0 OR o.id = u.corrects) ORDER BY o.id DESC`, update)
	if err != nil {
		return p, err
	}
	children, err := collect(ctx, l.pool, func(row pgx.Rows) (incident.Incident, error) {
		var i incident.Incident
		var value []byte
		if err := row.Scan(&value); err != nil {
			return i, err
		}
		return i, json.Unmarshal(value, &i)
	}, below+`SELECT value FROM incidents WHERE id IN (SELECT id FROM below)
		AND id <> (SELECT incident FROM updates WHERE id = $1) ORDER BY id`, update)
	p.Affects = ledger.AffectedBy(children)
	return p, err
}

// ToldBy returns those of the recipients who were told of an update, or may yet be, in order of their
// numbers. It costs one look into an index for each recipient that is asked about, or less: where their
// numbers are close together, as in a page of planning, a stretch of the index is read from end to end.
func (l *Ledger) ToldBy(ctx context.Context, update int64, recipients []int64) ([]ledger.Told, error) {
	if len(recipients) == 0 {
		return nil, nil
	}
	r, err := view{l.pool}.idRange(ctx, update)
	if err != nil {
		return nil, err
	}
	asked := slices.Sorted(slices.Values(recipients))
	first, last := asked[0], asked[len(asked)-1]
	among, args := `n.recipient = ANY($6)`, []any{asked}
	if last-first < 2*int64(len(asked)) {
		among, args = `n.recipient BETWEEN $6 AND $7`, []any{first, last}
	}
	args = append([]any{update, r.first, r.last, int16(notification.Open), []int16{int16(notification.Unknown), int16(notification.Expired)}}, args...)
	told, err := collect(ctx, l.pool, func(row pgx.Rows) (ledger.Told, error) {
		var t ledger.Told
		err := row.Scan(&t.Recipient, &t.Channel)
		return t, err
	}, `SELECT n.recipient, n.reached_by FROM notifications n
		WHERE n.update_id = $1 AND n.id BETWEEN $2 AND $3 AND `+among+` AND (n.took OR n.outcome = $4 OR n.state = ANY($5)
			OR n.step > 0 AND EXISTS (SELECT FROM attempts a WHERE a.notification = n.id AND a.notification BETWEEN $2 AND $3
				AND (a.took OR a.state = ANY($5)))) ORDER BY n.recipient`, args...)
	return slices.DeleteFunc(told, func(t ledger.Told) bool {
		_, ok := slices.BinarySearch(asked, t.Recipient)
		return !ok
	}), err
}

// CountMessages counts, for each of the recipients who has any, the messages of other updates that were
// let go after since: those that are on their way or that a provider took.
func (l *Ledger) CountMessages(ctx context.Context, update int64, since time.Time, recipients []int64) (map[int64]int, error) {
	counts := make(map[int64]int, len(recipients))
	r, err := l.ranges(ctx, `SELECT id, first_id, last_id FROM updates WHERE approved_at > $1 AND audience > 0 AND id <> $2`, ms(since), update)
	if err != nil || len(r.updates) == 0 || len(recipients) == 0 {
		return counts, err
	}
	_, err = collect(ctx, l.pool, func(row pgx.Rows) (struct{}, error) {
		var recipient int64
		var n int
		err := row.Scan(&recipient, &n)
		counts[recipient] = n
		return struct{}{}, err
	}, `SELECT n.recipient, count(*) FROM notifications n WHERE n.update_id = ANY($1) AND n.id BETWEEN $2 AND $3
		AND n.recipient = ANY($4) AND (n.took OR n.outcome = ANY($5)) GROUP BY n.recipient`,
		r.updates, r.first, r.last, recipients, []int16{int16(notification.Open), int16(notification.Reached)})
	return counts, err
}
