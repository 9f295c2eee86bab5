package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Approve keeps somebody's approval of a held update, and lets the update go if it was the last one that its
// rule asks for (ledger.Hearing.Approve). It returns ledger.ErrNotFound if there is no such update and
// ledger.ErrConflict if it isn't held. An update of whose incident a newer one has been let go is old news:
// it becomes not announced, with that reason, and the error is ledger.ErrStale.
func (l *Ledger) Approve(ctx context.Context, id int64, a ledger.Approval) (ledger.ApprovalReport, error) {
	r, err := l.decide(ctx, "approving an update", id, func(_ tx, h *ledger.Hearing) (ledger.Decision, error) { return h.Approve(&a) })
	if err == nil && r.State == ledger.NotAnnounced {
		err = fmt.Errorf("ledger: approving an update: %w: it is %s", ledger.ErrStale, r.Reason)
	}
	return r, err
}

// Refuse keeps somebody's word that a held update must not go out: it becomes not announced. Its errors are
// those of Approve, but for ledger.ErrStale.
func (l *Ledger) Refuse(ctx context.Context, id int64, a ledger.Approval) (ledger.ApprovalReport, error) {
	return l.decide(ctx, "refusing an update", id, func(_ tx, h *ledger.Hearing) (ledger.Decision, error) { return h.Refuse(&a) })
}

// TimeOut does with a held update what its rule says of one that nobody has approved in time
// (ledger.Hearing.TimeOut). It returns ledger.ErrNotFound if there is no such update and ledger.ErrConflict if
// it isn't held, or its time is not over. The report is of the update that went out in its place, if one did.
func (l *Ledger) TimeOut(ctx context.Context, id int64, now time.Time) (ledger.ApprovalReport, error) {
	var inPlace *ledger.ApprovalReport
	r, err := l.decide(ctx, "timing an update out", id, func(t tx, older *ledger.Hearing) (ledger.Decision, error) {
		d, err := older.TimeOut(now)
		if err != nil || d.InPlace == 0 {
			return d, err
		}
		inPlace, err = t.goInPlaceOf(d.InPlace, older, now)
		return d, err
	})
	if err == nil && inPlace != nil {
		r = *inPlace
	}
	return r, err
}

func (t tx) goInPlaceOf(id int64, older *ledger.Hearing, now time.Time) (*ledger.ApprovalReport, error) {
	h, err := t.hearing(id)
	if err != nil {
		return nil, err
	}
	d, ok := h.InPlaceOf(older, now)
	if !ok {
		return nil, nil
	}
	r := h.Report(&d)
	return &r, t.carryDecision(&h, &d)
}

// decide hears a held update and does what comes of it.
func (l *Ledger) decide(ctx context.Context, what string, id int64, f func(tx, *ledger.Hearing) (ledger.Decision, error)) (r ledger.ApprovalReport, err error) {
	err = l.write(ctx, what, func(t tx) error {
		h, err := t.hearing(id)
		if err != nil {
			return err
		}
		d, err := f(t, &h)
		if err != nil {
			return err
		}
		r = h.Report(&d)
		return t.carryDecision(&h, &d)
	})
	return r, err
}

// hearing reads what there is to be known of a held update.
func (t tx) hearing(id int64) (h ledger.Hearing, err error) {
	if err = t.mustBeHeld(id); err != nil {
		return h, err
	}
	h.ID = id
	var received int64
	var value, terms string
	var all playbook.Terms
	if err = t.scan(`SELECT received_at, value, terms, forecast FROM updates WHERE id = ?`, []any{id}, &received, &value, &terms, &h.Forecast); err != nil {
		return h, err
	}
	if err = errors.Join(json.Unmarshal([]byte(value), &h.Update), json.Unmarshal([]byte(terms), &all)); err != nil {
		return h, err
	}
	h.ReceivedAt, h.Rule = fromMS(received), all.Approval
	if h.Said, err = approvals(t.ctx, t, id); err != nil {
		return h, err
	}
	h.Texts, err = collect(t.ctx, t, func(rows *sql.Rows) (ledger.TextDigest, error) {
		var x ledger.TextDigest
		var kind string
		err := rows.Scan(&kind, &x.Locale, &x.Hash)
		x.Kind = channels.Kind(kind)
		return x, err
	}, `SELECT kind, locale, hash FROM texts WHERE update_id = ?`, id)
	if err != nil {
		return h, err
	}
	if h.Newer, err = t.newerLetGo(id); err != nil {
		return h, err
	}
	return h, t.scan(`SELECT coalesce(max(n.id), 0) FROM updates n JOIN updates u ON u.incident = n.incident
		WHERE u.id = ? AND n.id > u.id AND n.state = 'held'`, []any{id}, &h.NewerHeld)
}

