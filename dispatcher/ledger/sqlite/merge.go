package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// below is the incident of an update (the parameter) with all that were merged into it, directly or
// not.
const below = `WITH RECURSIVE below (id) AS (
	SELECT incident FROM updates WHERE id = ?
	UNION SELECT i.id FROM incidents i JOIN below b ON i.parent = b.id) `

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
	if err == nil {
		err = ledger.CheckParent(named, into, parent == row)
	}
	if err != nil {
		return 0, err
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

// repeats holds what Tocsin says by itself to what it follows (incident.RepeatFaults): an update that was let go.
func (t tx) repeats(incidentRow int64, u *incident.Update) error {
	if u.Follows == "" {
		return nil
	}
	var value string
	err := t.scan(`SELECT value FROM updates WHERE incident = ? AND event_id = ?
		AND state IN ('approved', 'planning', 'sending', 'closed') ORDER BY id DESC LIMIT 1`, []any{incidentRow, u.Follows}, &value)
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.NotLetGo(u.Follows)
	}
	var before incident.Update
	if err == nil {
		err = json.Unmarshal([]byte(value), &before)
	}
	if err != nil {
		return err
	}
	if faults := incident.RepeatFaults(u, &before); len(faults) > 0 {
		return &incident.FaultError{Faults: faults}
	}
	return nil
}
