package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// CarryOut carries out an operator's order in one transaction and records what came of it. What takes
// longer is left to the engine as errands. An order that was carried out before changes nothing: its
// report is returned again.
func (l *Ledger) CarryOut(ctx context.Context, o ledger.Order, now time.Time) (ledger.OrderReport, error) {
	var r ledger.OrderReport
	err := l.write(ctx, "carrying out an order", func(t tx) error {
		reports, err := collect(ctx, t, scanOrder, `SELECT done_at, refused, result, value FROM orders WHERE id = ?`, o.ID)
		if err != nil {
			return err
		}
		if len(reports) > 0 {
			r = reports[0]
			return nil
		}
		r, err = t.carryOut(o, now)
		return err
	})
	return r, err
}

func (t tx) carryOut(o ledger.Order, now time.Time) (ledger.OrderReport, error) {
	r := ledger.OrderReport{Order: o, DoneAt: now}
	var updates []ledger.Target
	var err error
	r.Result, updates, err = t.obey(&r.Order, now)
	if no, ok := errors.AsType[ledger.Refusal](err); ok {
		r.Refused, r.Result, err = true, no.Error(), nil
	}
	if err == nil && !r.Refused {
		err = t.appendTrail(r.Entries(updates)...)
	}
	if err != nil {
		return r, err
	}
	value, err := json.Marshal(r.Order)
	if err != nil {
		return r, err
	}
	return r, t.exec(`INSERT INTO orders (id, at, done_at, refused, result, value) VALUES (?,?,?,?,?,?)`,
		o.ID, ms(o.At), ms(now), r.Refused, r.Result, string(value))
}

// obey does what an order comes to, and says what that is, and which updates it is about.
func (t tx) obey(o *ledger.Order, now time.Time) (result string, updates []ledger.Target, err error) {
	s, err := t.situation(o)
	if err != nil {
		return "", nil, err
	}
	ruling, err := o.Rule(&s)
	if err != nil {
		return "", nil, err
	}
	switch o.Verb {
	case ledger.Pause, ledger.Resume:
		err = t.setPaused(o, &s)
	case ledger.Cancel:
		err = t.cancel(o, ruling.Updates)
	case ledger.Recall:
		err = t.recall(o, ruling.Updates)
	case ledger.Move:
		err = t.runErrands(o.Verb, o.Channel, ruling.Updates)
	case ledger.Budget:
		err = t.setCap(s.Targets[0].Incident, o.Segments)
	case ledger.Retry:
		ruling.Result, err = t.retry(o, &s, now)
	}
	return ruling.Result, ruling.Updates, err
}

// situation reads what an order finds, and completes its team and incident.
func (t tx) situation(o *ledger.Order) (s ledger.Situation, err error) {
	if err := o.Validate(); err != nil {
		return s, ledger.Refusal(err.Error())
	}
	if s.Targets, err = t.targets(o); err != nil || len(s.Targets) == 0 {
		return s, err
	}
	first := &s.Targets[0]
	if err := t.scan(`SELECT paused, spent FROM incidents WHERE id = ?`, []any{first.Incident}, &s.Paused, &s.Spent); err != nil || o.Verb != ledger.Retry {
		return s, err
	}
	if s.Newer, err = t.newerLetGo(first.ID); err != nil {
		return s, err
	}
	return s, t.scan(`SELECT count(*) FROM notifications WHERE update_id = ? AND outcome = 2`, []any{first.ID}, &s.Unreached)
}

// targets are the updates that an order is about.
func (t tx) targets(o *ledger.Order) ([]ledger.Target, error) {
	named := o.Named()
	return collect(t.ctx, t, func(rows *sql.Rows) (ledger.Target, error) {
		var x ledger.Target
		var team, key string
		err := rows.Scan(&x.ID, &x.Incident, &x.State, &x.Audience, &x.Open, &x.Paused, &x.Dropped, &team, &key)
		if o.Update != 0 && !named {
			o.Team, o.Incident = team, key
		}
		return x, err
	}, `SELECT u.id, u.incident, u.state, u.audience, u.open, u.paused, u.dropped > 0, i.team, i.incident FROM updates u JOIN incidents i ON i.id = u.incident
		WHERE (?1 = 0 OR u.id = ?1) AND (?2 = 0 OR (i.team = ?3 AND i.incident = ?4)) ORDER BY u.id`, o.Update, named, o.Team, o.Incident)
}

func (t tx) setPaused(o *ledger.Order, s *ledger.Situation) error {
	paused := o.Verb == ledger.Pause
	if o.Update != 0 {
		return t.exec(`UPDATE updates SET paused = ? WHERE id = ?`, paused, o.Update)
	}
	return t.exec(`UPDATE incidents SET paused = ? WHERE id = ?`, paused, s.Targets[0].Incident)
}

func (t tx) cancel(o *ledger.Order, updates []ledger.Target) error {
	for _, x := range updates {
		if err := t.exec(`UPDATE updates SET state = 'cancelled', paused = 0, reason = ? WHERE id = ?`, o.CancelReason(), x.ID); err != nil {
			return err
		}
	}
	return t.runErrands(ledger.Cancel, "", updates)
}

// recall cancels first what may still be sent: that is done at once, the taking back in its own time.
func (t tx) recall(o *ledger.Order, updates []ledger.Target) error {
	return errors.Join(t.cancel(o, ledger.Live(updates)), t.runErrands(ledger.Recall, "", updates))
}

