package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

const selectOrders = `SELECT done_at, refused, result, value FROM orders `

// CarryOut carries out an operator's order in one transaction and records what came of it. What takes
// longer is left to the engine as errands. An order that was carried out before, or is being carried out
// by another process, changes nothing: its report is returned again.
func (l *Ledger) CarryOut(ctx context.Context, o ledger.Order, now time.Time) (r ledger.OrderReport, err error) {
	err = l.write(ctx, "carrying out an order", nil, func(t tx) error {
		if err := t.lock(orderLock, o.ID); err != nil {
			return err
		}
		reports, err := collect(ctx, t, scanOrder, selectOrders+`WHERE id = $1`, text(o.ID))
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
	entries, err := t.obey(&r, now)
	if no, ok := errors.AsType[ledger.Refusal](err); ok {
		r.Refused, r.Result, entries, err = true, no.Error(), nil, nil
	}
	if err != nil {
		return r, err
	}
	value, err := json.Marshal(r.Order)
	if err != nil {
		return r, err
	}
	err = t.exec(`INSERT INTO orders (id, team, incident, at, done_at, refused, result, value) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		text(o.ID), text(r.Team), text(r.Incident), ms(o.At), ms(now), r.Refused, text(r.Result), string(value))
	if err != nil {
		return r, err
	}
	return r, t.appendTrail(entries...)
}

// obey does what an order comes to, reports what that is, and returns what the trail is to say of it.
func (t tx) obey(r *ledger.OrderReport, now time.Time) (entries []ledger.TrailEntry, err error) {
	o := &r.Order
	s, err := t.situation(o)
	if err != nil {
		return nil, err
	}
	ruling, err := o.Rule(&s)
	if err != nil {
		return nil, err
	}
	r.Result = ruling.Result
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
		r.Result, entries, err = t.retry(o, &s, now)
	}
	return append(entries, r.Entries(ruling.Updates)...), err
}

// situation reads what an order finds, and completes its team and incident. Until the order is carried
// out nobody records, approves, pauses, plans or settles any of it.
func (t tx) situation(o *ledger.Order) (s ledger.Situation, err error) {
	if err := o.Validate(); err != nil {
		return s, ledger.Refusal(err.Error())
	}
	if !o.Everywhere() {
		if found, err := t.lockIncident(o, &s); err != nil || !found {
			return s, err
		}
	}
	if s.Targets, err = t.targets(o); err != nil || o.Verb != ledger.Retry || len(s.Targets) == 0 {
		return s, err
	}
	first := s.Targets[0].ID
	if s.Newer, err = t.newerLetGo(first); err != nil {
		return s, err
	}
	return s, t.scan(`SELECT count(*) FROM updates u JOIN notifications n ON n.update_id = u.id AND n.id BETWEEN u.first_id AND u.last_id
		WHERE u.id = $1 AND n.outcome = 2`, []any{first}, &s.Unreached)
}

// target finds the updates u, of incidents i, that an order is about: $1 is the update, $2 whether the
// incident is named, by team $3 and key $4.
const target = ` FROM updates u JOIN incidents i ON i.id = u.incident
	WHERE ($1::bigint = 0 OR u.id = $1) AND (NOT $2::boolean OR (i.team = $3 AND i.incident = $4)) `

// lockIncident locks the incident that an order is about, its team first, and completes the order.
func (t tx) lockIncident(o *ledger.Order, s *ledger.Situation) (found bool, err error) {
	var row int64
	var team, key string
	err = t.scan(`SELECT i.id, i.team, i.incident`+target+`LIMIT 1`, []any{o.Update, o.Named(), text(o.Team), text(o.Incident)}, &row, &team, &key)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = t.lock(teamLock, team)
	}
	if err != nil {
		return false, err
	}
	o.Team, o.Incident = team, key
	return true, t.scan(`SELECT paused, spent FROM incidents WHERE id = $1 FOR NO KEY UPDATE`, []any{row}, &s.Paused, &s.Spent)
}

// targets locks the updates that an order is about, in the order in which all lock them.
func (t tx) targets(o *ledger.Order) ([]ledger.Target, error) {
	among := target
	if o.Everywhere() { // and not all that there ever was
		among += `AND u.open > 0 `
	}
	return collect(t.ctx, t, func(row pgx.Rows) (ledger.Target, error) {
		var x ledger.Target
		err := row.Scan(&x.ID, &x.Incident, &x.State, &x.Audience, &x.Open, &x.Paused, &x.Dropped)
		return x, err
	}, `SELECT u.id, u.incident, u.state, u.audience, u.open, u.paused, u.dropped`+among+`ORDER BY u.id FOR NO KEY UPDATE OF u`,
		o.Update, o.Named(), text(o.Team), text(o.Incident))
}

func (t tx) setPaused(o *ledger.Order, s *ledger.Situation) error {
	paused := o.Verb == ledger.Pause
	if o.Update != 0 {
		return t.exec(`UPDATE updates SET paused = $1 WHERE id = $2`, paused, o.Update)
	}
	return t.exec(`UPDATE incidents SET paused = $1 WHERE id = $2`, paused, s.Targets[0].Incident)
}

func (t tx) cancel(o *ledger.Order, updates []ledger.Target) error {
	err := t.exec(`UPDATE updates SET state = 'cancelled', paused = FALSE, reason = $1 WHERE id = ANY($2)`, text(o.CancelReason()), idsOf(updates))
	if err != nil {
		return err
	}
	return t.runErrands(ledger.Cancel, "", updates)
}

// recall cancels first what may still be sent: that is done at once, the taking back in its own time.
func (t tx) recall(o *ledger.Order, updates []ledger.Target) error {
	if err := t.cancel(o, ledger.Live(updates)); err != nil {
		return err
	}
	return t.runErrands(ledger.Recall, "", updates)
}

func idsOf(targets []ledger.Target) []int64 {
	ids := make([]int64, len(targets))
	for i := range targets {
		ids[i] = targets[i].ID
	}
	return ids
}

// runErrands leaves word to the engine about the open notifications of updates, for a recall about all.
func (t tx) runErrands(v ledger.Verb, channel string, updates []ledger.Target) error {
	for _, x := range updates {
		if x.Open == 0 && (v != ledger.Recall || x.Audience == 0) {
			continue
		}
		r := idRange{update: x.ID}
		if err := t.scan(`SELECT first_id, last_id FROM updates WHERE id = $1`, []any{x.ID}, &r.first, &r.last); err != nil {
			return err
		}
		firsts, lasts := pieces(r.first, r.last, ledger.ErrandSize)
		err := t.exec(`INSERT INTO errands (verb, update_id, channel, first, last)
			SELECT $1, $2, $3, x.first, x.last FROM unnest($4::bigint[], $5::bigint[]) WITH ORDINALITY AS x (first, last, nth)
			WHERE EXISTS (SELECT FROM notifications n WHERE n.id BETWEEN x.first AND x.last AND n.id BETWEEN $6 AND $7
				AND n.update_id = $2 AND (n.outcome = 0 OR $8)) ORDER BY nth`,
			string(v), x.ID, text(channel), firsts, lasts, r.first, r.last, v == ledger.Recall)
		if err != nil {
			return err
		}
	}
	return nil
}

// leaveErrands adds errands that a fold leaves to be run.
func (t tx) leaveErrands(all []ledger.Errand) error {
	for _, e := range all {
		err := t.exec(`INSERT INTO errands (verb, update_id, channel, first, last) VALUES ($1, $2, $3, $4, $5)`, string(e.Verb), e.Update, text(e.Channel), e.First, e.Last)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t tx) setCap(incidentRow, segments int64) error {
	if err := t.exec(`UPDATE incidents SET cap = $1 WHERE id = $2`, segments, incidentRow); err != nil {
		return err
	}
	return t.exec(`UPDATE batches SET spending = 0 WHERE spending = 2 AND sent_at IS NULL
		AND update_id IN (SELECT id FROM updates WHERE incident = $1)`, incidentRow)
}

// retry makes an update of its own, with the same texts, for those whom the update did not reach, and
// returns what the trail is to say of it.
func (t tx) retry(o *ledger.Order, s *ledger.Situation, now time.Time) (result string, entries []ledger.TrailEntry, err error) {
	x := &s.Targets[0]
	u, err := t.said(x.ID)
	if err != nil {
		return "", nil, err
	}
	u, reason := o.Again(x.ID, u)
	again, err := json.Marshal(u)
	if err != nil {
		return "", nil, err
	}
	n := ledger.NewUpdate{Update: u, State: ledger.Approved, ReceivedAt: now, ApprovedBy: text(o.By)}
	var id int64
	var terms []byte
	err = t.scan(`INSERT INTO updates (incident, team, source, event_id, status, impact, state, reason, received_at, approved_at, approved_by, value, retry_of, corrects, terms)
		SELECT $1,$2,$3,$4,$5,$6,'approved',$7,$8,$8,$9,$10,id, corrects, terms FROM updates WHERE id = $11 RETURNING id, terms`, []any{x.Incident, text(u.Team), text(u.Source), text(u.EventID),
		string(u.Status), string(u.Impact), text(reason), ms(now), n.ApprovedBy, string(again), x.ID}, &id, &terms)
	if err != nil {
		return "", nil, err
	}
	texts, err := collect(t.ctx, t, scanFrozenText, `INSERT INTO texts (update_id, kind, locale, content, hash, units)
		SELECT $1, kind, locale, content, hash, units FROM texts WHERE update_id = $2 RETURNING `+frozenColumns, id, x.ID)
	return ledger.Retold(id, s.Unreached), ledger.RecordedEntries(id, &n, again, terms, texts), err
}

func scanOrder(row pgx.Rows) (ledger.OrderReport, error) {
	var r ledger.OrderReport
	var done int64
	var value []byte
	if err := row.Scan(&done, &r.Refused, &r.Result, &value); err != nil {
		return r, err
	}
	r.DoneAt = fromMS(done)
	return r, json.Unmarshal(value, &r.Order)
}

// Orders returns the orders about an incident, oldest first.
func (l *Ledger) Orders(ctx context.Context, team, key string) ([]ledger.OrderReport, error) {
	return view{l.pool}.orders(ctx, team, key)
}

func (v view) orders(ctx context.Context, team, key string) ([]ledger.OrderReport, error) {
	return collect(ctx, v.q, scanOrder, selectOrders+`WHERE team = $1 AND incident = $2 ORDER BY at, id`, text(team), text(key))
}

// Order returns what came of an order, or ledger.ErrNotFound.
func (l *Ledger) Order(ctx context.Context, id string) (ledger.OrderReport, error) {
	return one(collect(ctx, l.pool, scanOrder, selectOrders+`WHERE id = $1`, text(id)))
}

// Errands returns up to limit errands that are still to be run, oldest first, from the one after an id.
func (l *Ledger) Errands(ctx context.Context, after int64, limit int) ([]ledger.Errand, error) {
	return collect(ctx, l.pool, func(row pgx.Rows) (ledger.Errand, error) {
		var e ledger.Errand
		err := row.Scan(&e.ID, &e.Verb, &e.Update, &e.Channel, &e.First, &e.Last)
		return e, err
	}, `SELECT id, verb, update_id, channel, first, last FROM errands WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}
