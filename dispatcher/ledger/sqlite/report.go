package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

const incidentColumns = `id, changed_at, value, clocks, paused, spent, coalesce(cap, 0),
	(SELECT coalesce(sum(b.units), 0) FROM batches b JOIN updates u ON u.id = b.update_id WHERE b.sent_at IS NULL AND b.spending = 2 AND u.incident = i.id)`

// Incidents returns up to limit incidents with their progress, those that changed last first.
func (l *Ledger) Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error) {
	return l.incidents(ctx, `SELECT `+incidentColumns+` FROM incidents i ORDER BY changed_at DESC, id DESC LIMIT ?`, limit)
}

// Incident returns one incident with its progress, or ledger.ErrNotFound.
func (l *Ledger) Incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error) {
	all, err := l.incidents(ctx, `SELECT `+incidentColumns+` FROM incidents i WHERE team = ? AND incident = ?`, team, id)
	if err == nil && len(all) == 0 {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return ledger.IncidentSummary{}, err
	}
	return all[0], nil
}

func (l *Ledger) incidents(ctx context.Context, query string, args ...any) ([]ledger.IncidentSummary, error) {
	var rowIDs []int64
	all, err := collect(ctx, l.reader, func(rows *sql.Rows) (ledger.IncidentSummary, error) {
		var s ledger.IncidentSummary
		var id, changed int64
		var value, clocks string
		if err := rows.Scan(&id, &changed, &value, &clocks, &s.Paused, &s.Spending.Spent, &s.Spending.Cap, &s.Spending.Waiting); err != nil {
			return s, err
		}
		rowIDs = append(rowIDs, id)
		s.ChangedAt = fromMS(changed)
		return s, errors.Join(json.Unmarshal([]byte(value), &s.Incident), json.Unmarshal([]byte(clocks), &s.Clocks))
	}, query, args...)
	for i := range all {
		if err == nil {
			all[i].Progress, err = l.progress(ctx, rowIDs[i])
		}
	}
	return all, err
}

func (l *Ledger) progress(ctx context.Context, incidentRow int64) ([]ledger.UpdateProgress, error) {
	var rules []playbook.Approval
	all, err := collect(ctx, l.reader, func(rows *sql.Rows) (ledger.UpdateProgress, error) {
		var u ledger.UpdateProgress
		var received int64
		var terms []byte
		err := rows.Scan(&u.ID, &u.EventID, &u.Status, &u.State, &u.Reason, &received, &u.ApprovedBy, &u.Audience, &u.Open, &u.Paused, &u.Recalling, &u.RetryOf, &u.Dropped, &terms)
		if err != nil {
			return u, err
		}
		var all playbook.Terms
		err = json.Unmarshal(terms, &all)
		u.ReceivedAt = fromMS(received)
		rules = append(rules, all.Approval)
		return u, err
	}, `SELECT id, event_id, value ->> 'status', state, reason, received_at, approved_by, audience, open, paused,
			EXISTS (SELECT 1 FROM errands e WHERE e.update_id = updates.id AND e.verb = 'recall'), retry_of, dropped > 0, terms
		FROM updates WHERE incident = ? ORDER BY id`, incidentRow)
	for i := range all {
		var said []ledger.ApprovalSaid
		if err == nil {
			said, err = l.Approvals(ctx, all[i].ID)
		}
		if err == nil {
			all[i].Stands(rules[i], said)
			all[i].Tallies, err = l.tallies(ctx, all[i].ID)
		}
	}
	return all, err
}

func (l *Ledger) tallies(ctx context.Context, update int64) ([]ledger.Tally, error) {
	return collect(ctx, l.reader, scanTally, talliesQuery, update)
}

const talliesQuery = `SELECT channel, what, count FROM tallies WHERE update_id = ? ORDER BY channel, what`

func scanTally(rows *sql.Rows) (ledger.Tally, error) {
	var t ledger.Tally
	return t, rows.Scan(&t.Channel, &t.What, &t.Count)
}

// Rejections returns the last updates that were refused, newest first.
func (l *Ledger) Rejections(ctx context.Context, limit int) ([]ledger.Rejection, error) {
	return collect(ctx, l.reader, func(rows *sql.Rows) (ledger.Rejection, error) {
		var r ledger.Rejection
		var at int64
		var faults string
		if err := rows.Scan(&r.ID, &r.Team, &at, &faults, &r.Body); err != nil {
			return r, err
		}
		r.At = fromMS(at)
		return r, json.Unmarshal([]byte(faults), &r.Faults)
	}, `SELECT id, team, at, faults, body FROM rejections ORDER BY id DESC LIMIT ?`, limit)
}

