package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// RecordUpdate records update u in one transaction. decide gets the incident as it stands, nil if
// it is new, and returns what to record; an error from it is returned and nothing is recorded. It may
// be called again if the transaction has to be tried again. An update that is already there (same
// team, source and id) changes nothing: recorded is then false and decide is not called. If what is
// there says something else, the error is ledger.ErrReused. An update that merges its incident into one
// that it can't be merged into, or corrects what there isn't, or that Tocsin says by itself and doesn't repeat
// what it follows, is refused with an *incident.FaultError.
func (l *Ledger) RecordUpdate(ctx context.Context, u incident.Update,
	decide func(*incident.Incident) (ledger.NewUpdate, error),
) (recorded bool, err error) {
	err = l.write(ctx, "recording an update", nil, func(t tx) error {
		recorded = false
		if err := t.lock(teamLock, u.Team); err != nil {
			return err
		}
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
	var value []byte
	err := t.scan(`SELECT value FROM updates WHERE team = $1 AND source = $2 AND event_id = $3`,
		[]any{text(u.Team), text(u.Source), text(u.EventID)}, &value)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	var before incident.Update
	if err == nil {
		err = json.Unmarshal(value, &before)
	}
	if err == nil {
		err = ledger.SameNews(&before, &u)
	}
	return err == nil, err
}

// incident reads the incident of a team, its row 0 and nil if there is none.
func (t tx) incident(team, key string) (row int64, inc *incident.Incident, err error) {
	var value []byte
	err = t.scan(`SELECT id, value FROM incidents WHERE team = $1 AND incident = $2`, []any{text(team), text(key)}, &row, &value)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil, nil
	}
	if err == nil {
		inc = &incident.Incident{}
		err = json.Unmarshal(value, inc)
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
	n.ApprovedBy, n.Reason = text(n.ApprovedBy), text(n.Reason) // as the trail is to say them
	approvedAt := int64(0)
	if n.State == ledger.Approved {
		approvedAt = ms(n.ReceivedAt)
	}
	u := &n.Update
	var id int64
	err = t.scan(`INSERT INTO updates (incident, team, source, event_id, status, impact, state, reason, received_at, approved_at, approved_by, corrects, value, terms)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14) RETURNING id`,
		[]any{row, text(u.Team), text(u.Source), text(u.EventID), string(u.Status), string(u.Impact), string(n.State), n.Reason,
			ms(n.ReceivedAt), approvedAt, n.ApprovedBy, corrects, string(value), string(terms)}, &id)
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
		return row, t.exec(`UPDATE incidents SET status = $1, changed_at = $2, parent = $3, value = $4 WHERE id = $5`,
			string(n.Incident.Status), ms(n.ReceivedAt), parent, string(value), row)
	}
	err = t.scan(`INSERT INTO incidents (team, incident, status, changed_at, parent, value) VALUES ($1,$2,$3,$4,$5,$6) RETURNING id`,
		[]any{text(n.Update.Team), text(n.Update.Incident), string(n.Incident.Status), ms(n.ReceivedAt), parent, string(value)}, &row)
	return row, err
}

func (t tx) insertTexts(update int64, texts []ledger.FrozenText) error {
	for _, x := range texts {
		err := t.exec(`INSERT INTO texts (update_id, kind, locale, content, hash, units) VALUES ($1,$2,$3,$4,$5,$6)`,
			update, string(x.Kind), x.Locale, string(x.Content), x.Hash, x.Units)
		if err != nil {
			return err
		}
	}
	return nil
}

// RecordRejection keeps an update that was refused. The same message is kept once.
func (l *Ledger) RecordRejection(ctx context.Context, r ledger.Rejection) error {
	return l.write(ctx, "recording a rejection", nil, func(t tx) error {
		faults, err := json.Marshal(r.Faults)
		if err != nil {
			return err
		}
		body := r.Body
		if body == nil {
			body = []byte{}
		}
		kept, err := t.changed(`INSERT INTO rejections (team, at, digest, faults, body) VALUES ($1,$2,$3,$4,$5) ON CONFLICT DO NOTHING`,
			text(r.Team), ms(r.At), ledger.RejectionDigest(&r), string(faults), body)
		if err != nil || kept == 0 {
			return err // kept already
		}
		return t.appendTrail(ledger.RejectedEntry(&r))
	})
}

// said reads what an update says.
func (t tx) said(id int64) (u incident.Update, err error) {
	var value []byte
	if err = t.scan(`SELECT value FROM updates WHERE id = $1`, []any{id}, &value); err == nil {
		err = json.Unmarshal(value, &u)
	}
	return u, err
}

const updateColumns = `id, state, reason, received_at, approved_at, approved_by, cursor, until, audience, first_notice_at, retry_of, value, terms`

func scanUpdate(row pgx.Rows) (ledger.Update, error) {
	var u ledger.Update
	var received, approved, first int64
	var value, terms []byte
	err := row.Scan(&u.ID, &u.State, &u.Reason, &received, &approved, &u.ApprovedBy, &u.Cursor, &u.Until, &u.Audience, &first, &u.RetryOf, &value, &terms)
	if err != nil {
		return u, err
	}
	u.ReceivedAt, u.ApprovedAt, u.FirstNoticeAt = fromMS(received), fromMS(approved), fromMS(first)
	return u, errors.Join(json.Unmarshal(value, &u.Update), json.Unmarshal(terms, &u.Terms))
}

// Update returns an update by its id, or ledger.ErrNotFound.
func (l *Ledger) Update(ctx context.Context, id int64) (ledger.Update, error) {
	return one(collect(ctx, l.pool, scanUpdate, `SELECT `+updateColumns+` FROM updates WHERE id = $1`, id))
}

// one is the only row of a query that asked for one; ledger.ErrNotFound where there is none.
func one[T any](all []T, err error) (T, error) {
	if err == nil && len(all) == 0 {
		err = ledger.ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

// Texts returns an update's frozen texts.
func (l *Ledger) Texts(ctx context.Context, update int64) ([]ledger.Text, error) {
	frozen, err := frozenTexts(ctx, l.pool, update)
	if err != nil {
		return nil, err
	}
	return ledger.Thaw(frozen)
}

const frozenColumns = `kind, locale, content, hash, units`

func frozenTexts(ctx context.Context, q querier, update int64) ([]ledger.FrozenText, error) {
	return collect(ctx, q, scanFrozenText, `SELECT `+frozenColumns+` FROM texts WHERE update_id = $1 ORDER BY kind, locale`, update)
}

func scanFrozenText(row pgx.Rows) (ledger.FrozenText, error) {
	var x ledger.FrozenText
	err := row.Scan(&x.Kind, &x.Locale, &x.Content, &x.Hash, &x.Units)
	return x, err
}
