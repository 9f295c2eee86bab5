package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// below is the incident of an update (the parameter) with all that were merged into it, directly or
// not.
const below = `WITH RECURSIVE below (id) AS (
	SELECT incident FROM updates WHERE id = ?
	UNION SELECT i.id FROM incidents i JOIN below b ON i.parent = b.id) `

// Past returns what was announced before an update.
func (l *Ledger) Past(ctx context.Context, update int64) (ledger.Past, error) {
	var p ledger.Past
	var err error
	p.Updates, err = collect(ctx, l.reader, func(rows *sql.Rows) (ledger.PastUpdate, error) {
		var u ledger.PastUpdate
		return u, rows.Scan(&u.ID, &u.Merged)
	}, below+`SELECT o.id, o.incident <> u.incident FROM updates u JOIN updates o ON o.incident IN (SELECT id FROM below)
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
	for i := range children {
		if a := children[i].Affects; a != nil {
			p.Affects = append(p.Affects, *a)
		}
	}
	return p, err
}

// ToldBy returns those of the recipients who were told of an update, or may yet be, in order of their
// numbers. It costs one look into an index for each recipient that is asked about.
func (l *Ledger) ToldBy(ctx context.Context, update int64, recipients []int64) ([]ledger.Told, error) {
	return collect(ctx, l.reader, func(rows *sql.Rows) (ledger.Told, error) {
		var t ledger.Told
		return t, rows.Scan(&t.Recipient, &t.Channel)
	}, `SELECT n.recipient, n.reached_by FROM notifications n
		WHERE n.update_id = ? AND n.recipient IN (SELECT value FROM json_each(?)) AND (n.took OR n.outcome = ? OR n.state IN (?, ?)
			OR n.step > 0 AND EXISTS (SELECT 1 FROM attempts a WHERE a.notification = n.id AND (a.took OR a.state IN (?, ?))))
		ORDER BY n.recipient`, update, jsonInts(recipients), int64(notification.Open), int64(notification.Unknown), int64(notification.Expired),
		int64(notification.Unknown), int64(notification.Expired))
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

// parent is the row of the incident into which an incident was merged, or is merged by this update; 0
// is none.
func (t tx) parent(row int64, n *ledger.NewUpdate) (parent int64, err error) {
	if row != 0 {
		err = t.scan(`SELECT parent FROM incidents WHERE id = ?`, []any{row}, &parent)
	}
	if err != nil || parent != 0 || n.Incident.MergedInto == "" {
		return parent, err
	}
	return t.merge(row, n)
}

// merge enters which incident an incident (0: not recorded yet) is being merged into: that which the
// one named was itself merged into in the end.
func (t tx) merge(row int64, n *ledger.NewUpdate) (parent int64, err error) {
	named := n.Incident.MergedInto
	parent, into, err := t.incident(n.Update.Team, named)
	for err == nil && into != nil && into.MergedInto != "" {
		parent, into, err = t.incident(n.Update.Team, into.MergedInto)
	}
	switch {
	case err != nil:
		return 0, err
	case into == nil:
		return 0, ledger.UnknownParent(named)
	case parent == row:
		return 0, ledger.ParentIsChild(named)
	case into.Over():
		return 0, ledger.ParentOver(into.ID)
	}
	n.Incident.MergedInto = into.ID
	return parent, nil
}

// corrected finds the update that a correction corrects; 0 where it names none.
func (t tx) corrected(incidentRow int64, u *incident.Update) (id int64, err error) {
	if u.Corrects == "" {
		return 0, nil
	}
	err = t.scan(`SELECT coalesce(max(id), 0) FROM updates WHERE incident = ? AND event_id = ?`, []any{incidentRow, u.Corrects}, &id)
	if err == nil && id == 0 {
		err = ledger.UnknownCorrected(u.Corrects)
	}
	return id, err
}

// bury remembers addresses that were refused as invalid, unless the directory has changed since they
// were taken from it. Public accounts are left out: theirs are the configuration's business.
func (t tx) bury(dead []ledger.DeadAddress) error {
	for _, d := range dead {
		var id, addresses, known string
		var readdressed int64
		err := t.scan(`SELECT id, addresses, dead, readdressed FROM recipients WHERE number = ? AND deleted = 0`, []any{d.Recipient},
			&id, &addresses, &known, &readdressed)
		if errors.Is(err, sql.ErrNoRows) || err == nil && readdressed >= d.Batch {
			continue
		}
		if err != nil {
			return err
		}
		r := audience.Recipient{ID: id, Addresses: splitAddresses(addresses)}
		one := audience.Address{Channel: d.Channel, Address: r.Address(d.Channel)}
		if one.Address == "" || r.Account() {
			continue
		}
		all := slices.DeleteFunc(splitAddresses(known), func(a audience.Address) bool { return a.Channel == d.Channel })
		if err := t.exec(`UPDATE recipients SET dead = ? WHERE number = ?`, joinAddresses(append(all, one)), d.Recipient); err != nil {
			return err
		}
	}
	return nil
}

// stillDead returns those of the addresses remembered as dead that the recipient still has.
func stillDead(dead string, has audience.Addresses) audience.Addresses {
	if dead == "" {
		return nil
	}
	var still audience.Addresses
	for _, d := range splitAddresses(dead) {
		if slices.Contains(has, d) {
			still = append(still, d)
		}
	}
	slices.SortFunc(still, func(a, b audience.Address) int { return strings.Compare(a.Channel, b.Channel) })
	return still
}
