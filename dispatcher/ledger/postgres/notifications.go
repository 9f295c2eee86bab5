package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

const selectNotifications = `SELECT n.id, n.update_id, n.recipient, n.version, n.locale, n.steps, n.step, n.try, n.state, n.batch,
	n.queued_at, n.code, n.provider_id, n.took, n.stale, n.outcome, n.reason, n.proof, n.reached_by, n.settled_at FROM notifications n `

func scanNotification(row pgx.Rows) (notification.Notification, error) {
	var n notification.Notification
	var steps, reason string
	var queued, settled int64
	var state, outcome, proof int16
	a := &n.Attempt
	err := row.Scan(&n.ID, &n.Update, &n.Recipient, &n.Version, &n.Locale, &steps, &a.Step, &a.Try, &state, &a.Batch,
		&queued, &a.Code, &a.ProviderID, &a.Took, &n.Stale, &outcome, &reason, &proof, &n.ReachedBy, &settled)
	if steps != "" {
		n.Steps = strings.Split(steps, ",")
		a.Channel = n.Steps[a.Step]
	}
	a.State, n.Outcome, n.Reason, n.Proof = notification.State(state), notification.Outcome(outcome), notification.Reason(reason), channels.Proof(proof)
	a.QueuedAt, n.SettledAt = fromMS(queued), fromMS(settled)
	return n, err
}

// Notifications returns the notifications with the ids given that exist, in order of their ids,
// with all their attempts.
func (l *Ledger) Notifications(ctx context.Context, ids []int64) ([]notification.Notification, error) {
	first, last := span(ids)
	return l.notifications(ctx, `WHERE n.id = ANY($1) AND n.id BETWEEN $2 AND $3 ORDER BY n.id`, ids, first, last)
}

// Waiting returns the open notifications whose current attempt travelled in a batch.
func (l *Ledger) Waiting(ctx context.Context, batch int64) ([]notification.Notification, error) {
	members, err := collect(ctx, l.pool, scalar[[]int64],
		`SELECT members FROM batches WHERE id = $1`, batch)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	first, last := span(members[0])
	return l.notifications(ctx, `WHERE n.id = ANY($1) AND n.id BETWEEN $2 AND $3 AND n.batch = $4 AND n.outcome = 0 ORDER BY n.id`,
		members[0], first, last, batch)
}

// Outdated returns the open notifications of older updates of the same incident whose recipients
// are in the page: those that are to be marked stale, and those marked before that are still queued,
// since word of it to their lane may have been lost.
func (l *Ledger) Outdated(ctx context.Context, p ledger.SupersedingPage) ([]notification.Notification, error) {
	older, first, last, err := l.olderOpen(ctx, p.Update)
	if err != nil || len(older) == 0 {
		return nil, err
	}
	return l.notifications(ctx, `JOIN notifications newer ON newer.recipient = n.recipient
		WHERE newer.id BETWEEN $1 AND $2 AND n.outcome = 0 AND (NOT n.stale OR n.state = 1)
			AND n.update_id = ANY($3) AND n.id BETWEEN $4 AND $5 ORDER BY n.id`, p.First, p.Last, older, first, last)
}

// olderOpen lists the older updates of the same incident that are not settled, and the range of
// their notifications' ids.
func (l *Ledger) olderOpen(ctx context.Context, update int64) (ids []int64, first, last int64, err error) {
	var ends []int64
	ids, err = collect(ctx, l.pool, func(row pgx.Rows) (id int64, err error) {
		var from, to int64
		err = row.Scan(&id, &from, &to)
		ends = append(ends, from, to)
		return id, err
	}, `SELECT o.id, o.first_id, o.last_id FROM updates u JOIN updates o ON o.incident = u.incident AND o.id < u.id AND o.open > 0
		WHERE u.id = $1`, update)
	first, last = span(ends)
	return ids, first, last, err
}

func (l *Ledger) notifications(ctx context.Context, where string, args ...any) ([]notification.Notification, error) {
	ns, err := collect(ctx, l.pool, scanNotification, selectNotifications+where, args...)
	if err != nil {
		return nil, err
	}
	byID := map[int64]*notification.Notification{}
	var later []int64
	for i := range ns {
		if ns[i].Attempt.Step > 0 {
			byID[ns[i].ID] = &ns[i]
			later = append(later, ns[i].ID)
		}
	}
	if len(later) == 0 {
		return ns, nil
	}
	return ns, l.addPast(ctx, byID, later)
}

func (l *Ledger) addPast(ctx context.Context, byID map[int64]*notification.Notification, ids []int64) error {
	first, last := span(ids)
	_, err := collect(ctx, l.pool, func(row pgx.Rows) (struct{}, error) {
		var id, queued int64
		var state int16
		var a notification.Attempt
		err := row.Scan(&id, &a.Step, &a.Try, &a.Channel, &state, &a.Batch, &queued, &a.Code, &a.ProviderID, &a.Took)
		if err == nil {
			a.State, a.QueuedAt = notification.State(state), fromMS(queued)
			byID[id].Past = append(byID[id].Past, a)
		}
		return struct{}{}, err
	}, `SELECT notification, step, try, channel, state, batch, queued_at, code, provider_id, took FROM attempts
		WHERE notification = ANY($1) AND notification BETWEEN $2 AND $3 ORDER BY notification, step`, ids, first, last)
	return err
}

// SupersedingPages returns the pages whose supersession is still to be done, oldest first.
func (l *Ledger) SupersedingPages(ctx context.Context, limit int) ([]ledger.SupersedingPage, error) {
	return collect(ctx, l.pool, func(row pgx.Rows) (ledger.SupersedingPage, error) {
		var p ledger.SupersedingPage
		err := row.Scan(&p.ID, &p.Update, &p.First, &p.Last)
		return p, err
	}, `SELECT id, update_id, first, last FROM superseding_pages ORDER BY id LIMIT $1`, limit)
}
