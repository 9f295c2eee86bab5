package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Apply commits a fold whole, or not at all. It returns ledger.ErrConflict if a notification has
// changed since it was read.
func (l *Ledger) Apply(ctx context.Context, f ledger.Fold) error {
	w := weekOf(f.Now)
	batch, err := l.takeIDs(ctx, "batch_ids", w, len(f.Batches))
	if err != nil {
		return err
	}
	early, err := l.takeIDs(ctx, "early_receipt_ids", w, len(f.Early))
	if err != nil {
		return err
	}
	joinBatches(&f, batch)
	return l.write(ctx, "applying events", weeksOf(&f), func(t tx) error {
		if err := t.updateNotifications(&f); err != nil {
			return err
		}
		if err := t.putPast(changedPast(&f)); err != nil {
			return err
		}
		c := f.Count()
		if err := t.foldUpdates(c, ms(f.Now)); err != nil {
			return err
		}
		if err := t.addTallies(c.Tallies); err != nil {
			return err
		}
		if err := t.copyBatches(f.Batches, batch); err != nil {
			return err
		}
		if err := t.foldSmall(&f, early); err != nil {
			return err
		}
		closed, err := t.closeSettled(slices.Sorted(maps.Keys(c.Settled)), f.Now)
		if err != nil {
			return err
		}
		return t.appendTrail(slices.Concat(f.Trail, closed)...)
	})
}

// joinBatches tells each notification its new batch, numbered from first.
func joinBatches(f *ledger.Fold, first int64) {
	batchOf := map[int64]int64{}
	for i := range f.Batches {
		for j := range f.Batches[i].Items {
			batchOf[f.Batches[i].Items[j].Notification] = first + int64(i)
		}
	}
	for i := range f.Changed {
		if id, ok := batchOf[f.Changed[i].ID]; ok {
			f.Changed[i].Attempt.Batch = id
		}
	}
}

// weeksOf lists the weeks into which a fold writes new rows.
func weeksOf(f *ledger.Fold) []int64 {
	into := map[int64]bool{}
	if len(f.Batches)+len(f.Early) > 0 {
		w := weekOf(f.Now)
		into[w], into[w+1] = true, true // the next one ahead of its time
	}
	for i := range f.Changed {
		if len(f.Changed[i].Past) > 0 {
			into[weekOfID(f.Changed[i].ID)] = true
		}
	}
	for _, p := range f.ProviderIDs {
		into[weekOfID(p.Attempt.Notification)] = true
	}
	return slices.Collect(maps.Keys(into))
}

// updateNotifications writes all that has changed by one statement, if nobody else has changed any
// of it since it was read.
func (t tx) updateNotifications(f *ledger.Fold) error {
	n := len(f.Changed)
	if n == 0 {
		return nil
	}
	c := newNotificationArrays(n)
	for i := range f.Changed {
		c.add(&f.Changed[i])
	}
	first, last := span(c.ids)
	done, err := t.changed(`UPDATE notifications n SET version = n.version + 1, step = x.step, try = x.try, state = x.state, batch = x.batch,
			queued_at = x.queued_at, code = x.code, provider_id = x.provider_id, took = x.took, recall = x.recall, stop = x.stop, outcome = x.outcome,
			reason = x.reason, proof = x.proof, reached_by = x.reached_by, settled_at = x.settled_at
		FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::smallint[], $5::smallint[], $6::bigint[], $7::bigint[], $8::text[],
				$9::text[], $10::boolean[], $11::smallint[], $12::smallint[], $13::text[], $14::smallint[], $15::text[], $16::bigint[], $17::smallint[])
			AS x (id, version, step, try, state, batch, queued_at, code, provider_id, took, stop, outcome, reason, proof, reached_by, settled_at, recall)
		WHERE n.id = x.id AND n.version = x.version AND n.id BETWEEN $18 AND $19`,
		c.ids, c.versions, c.steps, c.tries, c.states, c.batches, c.queued, c.codes, c.providerIDs, c.took, c.stops, c.outcomes,
		c.reasons, c.proofs, c.reachedBy, c.settled, c.recalls, first, last)
	if err == nil && done != int64(n) {
		err = ledger.ErrConflict
	}
	return err
}

// notificationArrays are the columns of notifications, an array each.
type notificationArrays struct {
	ids, versions, batches, queued, settled []int64
	steps, tries, states, outcomes, proofs  []int16
	stops, recalls                          []int16
	took                                    []bool
	codes, providerIDs, reasons, reachedBy  []string
}

func newNotificationArrays(n int) *notificationArrays {
	longs := func() []int64 { return make([]int64, 0, n) }
	shorts := func() []int16 { return make([]int16, 0, n) }
	words := func() []string { return make([]string, 0, n) }
	return &notificationArrays{
		ids: longs(), versions: longs(), batches: longs(), queued: longs(), settled: longs(),
		steps: shorts(), tries: shorts(), states: shorts(), outcomes: shorts(), proofs: shorts(), stops: shorts(), recalls: shorts(),
		took:  make([]bool, 0, n),
		codes: words(), providerIDs: words(), reasons: words(), reachedBy: words(),
	}
}

