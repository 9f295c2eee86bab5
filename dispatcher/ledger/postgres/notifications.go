package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

const selectNotifications = `SELECT n.id, n.update_id, n.recipient, n.version, n.locale, n.steps, n.step, n.try, n.state, n.batch,
	n.queued_at, n.code, n.provider_id, n.took, n.recall, n.stop, n.outcome, n.reason, n.proof, n.reached_by, n.settled_at FROM notifications n `

func (l *Ledger) scanNotification(row pgx.Rows) (notification.Notification, error) {
	var n notification.Notification
	var steps, reason string
	var queued, settled int64
	var state, recall, stop, outcome, proof int16
	a := &n.Attempt
	err := row.Scan(&n.ID, &n.Update, &n.Recipient, &n.Version, &n.Locale, &steps, &a.Step, &a.Try, &state, &a.Batch,
		&queued, &a.Code, &a.ProviderID, &a.Took, &recall, &stop, &outcome, &reason, &proof, &n.ReachedBy, &settled)
	if err == nil {
		n.Steps, err = l.cascades.Parse(steps)
	}
	if int(a.Step) < len(n.Steps) {
		a.Channel = n.Steps[a.Step].Channel
	}
	a.State, a.Recall = notification.State(state), notification.Recall(recall)
	n.Stop, n.Outcome = notification.Stop(stop), notification.Outcome(outcome)
	n.Reason, n.Proof = notification.Reason(reason), channels.Proof(proof)
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
		`SELECT b.members FROM batches b JOIN updates u ON u.id = b.update_id AND u.open > 0 WHERE b.id = $1`, batch)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	first, last := span(members[0])
	return l.notifications(ctx, `WHERE n.id = ANY($1) AND n.id BETWEEN $2 AND $3 AND n.batch = $4 AND n.outcome = 0 ORDER BY n.id`,
		members[0], first, last, batch)
}

// Pending returns the open notifications that an errand is about, for a recall the settled ones too. Of those whose attempt is in a batch
// that has not been handed to its lane, unsent has the ids.
func (l *Ledger) Pending(ctx context.Context, e ledger.Errand) (ns []notification.Notification, unsent map[int64]bool, err error) {
	ns, err = l.notifications(ctx, `WHERE n.id BETWEEN $1 AND $2 AND n.update_id = $3 AND (n.outcome = 0 OR $4) ORDER BY n.id`,
		e.First, e.Last, e.Update, e.Verb == ledger.Recall)
	if err != nil {
		return nil, nil, err
	}
	batches := make([]int64, len(ns))
	for i := range ns {
		batches[i] = ns[i].Attempt.Batch
	}
	first, last := span(batches)
	waiting, err := collect(ctx, l.pool, scalar[int64],
		`SELECT id FROM batches WHERE id = ANY($1) AND id BETWEEN $2 AND $3 AND sent_at IS NULL`, batches, first, last)
	waits := make(map[int64]bool, len(waiting))
	for _, id := range waiting {
		waits[id] = true
	}
	unsent = map[int64]bool{}
	for i := range ns {
		if waits[ns[i].Attempt.Batch] {
			unsent[ns[i].ID] = true
		}
	}
	return ns, unsent, err
}

// Outdated returns the open notifications of older updates, of the same incident and of those merged
// into it, whose recipients are in the page; for a correction of one update, not those of updates that
// came after that one: those that are to be stopped, and those marked before that are still queued,
// since word of it to their lane may have been lost.
func (l *Ledger) Outdated(ctx context.Context, p ledger.SupersedingPage) ([]notification.Notification, error) {
	older, err := l.ranges(ctx, below+`SELECT o.id, o.first_id, o.last_id `+olderOpen, p.Update)
	if err != nil || len(older.updates) == 0 {
		return nil, err
	}
	// Two steps, so that there is one way to find them, by their index, also where the week is so young
	// that the server knows nothing of its rows yet: as a join it would try every row with every other.
	recipients, err := collect(ctx, l.pool, func(row pgx.Rows) (n int64, err error) { return n, row.Scan(&n) },
		`SELECT recipient FROM notifications WHERE id BETWEEN $1 AND $2`, p.First, p.Last)
	if err != nil || len(recipients) == 0 {
		return nil, err
	}
	return l.notifications(ctx, `WHERE n.update_id = ANY($1) AND n.recipient = ANY($2) AND n.id BETWEEN $3 AND $4
		AND n.outcome = 0 AND (n.stop = 0 OR n.state = 1) ORDER BY n.id`, older.updates, recipients, older.first, older.last)
}

// olderOpen finds the updates o with open notifications that update $1 takes the place of; it goes
// behind below.
const olderOpen = `FROM updates u JOIN updates o ON o.incident IN (SELECT id FROM below) AND o.id < u.id AND o.open > 0
	AND (u.corrects = 0 OR o.id <= u.corrects) WHERE u.id = $1`

// ranges are updates, and the range of all their notifications' ids, which tells PostgreSQL which weeks
// to read.
type ranges struct {
	updates     []int64
	first, last int64
}

// ranges reads the updates that a query finds, with the first and the last id of each.
func (l *Ledger) ranges(ctx context.Context, query string, args ...any) (r ranges, err error) {
	var ends []int64
	r.updates, err = collect(ctx, l.pool, func(row pgx.Rows) (id int64, err error) {
		var first, last int64
		err = row.Scan(&id, &first, &last)
		ends = append(ends, first, last)
		return id, err
	}, query, args...)
	r.first, r.last = span(ends)
	return r, err
}

func (l *Ledger) notifications(ctx context.Context, where string, args ...any) ([]notification.Notification, error) {
	ns, err := collect(ctx, l.pool, l.scanNotification, selectNotifications+where, args...)
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
	return ns, addPast(ctx, l.pool, byID, later)
}

func addPast(ctx context.Context, q querier, byID map[int64]*notification.Notification, ids []int64) error {
	first, last := span(ids)
	_, err := collect(ctx, q, func(row pgx.Rows) (struct{}, error) {
		var id, queued int64
		var state, recall int16
		var a notification.Attempt
		err := row.Scan(&id, &a.Step, &a.Try, &a.Channel, &state, &a.Batch, &queued, &a.Code, &a.ProviderID, &a.Took, &recall)
		if err == nil {
			a.State, a.Recall, a.QueuedAt = notification.State(state), notification.Recall(recall), fromMS(queued)
			byID[id].Past = append(byID[id].Past, a)
		}
		return struct{}{}, err
	}, `SELECT notification, step, try, channel, state, batch, queued_at, code, provider_id, took, recall FROM attempts
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
