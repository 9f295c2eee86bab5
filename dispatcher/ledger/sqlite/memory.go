package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// dateOf is when the maintenance begins that update o announces, ” if it announces none.
const dateOf = `CASE o.value ->> 'status' WHEN 'scheduled' THEN o.value ->> 'started_at' ELSE '' END`

func scanPast(rows *sql.Rows) (u ledger.PastUpdate, err error) {
	var date string
	if err = rows.Scan(&u.ID, &u.Merged, &date); err == nil && date != "" {
		err = u.Date.UnmarshalText([]byte(date))
	}
	return u, err
}

// Past returns what was announced before an update.
func (l *Ledger) Past(ctx context.Context, update int64) (ledger.Past, error) {
	var p ledger.Past
	var err error
	p.Updates, err = collect(ctx, l.reader, scanPast, below+`SELECT o.id, o.incident <> u.incident, `+dateOf+`
		FROM updates u JOIN updates o ON o.incident IN (SELECT id FROM below)
		WHERE u.id = ? AND o.id < u.id AND o.audience > 0 AND (u.corrects = 0 OR o.id = u.corrects) ORDER BY o.id DESC`, update, update)
	if err != nil {
		return p, err
	}
	children, err := collect(ctx, l.reader, func(rows *sql.Rows) (incident.Incident, error) {
		var i incident.Incident
		var value string
		if err := rows.Scan(&value); err != nil {
			return i, err
		}
		return i, json.Unmarshal([]byte(value), &i)
	}, below+`SELECT value FROM incidents WHERE id IN (SELECT id FROM below)
		AND id <> (SELECT incident FROM updates WHERE id = ?) ORDER BY id`, update, update)
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
	asked := slices.Sorted(slices.Values(recipients))
	first, last := asked[0], asked[len(asked)-1]
	among, args := `n.recipient IN (SELECT value FROM json_each(?))`, []any{update, jsonInts(asked)}
	if last-first < 2*int64(len(asked)) {
		among, args = `n.recipient BETWEEN ? AND ?`, []any{update, first, last}
	}
	args = append(args, int64(notification.Open), int64(notification.Unknown), int64(notification.Expired),
		int64(notification.Unknown), int64(notification.Expired))
	var list sql.NullString // in one row: a row for each costs more than to find it
	err := l.reader.QueryRowContext(ctx, `SELECT group_concat(n.recipient || ' ' || n.reached_by) FROM notifications n
		WHERE n.update_id = ? AND `+among+` AND (n.took OR n.outcome = ? OR n.state IN (?, ?)
			OR n.step > 0 AND EXISTS (SELECT 1 FROM attempts a WHERE a.notification = n.id AND (a.took OR a.state IN (?, ?))))`,
		args...).Scan(&list)
	if err != nil || !list.Valid {
		return nil, err
	}
	return parseTold(list.String, asked)
}

// parseTold reads a list of numbers with their channels, and leaves out whom nobody asked about.
func parseTold(list string, asked []int64) ([]ledger.Told, error) {
	told := make([]ledger.Told, 0, len(asked))
	for one := range strings.SplitSeq(list, ",") {
		number, channel, _ := strings.Cut(one, " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, err
		}
		if _, ok := slices.BinarySearch(asked, n); ok {
			told = append(told, ledger.Told{Recipient: n, Channel: channel})
		}
	}
	slices.SortFunc(told, func(a, b ledger.Told) int { return cmp.Compare(a.Recipient, b.Recipient) })
	return told, nil
}

// CountMessages counts, for each of the recipients who has any, the messages of other updates that were
// let go after since: those that are on their way or that a provider took.
func (l *Ledger) CountMessages(ctx context.Context, update int64, since time.Time, recipients []int64) (map[int64]int, error) {
	counts := make(map[int64]int, len(recipients))
	_, err := collect(ctx, l.reader, func(rows *sql.Rows) (struct{}, error) {
		var recipient int64
		var n int
		err := rows.Scan(&recipient, &n)
		counts[recipient] = n
		return struct{}{}, err
	}, `SELECT n.recipient, count(*) FROM notifications n
		WHERE n.update_id IN (SELECT id FROM updates WHERE approved_at > ? AND audience > 0 AND id <> ?)
			AND n.recipient IN (SELECT value FROM json_each(?)) AND (n.took OR n.outcome IN (?, ?)) GROUP BY n.recipient`,
		ms(since), update, jsonInts(recipients), int64(notification.Open), int64(notification.Reached))
	return counts, err
}