// Report counts what became of an incident's updates, row by row, or returns ledger.ErrNotFound.
func (l *Ledger) Report(ctx context.Context, team, id string) (ledger.Report, error) {
	s, err := l.Incident(ctx, team, id)
	if err != nil {
		return ledger.Report{}, err
	}
	r := ledger.Report{
		Team: team, Incident: id, Kind: s.Kind, Status: s.Status, Impact: s.Impact, StartedAt: s.StartedAt, Balanced: true,
		Spending: s.Spending,
	}
	for _, u := range s.Progress {
		ur, err := l.updateReport(ctx, u)
		if err != nil {
			return r, err
		}
		r.Updates = append(r.Updates, ur)
		r.Balanced = r.Balanced && ur.Balance.OK
	}
	if r.Orders, err = l.Orders(ctx, team, id); err != nil {
		return r, err
	}
	if r.TrailHead, err = l.TrailHead(ctx); err != nil {
		return r, err
	}
	return r, l.firstNotice(ctx, &r)
}

func (l *Ledger) firstNotice(ctx context.Context, r *ledger.Report) error {
	for _, u := range r.Updates {
		full, err := l.Update(ctx, u.ID)
		if err != nil {
			return err
		}
		if at := full.FirstNoticeAt; !at.IsZero() && (r.FirstNoticeAt.IsZero() || at.Before(r.FirstNoticeAt)) {
			r.FirstNoticeAt = at
		}
	}
	if r.Kind == incident.Outage && !r.FirstNoticeAt.IsZero() {
		r.FirstNotice = ledger.SecondsOf(r.FirstNoticeAt.Sub(r.StartedAt))
	}
	return nil
}

func (l *Ledger) updateReport(ctx context.Context, u ledger.UpdateProgress) (ledger.UpdateReport, error) {
	r := ledger.UpdateReport{UpdateProgress: u, Channels: ledger.ChannelReports(&u)}
	r.ReachedByFallback = u.Count("*", ledger.Fallback)
	r.DoubleReach = u.Count("*", ledger.Double)
	r.Repeats = u.Count("*", ledger.Repeated)
	c, err := l.rowCounts(ctx, u.ID, u.ReceivedAt)
	if err != nil {
		return r, err
	}
	c.Into(&r)
	var kept string
	var approved int64
	err = l.reader.QueryRowContext(ctx, `SELECT forecast, approved_at FROM updates WHERE id = ?`, u.ID).Scan(&kept, &approved)
	r.HoldAgainst([]byte(kept), fromMS(approved))
	return r, err
}

// rowCounts counts the rows of an update, or returns what was counted before they were dropped. It asks
// for that last: they may be dropped while they are counted.
func (l *Ledger) rowCounts(ctx context.Context, update int64, received time.Time) (c ledger.RowCounts, err error) {
	if c.Outcomes, err = l.outcomes(ctx, update); err != nil {
		return c, err
	}
	if err = l.reachTimes(ctx, update, received, &c); err != nil {
		return c, err
	}
	if c.Segments, err = l.segments(ctx, update); err != nil {
		return c, err
	}
	var kept string
	err = l.reader.QueryRowContext(ctx, `SELECT value FROM kept_reports WHERE update_id = ?`, update).Scan(&kept)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	if err == nil {
		c = ledger.RowCounts{}
		err = json.Unmarshal([]byte(kept), &c)
	}
	return c, err
}

func (l *Ledger) outcomes(ctx context.Context, update int64) ([]ledger.OutcomeCount, error) {
	return collect(ctx, l.reader, func(rows *sql.Rows) (ledger.OutcomeCount, error) {
		var c ledger.OutcomeCount
		var outcome notification.Outcome
		err := rows.Scan(&outcome, &c.Reason, &c.Channel, &c.Proof, &c.Count)
		c.Outcome = outcome.String()
		return c, err
	}, `SELECT outcome, reason, reached_by, proof, count(*) FROM notifications WHERE update_id = ?
		GROUP BY 1, 2, 3, 4 ORDER BY 1, 5 DESC, 2, 3`, update)
}