// carryDecision keeps what was said, and does what comes of it.
func (t tx) carryDecision(h *ledger.Hearing, d *ledger.Decision) error {
	if s := d.Said; s != nil {
		err := t.exec(`INSERT INTO approvals (update_id, nth, word, at, by_whom, account, seen, why, instead) VALUES (?,?,?,?,?,?,?,?,?)`,
			h.ID, len(h.Said)+1, string(s.Word), ms(s.At), s.By, s.Account, s.Seen, s.Why, s.Instead)
		if err != nil {
			return err
		}
	}
	var err error
	switch d.State {
	case ledger.Approved:
		err = t.exec(`UPDATE updates SET state = ?, approved_at = ?, approved_by = ? WHERE id = ?`, string(d.State), ms(d.At), d.By, h.ID)
	case ledger.NotAnnounced:
		err = t.exec(`UPDATE updates SET state = ?, reason = ? WHERE id = ?`, string(d.State), d.Reason, h.ID)
	}
	if err != nil {
		return err
	}
	return t.appendTrail(h.Entries(d)...)
}

func (t tx) mustBeHeld(id int64) error {
	var state string
	err := t.scan(`SELECT state FROM updates WHERE id = ?`, []any{id}, &state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ledger.ErrNotFound
	case err == nil && state != string(ledger.Held):
		return ledger.ErrConflict
	}
	return err
}

// newerLetGo is the newest update of the same incident, or of those it was merged into, that was let go after update id came, 0 if
// there is none. Only what is newer than all before it is ever held or approved, so ids tell the order.
func (t tx) newerLetGo(id int64) (newer int64, err error) {
	err = t.scan(`WITH RECURSIVE above (id) AS (
			SELECT incident FROM updates WHERE id = ?
			UNION SELECT i.parent FROM incidents i JOIN above a ON i.id = a.id WHERE i.parent <> 0)
		SELECT coalesce(max(n.id), 0) FROM updates n WHERE n.incident IN (SELECT id FROM above)
			AND n.id > ? AND n.state IN ('approved', 'planning', 'sending', 'closed')`, []any{id, id}, &newer)
	return newer, err
}

// Approvals are what was said of an update while it was held, in order; none if there is no such update.
func (l *Ledger) Approvals(ctx context.Context, update int64) ([]ledger.ApprovalSaid, error) {
	return approvals(ctx, l.reader, update)
}

// Approvals implements ledger.View.
func (v *view) Approvals(ctx context.Context, update int64) ([]ledger.ApprovalSaid, error) {
	return approvals(ctx, v, update)
}

const saidColumns = `word, at, by_whom, account, seen, why, instead`

func approvals(ctx context.Context, q querier, update int64) ([]ledger.ApprovalSaid, error) {
	return collect(ctx, q, func(rows *sql.Rows) (ledger.ApprovalSaid, error) {
		var s ledger.ApprovalSaid
		var at int64
		err := rows.Scan(&s.Word, &at, &s.By, &s.Account, &s.Seen, &s.Why, &s.Instead)
		s.At = fromMS(at)
		return s, err
	}, `SELECT `+saidColumns+` FROM approvals WHERE update_id = ? ORDER BY nth`, update)
}

// HeldUpdates are those that wait for approval, oldest first.
func (l *Ledger) HeldUpdates(ctx context.Context) ([]ledger.HeldUpdate, error) {
	all, err := collect(ctx, l.reader, scanUpdate, `SELECT `+updateColumns+` FROM updates WHERE state = 'held' ORDER BY id`)
	if err != nil {
		return nil, err
	}
	held := make([]ledger.HeldUpdate, len(all))
	for i := range all {
		said, err := l.Approvals(ctx, all[i].ID)
		if err != nil {
			return nil, err
		}
		held[i] = all[i].Waiting(said)
	}
	return held, nil
}
