package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// view is the ledger as a report reads it: the pool, or one moment of it.
type view struct{ q querier }

// atOnce reads everything as it is at one moment.
func (l *Ledger) atOnce(ctx context.Context, read func(view) error) error {
	o := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, l.pool, o, func(t pgx.Tx) error { return read(view{t}) })
}

const selectIncidents = `SELECT id, changed_at, value, clocks, paused, spent, coalesce(cap, 0),
	(SELECT coalesce(sum(b.units), 0)::bigint FROM updates u JOIN batches b ON b.update_id = u.id AND b.sent_at IS NULL AND b.spending = 2
		WHERE u.incident = i.id) FROM incidents i `

// Incidents returns up to limit incidents with their progress, those that changed last first.
func (l *Ledger) Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error) {
	return view{l.pool}.incidents(ctx, selectIncidents+`ORDER BY changed_at DESC, id DESC LIMIT $1`, limit)
}

// Incident returns one incident with its progress, or ledger.ErrNotFound.
func (l *Ledger) Incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error) {
	return view{l.pool}.incident(ctx, team, id)
}

func (v view) incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error) {
	return one(v.incidents(ctx, selectIncidents+`WHERE team = $1 AND incident = $2`, text(team), text(id)))
}

func (v view) incidents(ctx context.Context, query string, args ...any) ([]ledger.IncidentSummary, error) {
	var ids []int64
	all, err := collect(ctx, v.q, func(row pgx.Rows) (ledger.IncidentSummary, error) {
		var s ledger.IncidentSummary
		var id, changed int64
		var value, clocks []byte
		if err := row.Scan(&id, &changed, &value, &clocks, &s.Paused, &s.Spending.Spent, &s.Spending.Cap, &s.Spending.Waiting); err != nil {
			return s, err
		}
		ids = append(ids, id)
		s.ChangedAt = fromMS(changed)
		return s, errors.Join(json.Unmarshal(value, &s.Incident), json.Unmarshal(clocks, &s.Clocks))
	}, query, args...)
	if err != nil || len(all) == 0 {
		return all, err
	}
	progress, err := v.progress(ctx, ids)
	for i := range all {
		all[i].Progress = progress[ids[i]]
	}
	return all, err
}

// progress reads how far the updates of incidents are, by incident.
func (v view) progress(ctx context.Context, incidents []int64) (map[int64][]ledger.UpdateProgress, error) {
	tallies, err := v.tallies(ctx, incidents)
	if err != nil {
		return nil, err
	}
	said, err := approvalsWhere(ctx, v.q, `update_id IN (SELECT id FROM updates WHERE incident = ANY($1))`, incidents)
	if err != nil {
		return nil, err
	}
	of := map[int64][]ledger.UpdateProgress{}
	_, err = collect(ctx, v.q, func(row pgx.Rows) (struct{}, error) {
		var u ledger.UpdateProgress
		var incident, received int64
		var terms []byte
		err := row.Scan(&incident, &u.ID, &u.EventID, &u.Status, &u.State, &u.Reason, &received, &u.ApprovedBy, &u.Audience, &u.Open, &u.Paused, &u.Recalling, &u.RetryOf, &u.Dropped, &terms)
		if err != nil {
			return struct{}{}, err
		}
		var all playbook.Terms
		err = json.Unmarshal(terms, &all)
		u.ReceivedAt, u.Tallies = fromMS(received), tallies[u.ID]
		u.Stands(all.Approval, said[u.ID])
		of[incident] = append(of[incident], u)
		return struct{}{}, err
	}, `SELECT incident, id, event_id, status, state, reason, received_at, approved_by, audience, open, paused,
			EXISTS (SELECT FROM errands e WHERE e.update_id = updates.id AND e.verb = 'recall'), retry_of, dropped, terms
		FROM updates WHERE incident = ANY($1) ORDER BY id`, incidents)
	return of, err
}

// tallies reads the running counts of the updates of incidents, by update.
func (v view) tallies(ctx context.Context, incidents []int64) (map[int64][]ledger.Tally, error) {
	of := map[int64][]ledger.Tally{}
	_, err := collect(ctx, v.q, func(row pgx.Rows) (struct{}, error) {
		var update int64
		var t ledger.Tally
		err := row.Scan(&update, &t.Channel, &t.What, &t.Count)
		of[update] = append(of[update], t)
		return struct{}{}, err
	}, `SELECT t.update_id, t.channel, t.what, t.count FROM tallies t JOIN updates u ON u.id = t.update_id
		WHERE u.incident = ANY($1) ORDER BY t.update_id, t.channel, t.what`, incidents)
	return of, err
}