func (l *Ledger) reachTimes(ctx context.Context, update int64, received time.Time, c *ledger.RowCounts) error {
	reached := c.Reached()
	if reached == 0 {
		return nil
	}
	for _, q := range []struct {
		offset int64
		into   *ledger.Seconds
	}{{ledger.Rank(reached, 50), &c.P50}, {ledger.Rank(reached, 95), &c.P95}, {reached - 1, &c.Max}} {
		var at int64
		err := l.reader.QueryRowContext(ctx, `SELECT settled_at FROM notifications WHERE update_id = ? AND outcome = ?
			ORDER BY settled_at LIMIT 1 OFFSET ?`, update, int64(notification.Reached), q.offset).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // they are being dropped: then their counts are kept
		}
		if err != nil {
			return err
		}
		*q.into = ledger.SecondsOf(time.UnixMilli(at).Sub(received))
	}
	return nil
}

// segments sums the segments of the SMS that a provider took, whatever became of them later.
func (l *Ledger) segments(ctx context.Context, update int64) (int64, error) {
	var n sql.NullInt64
	err := l.reader.QueryRowContext(ctx, `
		WITH taken AS (
			SELECT n.locale, n.batch FROM notifications n WHERE n.update_id = ?1 AND n.took
			UNION ALL
			SELECT n.locale, a.batch FROM attempts a JOIN notifications n ON n.id = a.notification
				WHERE n.update_id = ?1 AND a.took)
		SELECT sum(x.units) FROM taken JOIN batches b ON b.id = taken.batch AND b.kind = ?2
			JOIN texts x ON x.update_id = ?1 AND x.kind = ?2 AND x.locale = taken.locale`,
		update, string(channels.SMS)).Scan(&n)
	return n.Int64, err
}

// RecipientReports yields what became of each notification of an incident, update by update, in order
// of the recipients' numbers. It holds no view of the ledger: each row is as it is when it is read.
func (l *Ledger) RecipientReports(ctx context.Context, team, id string) iter.Seq2[ledger.RecipientReport, error] {
	return func(yield func(ledger.RecipientReport, error) bool) {
		s, err := l.Incident(ctx, team, id)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			yield(ledger.RecipientReport{}, err)
			return
		}
		for _, u := range s.Progress {
			for r, err := range rows.Paged(func(after int64) ([]rows.Numbered[ledger.RecipientReport], error) {
				return l.recipientReports(ctx, u.ID, after)
			}) {
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

func (l *Ledger) recipientReports(ctx context.Context, update, after int64) ([]rows.Numbered[ledger.RecipientReport], error) {
	return collect(ctx, l.reader, func(row *sql.Rows) (rows.Numbered[ledger.RecipientReport], error) {
		r := ledger.RecipientReport{Update: update}
		var number, settled int64
		var outcome notification.Outcome
		var proof channels.Proof
		err := row.Scan(&number, &r.Recipient, &outcome, &r.Reason, &r.Channel, &proof, &settled)
		r.Outcome, r.Proof, r.SettledAt = outcome.String(), proof.String(), fromMS(settled)
		return rows.Numbered[ledger.RecipientReport]{Number: number, Row: r}, err
	}, `SELECT n.recipient, r.id, n.outcome, n.reason, n.reached_by, n.proof, n.settled_at
		FROM notifications n JOIN recipients r ON r.number = n.recipient
		WHERE n.update_id = ? AND n.recipient > ? ORDER BY n.recipient LIMIT ?`, update, after, rows.PerPage)
}

// Recipients yields the directory's customers in order of the recipients' numbers. It holds no view
// of the ledger: each row is as it is when it is read.
func (l *Ledger) Recipients(ctx context.Context) iter.Seq2[audience.Recipient, error] {
	return rows.Paged(func(after int64) ([]rows.Numbered[audience.Recipient], error) {
		return collect(ctx, l.reader, func(row *sql.Rows) (rows.Numbered[audience.Recipient], error) {
			r, err := l.scanRecipient(row)
			return rows.Numbered[audience.Recipient]{Number: r.Number, Row: r.Recipient}, err
		}, `SELECT `+recipientColumns+` FROM recipients
			WHERE number > ? AND deleted = 0 AND id NOT GLOB 'account:*' ORDER BY number LIMIT ?`, after, rows.PerPage)
	})
}
