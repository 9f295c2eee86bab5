package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// refusal says why an order is not carried out.
type refusal string

func (r refusal) Error() string { return string(r) }

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
	targets, err := t.targets(&r.Order)
	if err == nil {
		r.Result, err = t.obey(r.Order, targets, now)
	}
	if no, ok := errors.AsType[refusal](err); ok {
		r.Refused, r.Result, err = true, no.Error(), nil
	}
	if err == nil && !r.Refused {
		err = t.appendTrail(orderEntries(&r, targets, now)...)
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

// orderEntries are an order's entries in the trail: one for each update that it has ended, else one.
func orderEntries(r *ledger.OrderReport, targets []orderTarget, now time.Time) []ledger.TrailEntry {
	o := &r.Order
	entry := func(update int64) ledger.TrailEntry {
		return ledger.OrderEntry(o.Team, o.Incident, update, string(o.Verb)+": "+r.Result, o.By, o.Why, now)
	}
	if o.Verb != ledger.Cancel {
		return []ledger.TrailEntry{entry(o.Update)}
	}
	var all []ledger.TrailEntry
	for _, x := range targets {
		if live(x.state) {
			all = append(all, entry(x.id))
		}
	}
	return all
}

// orderTarget is an update that an order is about.
type orderTarget struct {
	id, incident int64
	state        ledger.UpdateState
	open         int64
	paused       bool
}

// targets are the updates that an order is about; it completes the order's team and incident from them.
func (t tx) targets(o *ledger.Order) ([]orderTarget, error) {
	if err := o.Validate(); err != nil {
		return nil, refusal(err.Error())
	}
	named := o.Team != "" || o.Incident != ""
	all, err := collect(t.ctx, t, func(rows *sql.Rows) (orderTarget, error) {
		var x orderTarget
		var team, key string
		err := rows.Scan(&x.id, &x.incident, &x.state, &x.open, &x.paused, &team, &key)
		if o.Update != 0 && !named {
			o.Team, o.Incident = team, key
		}
		return x, err
	}, `SELECT u.id, u.incident, u.state, u.open, u.paused, i.team, i.incident FROM updates u JOIN incidents i ON i.id = u.incident
		WHERE (?1 = 0 OR u.id = ?1) AND (?2 = 0 OR (i.team = ?3 AND i.incident = ?4)) ORDER BY u.id`, o.Update, named, o.Team, o.Incident)
	switch {
	case err != nil || len(all) > 0 || (o.Verb == ledger.Move && o.Update == 0 && !named):
		return all, err
	case o.Update != 0 && named:
		return nil, refusal(fmt.Sprintf("%s/%s has no update %d", o.Team, o.Incident, o.Update))
	case o.Update != 0:
		return nil, refusal(fmt.Sprintf("there is no update %d", o.Update))
	default:
		return nil, refusal(fmt.Sprintf("there is no incident %s/%s", o.Team, o.Incident))
	}
}

func (t tx) obey(o ledger.Order, targets []orderTarget, now time.Time) (string, error) {
	switch o.Verb {
	case ledger.Pause:
		return t.setPaused(o, targets, true)
	case ledger.Resume:
		return t.setPaused(o, targets, false)
	case ledger.Cancel:
		return t.cancel(o, targets)
	case ledger.Retry:
		return t.retry(o, targets[0], now)
	case ledger.Move:
		return t.move(o, targets)
	case ledger.Budget:
		return t.setCap(o, targets[0].incident)
	default:
		return "", refusal(fmt.Sprintf("verb %q is not known to this version", o.Verb))
	}
}

// live reports whether an update may still send something.
func live(s ledger.UpdateState) bool {
	return s == ledger.Held || s == ledger.Approved || s == ledger.Planning || s == ledger.Sending
}

func (t tx) setPaused(o ledger.Order, targets []orderTarget, paused bool) (string, error) {
	word := map[bool]string{true: "paused", false: "going on"}[paused]
	if o.Update != 0 {
		x := targets[0]
		switch {
		case !live(x.state):
			return "", refusal(fmt.Sprintf("update %d is %s: nothing of it is to be sent", x.id, x.state))
		case x.paused == paused:
			return "", refusal(fmt.Sprintf("update %d is %s already", x.id, word))
		}
		return fmt.Sprintf("update %d is %s", x.id, word), t.exec(`UPDATE updates SET paused = ? WHERE id = ?`, paused, x.id)
	}
	res, err := t.result(`UPDATE incidents SET paused = ? WHERE id = ? AND paused <> ?`, paused, targets[0].incident, paused)
	if err != nil {
		return "", err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return "", errors.Join(err, refusal(fmt.Sprintf("%s/%s is %s already", o.Team, o.Incident, word)))
	}
	return fmt.Sprintf("%s/%s is %s", o.Team, o.Incident, word), nil
}

func (t tx) cancel(o ledger.Order, targets []orderTarget) (string, error) {
	updates, open := 0, int64(0)
	for _, x := range targets {
		if !live(x.state) {
			continue
		}
		err := t.exec(`UPDATE updates SET state = 'cancelled', paused = 0, reason = ? WHERE id = ?`,
			fmt.Sprintf("cancelled by %s: %s", o.By, o.Why), x.id)
		if err == nil {
			err = t.runErrands(o.Verb, x, "")
		}
		if err != nil {
			return "", err
		}
		updates, open = updates+1, open+x.open
	}
	if updates == 0 {
		return "", refusal("nothing is left to cancel: no update is held, planned or being sent")
	}
	return fmt.Sprintf("%d updates cancelled, with %d notifications that were still open", updates, open), nil
}

// errandSize bounds the range of notifications that one errand is about.
const errandSize = 5000

// runErrands leaves word to the engine about an update's notifications.
func (t tx) runErrands(v ledger.Verb, x orderTarget, channel string) error {
	if x.open == 0 {
		return nil
	}
	return t.exec(`WITH RECURSIVE
		bounds AS (SELECT min(id) AS first, max(id) AS last FROM notifications WHERE update_id = ?1),
		pages(first, last) AS (
			SELECT first, min(first + ?4 - 1, bounds.last) FROM bounds WHERE first IS NOT NULL
			UNION ALL SELECT pages.last + 1, min(pages.last + ?4, bounds.last) FROM pages, bounds WHERE pages.last < bounds.last)
		INSERT INTO errands (verb, update_id, channel, first, last) SELECT ?2, ?1, ?3, first, last FROM pages`,
		x.id, string(v), channel, errandSize)
}

func (t tx) move(o ledger.Order, targets []orderTarget) (string, error) {
	if len(targets) == 0 {
		return "nothing was under way", nil
	}
	n := 0
	for _, x := range targets {
		if x.open == 0 {
			continue
		}
		if err := t.runErrands(o.Verb, x, o.Channel); err != nil {
			return "", err
		}
		n++
	}
	return fmt.Sprintf("what waits for %s in %d updates goes on to its next step", o.Channel, n), nil
}

func (t tx) setCap(o ledger.Order, incidentRow int64) (string, error) {
	var spent int64
	if err := t.scan(`SELECT spent FROM incidents WHERE id = ?`, []any{incidentRow}, &spent); err != nil {
		return "", err
	}
	err := errors.Join(
		t.exec(`UPDATE incidents SET cap = ? WHERE id = ?`, o.Segments, incidentRow),
		t.exec(`UPDATE batches SET spending = 0 WHERE spending = 2 AND sent_at IS NULL
			AND update_id IN (SELECT id FROM updates WHERE incident = ?)`, incidentRow))
	return fmt.Sprintf("%s/%s may spend %d segments; %d are spent", o.Team, o.Incident, o.Segments, spent), err
}

// retry makes an update of its own, with the same texts, for those whom the update did not reach.
func (t tx) retry(o ledger.Order, x orderTarget, now time.Time) (string, error) {
	unreached, err := t.retriable(x)
	if err != nil {
		return "", err
	}
	var value string
	if err := t.scan(`SELECT value FROM updates WHERE id = ?`, []any{x.id}, &value); err != nil {
		return "", err
	}
	var u incident.Update
	if err := json.Unmarshal([]byte(value), &u); err != nil {
		return "", err
	}
	u.EventID += "/retry/" + o.ID
	again, err := json.Marshal(u)
	if err != nil {
		return "", err
	}
	res, err := t.result(`INSERT INTO updates (incident, team, source, event_id, state, reason, received_at, approved_at, approved_by, value, retry_of)
		VALUES (?,?,?,?,'approved',?,?,?,?,?,?)`, x.incident, u.Team, u.Source, u.EventID, "update "+fmt.Sprint(x.id)+" again: "+o.Why,
		ms(now), ms(now), o.By, string(again), x.id)
	if err != nil {
		return "", err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return "", err
	}
	err = t.exec(`INSERT INTO texts (update_id, kind, locale, content, hash, units) SELECT ?, kind, locale, content, hash, units FROM texts
		WHERE update_id = ?`, id, x.id)
	if err != nil {
		return "", err
	}
	texts, err := collect(t.ctx, t, scanFrozenText, frozenTextsQuery, id)
	if err != nil {
		return "", err
	}
	recorded := ledger.NewUpdate{Update: u, State: ledger.Approved, ReceivedAt: now, ApprovedBy: o.By}
	return fmt.Sprintf("told again as update %d, to %d customers", id, unreached),
		t.appendTrail(ledger.RecordedEntries(id, &recorded, again, texts)...)
}

// retriable counts those whom an update did not reach, and refuses what can't be told again.
func (t tx) retriable(x orderTarget) (unreached int64, err error) {
	newer, err := t.newerLetGo(x.id)
	if err != nil {
		return 0, err
	}
	switch {
	case x.state != ledger.Sending && x.state != ledger.Closed:
		return 0, refusal(fmt.Sprintf("update %d is %s: it has not been told yet", x.id, x.state))
	case newer != 0:
		return 0, refusal(fmt.Sprintf("there is newer news: retry update %d", newer))
	}
	err = t.scan(`SELECT count(*) FROM notifications WHERE update_id = ? AND outcome = 2`, []any{x.id}, &unreached)
	if err == nil && unreached == 0 {
		err = refusal(fmt.Sprintf("update %d has left nobody unreached", x.id))
	}
	return unreached, err
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

// Errands returns up to limit errands that are still to be run, oldest first.
func (l *Ledger) Errands(ctx context.Context, limit int) ([]ledger.Errand, error) {
	return collect(ctx, l.reader, func(rows *sql.Rows) (ledger.Errand, error) {
		var e ledger.Errand
		return e, rows.Scan(&e.ID, &e.Verb, &e.Update, &e.Channel, &e.First, &e.Last)
	}, `SELECT id, verb, update_id, channel, first, last FROM errands ORDER BY id LIMIT ?`, limit)
}