// talliesOf reads the running counts of one update.
func talliesOf(ctx context.Context, q querier, update int64) ([]ledger.Tally, error) {
	return collect(ctx, q, func(row pgx.Rows) (ledger.Tally, error) {
		var t ledger.Tally
		err := row.Scan(&t.Channel, &t.What, &t.Count)
		return t, err
	}, `SELECT channel, what, count FROM tallies WHERE update_id = $1 ORDER BY channel, what`, update)
}

// Rejections returns the last updates that were refused, newest first.
func (l *Ledger) Rejections(ctx context.Context, limit int) ([]ledger.Rejection, error) {
	return collect(ctx, l.pool, func(row pgx.Rows) (ledger.Rejection, error) {
		var r ledger.Rejection
		var at int64
		var faults []byte
		if err := row.Scan(&r.ID, &r.Team, &at, &faults, &r.Body); err != nil {
			return r, err
		}
		r.At = fromMS(at)
		return r, json.Unmarshal(faults, &r.Faults)
	}, `SELECT id, team, at, faults, body FROM rejections ORDER BY id DESC LIMIT $1`, limit)
}

// Report counts what became of an incident's updates, row by row and all at the same moment, or
// returns ledger.ErrNotFound. Of updates whose rows have been dropped it gives what was counted then.
func (l *Ledger) Report(ctx context.Context, team, id string) (r ledger.Report, err error) {
	err = l.atOnce(ctx, func(v view) error {
		r, err = v.report(ctx, team, id)
		return err
	})
	return r, err
}

func (v view) report(ctx context.Context, team, id string) (ledger.Report, error) {
	s, err := v.incident(ctx, team, id)
	if err != nil {
		return ledger.Report{}, err
	}
	r := ledger.Report{
		Team: team, Incident: id, Kind: s.Kind, Status: s.Status, Impact: s.Impact, StartedAt: s.StartedAt, Balanced: true,
		Spending: s.Spending,
	}
	for _, u := range s.Progress {
		ur, err := v.updateReport(ctx, u)
		if err != nil {
			return r, err
		}
		r.Updates = append(r.Updates, ur)
		r.Balanced = r.Balanced && ur.Balance.OK
	}
	if r.Orders, err = v.orders(ctx, team, id); err != nil {
		return r, err
	}
	if r.TrailHead, err = trailHead(ctx, v.q, selectTrailHead); err != nil {
		return r, err
	}
	return r, v.firstNotice(ctx, &r)
}

func (v view) firstNotice(ctx context.Context, r *ledger.Report) error {
	var ids []int64
	for i := range r.Updates {
		ids = append(ids, r.Updates[i].ID)
	}
	var at int64
	err := v.q.QueryRow(ctx, `SELECT coalesce(min(first_notice_at), 0) FROM updates WHERE id = ANY($1) AND first_notice_at > 0`, ids).Scan(&at)
	if err != nil {
		return named(err)
	}
	if r.FirstNoticeAt = fromMS(at); r.Kind == incident.Outage && at != 0 {
		r.FirstNotice = ledger.SecondsOf(r.FirstNoticeAt.Sub(r.StartedAt))
	}
	return nil
}

func (v view) updateReport(ctx context.Context, u ledger.UpdateProgress) (ledger.UpdateReport, error) {
	r := ledger.UpdateReport{UpdateProgress: u, Channels: ledger.ChannelReports(&u)}
	r.ReachedByFallback = u.Count("*", ledger.Fallback)
	r.DoubleReach = u.Count("*", ledger.Double)
	r.Repeats = u.Count("*", ledger.Repeated)
	c, err := v.rowCounts(ctx, u.ID, u.ReceivedAt)
	if err != nil {
		return r, err
	}
	c.Into(&r)
	var kept []byte
	var approved int64
	err = v.q.QueryRow(ctx, `SELECT forecast, approved_at FROM updates WHERE id = $1`, u.ID).Scan(&kept, &approved)
	r.HoldAgainst(kept, fromMS(approved))
	return r, named(err)
}

// rowCounts counts the rows of an update, or returns what was counted before they were dropped.
func (v view) rowCounts(ctx context.Context, update int64, received time.Time) (ledger.RowCounts, error) {
	var c ledger.RowCounts
	kept, err := collect(ctx, v.q, scalar[[]byte], `SELECT value FROM kept_reports WHERE update_id = $1`, update)
	if err == nil && len(kept) > 0 {
		return c, json.Unmarshal(kept[0], &c)
	}
	if err != nil {
		return c, err
	}
	r, err := v.idRange(ctx, update)
	if err != nil {
		return c, err
	}
	if c.Outcomes, err = v.outcomes(ctx, r); err != nil {
		return c, err
	}
	if err = v.reachTimes(ctx, r, received, &c); err != nil {
		return c, err
	}
	c.Segments, err = v.segments(ctx, r)
	return c, err
}