// runErrands leaves word to the engine about the open notifications of updates, for a recall about all.
func (t tx) runErrands(v ledger.Verb, channel string, updates []ledger.Target) error {
	for _, x := range updates {
		if x.Open == 0 && (v != ledger.Recall || x.Audience == 0) {
			continue
		}
		err := t.exec(`WITH RECURSIVE
			bounds AS (SELECT min(id) AS first, max(id) AS last FROM notifications WHERE update_id = ?1),
			pages(first, last) AS (
				SELECT first, min(first + ?4 - 1, bounds.last) FROM bounds WHERE first IS NOT NULL
				UNION ALL SELECT pages.last + 1, min(pages.last + ?4, bounds.last) FROM pages, bounds WHERE pages.last < bounds.last)
			INSERT INTO errands (verb, update_id, channel, first, last) SELECT ?2, ?1, ?3, first, last FROM pages`,
			x.ID, string(v), channel, ledger.ErrandSize)
		if err != nil {
			return err
		}
	}
	return nil
}

// leaveErrands adds errands that a fold leaves to be run.
func (t tx) leaveErrands(all []ledger.Errand) error {
	for _, e := range all {
		err := t.exec(`INSERT INTO errands (verb, update_id, channel, first, last) VALUES (?,?,?,?,?)`, string(e.Verb), e.Update, e.Channel, e.First, e.Last)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t tx) setCap(incidentRow, segments int64) error {
	return errors.Join(
		t.exec(`UPDATE incidents SET cap = ? WHERE id = ?`, segments, incidentRow),
		t.exec(`UPDATE batches SET spending = 0 WHERE spending = 2 AND sent_at IS NULL
			AND update_id IN (SELECT id FROM updates WHERE incident = ?)`, incidentRow))
}

// retry makes an update of its own, with the same texts, for those whom the update did not reach.
func (t tx) retry(o *ledger.Order, s *ledger.Situation, now time.Time) (string, error) {
	x := &s.Targets[0]
	u, err := t.said(x.ID)
	if err != nil {
		return "", err
	}
	u, reason := o.Again(x.ID, u)
	again, err := json.Marshal(u)
	if err != nil {
		return "", err
	}
	res, err := t.result(`INSERT INTO updates (incident, team, source, event_id, state, reason, received_at, approved_at, approved_by, value, retry_of, corrects, terms)
		SELECT ?,?,?,?,'approved',?,?,?,?,?,id, corrects, terms FROM updates WHERE id = ?`,
		x.Incident, u.Team, u.Source, u.EventID, reason, ms(now), ms(now), o.By, string(again), x.ID)
	if err != nil {
		return "", err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return "", err
	}
	err = t.exec(`INSERT INTO texts (update_id, kind, locale, content, hash, units) SELECT ?, kind, locale, content, hash, units FROM texts
		WHERE update_id = ?`, id, x.ID)
	if err != nil {
		return "", err
	}
	texts, err := collect(t.ctx, t, scanFrozenText, frozenTextsQuery, id)
	if err != nil {
		return "", err
	}
	var terms []byte
	if err := t.scan(`SELECT terms FROM updates WHERE id = ?`, []any{id}, &terms); err != nil {
		return "", err
	}
	recorded := ledger.NewUpdate{Update: u, State: ledger.Approved, ReceivedAt: now, ApprovedBy: o.By}
	return ledger.Retold(id, s.Unreached), t.appendTrail(ledger.RecordedEntries(id, &recorded, again, terms, texts)...)
}

func scanOrder(rows *sql.Rows) (ledger.OrderReport, error) {
	var r ledger.OrderReport
	var done int64
	var value string
	if err := rows.Scan(&done, &r.Refused, &r.Result, &value); err != nil {
		return r, err
	}
	r.DoneAt = fromMS(done)
	return r, json.Unmarshal([]byte(value), &r.Order)
}

// Orders returns the orders about an incident, oldest first.
func (l *Ledger) Orders(ctx context.Context, team, key string) ([]ledger.OrderReport, error) {
	return collect(ctx, l.reader, scanOrder, `SELECT done_at, refused, result, value FROM orders
		WHERE value ->> 'team' = ? AND value ->> 'incident' = ? ORDER BY at, id`, team, key)
}

// Order returns what came of an order, or ledger.ErrNotFound.
func (l *Ledger) Order(ctx context.Context, id string) (ledger.OrderReport, error) {
	rs, err := collect(ctx, l.reader, scanOrder, `SELECT done_at, refused, result, value FROM orders WHERE id = ?`, id)
	if err == nil && len(rs) == 0 {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return ledger.OrderReport{}, err
	}
	return rs[0], nil
}

// Errands returns up to limit errands that are still to be run, oldest first, from the one after an id.
func (l *Ledger) Errands(ctx context.Context, after int64, limit int) ([]ledger.Errand, error) {
	return collect(ctx, l.reader, func(rows *sql.Rows) (ledger.Errand, error) {
		var e ledger.Errand
		return e, rows.Scan(&e.ID, &e.Verb, &e.Update, &e.Channel, &e.First, &e.Last)
	}, `SELECT id, verb, update_id, channel, first, last FROM errands WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
}