func (c *notificationArrays) add(n *notification.Notification) {
	a := &n.Attempt
	c.ids, c.versions, c.batches = append(c.ids, n.ID), append(c.versions, n.Version), append(c.batches, a.Batch)
	c.queued, c.settled = append(c.queued, ms(a.QueuedAt)), append(c.settled, ms(n.SettledAt))
	c.steps, c.tries, c.states = append(c.steps, int16(a.Step)), append(c.tries, int16(a.Try)), append(c.states, int16(a.State))
	c.outcomes, c.proofs = append(c.outcomes, int16(n.Outcome)), append(c.proofs, int16(n.Proof))
	c.took, c.stops, c.recalls = append(c.took, a.Took), append(c.stops, int16(n.Stop)), append(c.recalls, int16(a.Recall))
	c.codes, c.providerIDs = append(c.codes, text(a.Code)), append(c.providerIDs, text(a.ProviderID))
	c.reasons, c.reachedBy = append(c.reasons, string(n.Reason)), append(c.reachedBy, n.ReachedBy)
}

// pastAttempt is an attempt that is no longer the current one.
type pastAttempt struct {
	notification int64
	*notification.Attempt
}

// changedPast lists the past attempts that are new or not as they were.
func changedPast(f *ledger.Fold) []pastAttempt {
	var all []pastAttempt
	for i := range f.Changed {
		before, n := &f.Before[i], &f.Changed[i]
		for j := range n.Past {
			if j >= len(before.Past) || before.Past[j] != n.Past[j] {
				all = append(all, pastAttempt{n.ID, &n.Past[j]})
			}
		}
	}
	return all
}

func (t tx) putPast(all []pastAttempt) error {
	if len(all) == 0 {
		return nil
	}
	var ids, batches, queued []int64
	var steps, tries, states, recalls []int16
	var took []bool
	var channels, codes, providerIDs []string
	for _, a := range all {
		ids, batches, queued = append(ids, a.notification), append(batches, a.Batch), append(queued, ms(a.QueuedAt))
		steps, tries, states = append(steps, int16(a.Step)), append(tries, int16(a.Try)), append(states, int16(a.State))
		took, recalls, channels = append(took, a.Took), append(recalls, int16(a.Recall)), append(channels, a.Channel)
		codes, providerIDs = append(codes, text(a.Code)), append(providerIDs, text(a.ProviderID))
	}
	return t.exec(`INSERT INTO attempts (notification, step, try, channel, state, batch, queued_at, code, provider_id, took, recall)
		SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::text[], $5::smallint[], $6::bigint[], $7::bigint[],
			$8::text[], $9::text[], $10::boolean[], $11::smallint[])
		ON CONFLICT (notification, step) DO UPDATE
		SET state = excluded.state, code = excluded.code, provider_id = excluded.provider_id, took = excluded.took, recall = excluded.recall`,
		ids, steps, tries, channels, states, batches, queued, codes, providerIDs, took, recalls)
}

// foldUpdates counts down what is open and notes the first notice.
func (t tx) foldUpdates(c ledger.Counts, now int64) error {
	noticed := slices.Sorted(maps.Keys(c.Noticed))
	settled := slices.Sorted(maps.Keys(c.Settled))
	if len(noticed)+len(settled) == 0 {
		return nil
	}
	// The same order for all who change several.
	err := t.exec(`SELECT FROM updates WHERE id = ANY($1) OR (id = ANY($2) AND first_notice_at = 0) ORDER BY id FOR NO KEY UPDATE`, settled, noticed)
	if err == nil && len(noticed) > 0 {
		err = t.exec(`UPDATE updates SET first_notice_at = $1 WHERE id = ANY($2) AND first_notice_at = 0`, now, noticed)
	}
	if err != nil || len(settled) == 0 {
		return err
	}
	counts := make([]int64, len(settled))
	for i, id := range settled {
		counts[i] = c.Settled[id]
	}
	return t.exec(`UPDATE updates u SET open = u.open - x.settled FROM unnest($1::bigint[], $2::bigint[]) AS x (id, settled) WHERE u.id = x.id`, settled, counts)
}

// foldSmall writes the parts of a fold that are few; early receipts are numbered from early.
func (t tx) foldSmall(f *ledger.Fold, early int64) error {
	for _, write := range []func() error{
		func() error { return t.endDeadlines(f.Done) },
		func() error { return t.setDeadlines(f.Deadlines) },
		func() error { return t.putProviderIDs(f.ProviderIDs) },
		func() error { return t.copyEarly(f.Early, early) },
		func() error { return t.deleteEarly(f.Claimed) },
		func() error { return t.deleteDone("superseding_pages", f.Superseded) },
		func() error { return t.deleteDone("errands", f.ErrandsDone) },
		func() error { return t.leaveErrands(f.Errands) },
		func() error { return t.bury(f.Dead) },
		func() error { return t.overlooked(f.Queued(), f.Now) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// deleteDone deletes from a table what there was to be done.
func (t tx) deleteDone(table string, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return t.exec(`DELETE FROM `+table+` WHERE id = ANY($1)`, ids)
}