// idRange is an update with the range of its notifications' ids, which tells PostgreSQL which weeks
// to read.
type idRange struct{ update, first, last int64 }

func (v view) idRange(ctx context.Context, update int64) (idRange, error) {
	r := idRange{update: update}
	err := v.q.QueryRow(ctx, `SELECT first_id, last_id FROM updates WHERE id = $1`, update).Scan(&r.first, &r.last)
	return r, named(err)
}

func (v view) outcomes(ctx context.Context, r idRange) ([]ledger.OutcomeCount, error) {
	return collect(ctx, v.q, func(row pgx.Rows) (ledger.OutcomeCount, error) {
		var c ledger.OutcomeCount
		var outcome, proof int16
		err := row.Scan(&outcome, &c.Reason, &c.Channel, &proof, &c.Count)
		c.Outcome, c.Proof = notification.Outcome(outcome).String(), channels.Proof(proof)
		return c, err
	}, `SELECT outcome, reason, reached_by, proof, count(*) FROM notifications WHERE update_id = $1 AND id BETWEEN $2 AND $3
		GROUP BY 1, 2, 3, 4 ORDER BY 1, 5 DESC, 2, 3`, r.update, r.first, r.last)
}

// reachTimes finds how soon the first half, nearly all and the last were reached.
func (v view) reachTimes(ctx context.Context, r idRange, received time.Time, c *ledger.RowCounts) error {
	reached := c.Reached()
	if reached == 0 {
		return nil
	}
	places := []int64{ledger.Rank(reached, 50), ledger.Rank(reached, 95), reached - 1}
	at, err := collect(ctx, v.q, scalar[int64], `WITH placed AS (
			SELECT settled_at, row_number() OVER (ORDER BY settled_at) - 1 AS place FROM notifications
			WHERE update_id = $1 AND outcome = $2 AND id BETWEEN $3 AND $4)
		SELECT settled_at FROM unnest($5::bigint[]) WITH ORDINALITY AS x (place, nth) JOIN placed USING (place) ORDER BY nth`,
		r.update, int16(notification.Reached), r.first, r.last, places)
	if err != nil {
		return err
	}
	for i, into := range []*ledger.Seconds{&c.P50, &c.P95, &c.Max} {
		if i < len(at) {
			*into = ledger.SecondsOf(time.UnixMilli(at[i]).Sub(received))
		}
	}
	return nil
}

// segments sums the segments of the SMS that a provider took, whatever became of them later.
func (v view) segments(ctx context.Context, r idRange) (n int64, err error) {
	err = v.q.QueryRow(ctx, `
		WITH taken AS (
			SELECT n.locale, n.batch FROM notifications n WHERE n.update_id = $1 AND n.took AND n.id BETWEEN $3 AND $4
			UNION ALL
			SELECT n.locale, a.batch FROM attempts a JOIN notifications n ON n.id = a.notification
				WHERE n.update_id = $1 AND a.took AND n.id BETWEEN $3 AND $4 AND a.notification BETWEEN $3 AND $4)
		SELECT coalesce(sum(x.units), 0)::bigint FROM taken JOIN batches b ON b.id = taken.batch AND b.update_id = $1 AND b.kind = $2
			JOIN texts x ON x.update_id = $1 AND x.kind = $2 AND x.locale = taken.locale`,
		r.update, string(channels.SMS), r.first, r.last).Scan(&n)
	return n, named(err)
}

// RecipientReports yields what became of each notification of an incident, update by update, in order
// of the recipients' numbers. It holds no view of the ledger: each row is as it is when it is read.
// Rows that have been dropped are not among them.
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
	return collect(ctx, l.pool, func(row pgx.Rows) (rows.Numbered[ledger.RecipientReport], error) {
		r := ledger.RecipientReport{Update: update}
		var number, settled int64
		var outcome, proof int16
		err := row.Scan(&number, &r.Recipient, &outcome, &r.Reason, &r.Channel, &proof, &settled)
		r.Outcome, r.Proof, r.SettledAt = notification.Outcome(outcome).String(), channels.Proof(proof).String(), fromMS(settled)
		return rows.Numbered[ledger.RecipientReport]{Number: number, Row: r}, err
	}, `SELECT n.recipient, r.id, n.outcome, n.reason, n.reached_by, n.proof, n.settled_at
		FROM updates u JOIN notifications n ON n.update_id = u.id AND n.id BETWEEN u.first_id AND u.last_id
		JOIN recipients r ON r.number = n.recipient
		WHERE u.id = $1 AND n.recipient > $2 ORDER BY n.recipient LIMIT $3`, update, after, rows.PerPage)
}
