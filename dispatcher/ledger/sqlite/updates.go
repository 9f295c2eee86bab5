package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// RecordUpdate records update u in one transaction. decide gets the incident as it stands, nil if
// it is new, and returns what to record; an error from it is returned and nothing is recorded. An
// update that is already there (same team, source and id) changes nothing: recorded is then false
// and decide is not called. If what is there says something else, the error is ledger.ErrReused. An
// update that merges its incident into one that it can't be merged into, or corrects what there isn't,
// or that Tocsin says by itself and doesn't repeat what it follows, is refused with an *incident.FaultError.
func (l *Ledger) RecordUpdate(ctx context.Context, u incident.Update,
	decide func(*incident.Incident) (ledger.NewUpdate, error),
) (recorded bool, err error) {
	err = l.write(ctx, "recording an update", func(t tx) error {
		known, err := t.known(u)
		if known || err != nil {
			return err
		}
		id, before, err := t.incident(u.Team, u.Incident)
		if err != nil {
			return err
		}
		n, err := decide(before)
		if err != nil {
			return err
		}
		recorded = true
		return t.insertUpdate(id, n)
	})
	return recorded && err == nil, err
}

// known reports whether an update is there already.
func (t tx) known(u incident.Update) (bool, error) {
	var value string
	err := t.scan(`SELECT value FROM updates WHERE team = ? AND source = ? AND event_id = ?`, []any{u.Team, u.Source, u.EventID}, &value)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	var before incident.Update
	if err == nil {
		err = json.Unmarshal([]byte(value), &before)
	}
	if err == nil {
		err = ledger.SameNews(&before, &u)
	}
	return err == nil, err
}

// incident reads the incident of a team, its row 0 and nil if there is none.
func (t tx) incident(team, key string) (row int64, inc *incident.Incident, err error) {
	var value string
	err = t.scan(`SELECT id, value FROM incidents WHERE team = ? AND incident = ?`, []any{team, key}, &row, &value)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, nil
	}
	if err == nil {
		inc = &incident.Incident{}
		err = json.Unmarshal([]byte(value), inc)
	}
	return row, inc, err
}

func (t tx) insertUpdate(incidentRow int64, n ledger.NewUpdate) error {
	var corrects int64
	row, err := t.putIncident(incidentRow, &n)
	if err == nil && n.State != ledger.NotAnnounced {
		if corrects, err = t.corrected(row, &n.Update); err == nil {
			err = t.repeats(row, &n.Update)
		}
	}
	if err != nil {
		return err
	}
	value, err := json.Marshal(n.Update)
	if err != nil {
		return err
	}
	terms, err := json.Marshal(n.Terms)
	if err != nil {
		return err
	}
	approvedAt := int64(0)
	if n.State == ledger.Approved {
		approvedAt = ms(n.ReceivedAt)
	}
	res, err := t.result(`INSERT INTO updates (incident, team, source, event_id, state, reason, received_at, approved_at, approved_by, corrects, value, terms)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`, row, n.Update.Team, n.Update.Source, n.Update.EventID, string(n.State), n.Reason,
		ms(n.ReceivedAt), approvedAt, n.ApprovedBy, corrects, string(value), string(terms))
	if err != nil {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	texts, err := ledger.Freeze(n.Texts)
	if err != nil {
		return err
	}
	if err := t.insertTexts(id, texts); err != nil {
		return err
	}
	return t.appendTrail(ledger.RecordedEntries(id, &n, value, terms, texts)...)
}

func (t tx) putIncident(row int64, n *ledger.NewUpdate) (int64, error) {
	parent, err := t.parent(row, n)
	if err != nil {
		return 0, err
	}
	value, err := json.Marshal(n.Incident)
	if err != nil {
		return 0, err
	}
	if row != 0 {
		return row, t.exec(`UPDATE incidents SET status = ?, changed_at = ?, parent = ?, value = ? WHERE id = ?`,
			string(n.Incident.Status), ms(n.ReceivedAt), parent, string(value), row)
	}
	res, err := t.result(`INSERT INTO incidents (team, incident, status, changed_at, parent, value) VALUES (?,?,?,?,?,?)`,
		n.Update.Team, n.Update.Incident, string(n.Incident.Status), ms(n.ReceivedAt), parent, string(value))
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

func (t tx) insertTexts(update int64, texts []ledger.FrozenText) error {
	for _, x := range texts {
		err := t.exec(`INSERT INTO texts (update_id, kind, locale, content, hash, units) VALUES (?,?,?,?,?,?)`,
			update, string(x.Kind), x.Locale, string(x.Content), x.Hash, x.Units)
		if err != nil {
			return err
		}
	}
	return nil
}

// RecordRejection keeps an update that was refused. The same message is kept once.
func (l *Ledger) RecordRejection(ctx context.Context, r ledger.Rejection) error {
	return l.write(ctx, "recording a rejection", func(t tx) error {
		faults, err := json.Marshal(r.Faults)
		if err != nil {
			return err
		}
		res, err := t.result(`INSERT INTO rejections (team, at, digest, faults, body) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING`,
			r.Team, ms(r.At), ledger.RejectionDigest(&r), string(faults), r.Body)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err // kept already
		}
		return t.appendTrail(ledger.RejectedEntry(&r))
	})
}

const updateColumns = `id, state, reason, received_at, approved_at, approved_by, cursor, until, audience, first_notice_at, retry_of, value, terms`

func scanUpdate(rows *sql.Rows) (ledger.Update, error) {
	var u ledger.Update
	var received, approved, first int64
	var value, terms string
	err := rows.Scan(&u.ID, &u.State, &u.Reason, &received, &approved, &u.ApprovedBy, &u.Cursor, &u.Until, &u.Audience, &first, &u.RetryOf, &value, &terms)
	if err != nil {
		return u, err
	}
	u.ReceivedAt, u.ApprovedAt, u.FirstNoticeAt = fromMS(received), fromMS(approved), fromMS(first)
	return u, errors.Join(json.Unmarshal([]byte(value), &u.Update), json.Unmarshal([]byte(terms), &u.Terms))
}

// Update returns an update by its id, or ledger.ErrNotFound.
func (l *Ledger) Update(ctx context.Context, id int64) (ledger.Update, error) {
	us, err := collect(ctx, l.reader, scanUpdate, `SELECT `+updateColumns+` FROM updates WHERE id = ?`, id)
	if err == nil && len(us) == 0 {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return ledger.Update{}, err
	}
	return us[0], nil
}
