package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// AttemptsByProviderID returns the attempts for which a channel's provider uses the ids given.
func (l *Ledger) AttemptsByProviderID(ctx context.Context, channel string, ids []string) ([]ledger.ProviderAttempt, error) {
	return collect(ctx, l.pool, func(row pgx.Rows) (ledger.ProviderAttempt, error) {
		a := ledger.ProviderAttempt{Channel: channel}
		err := row.Scan(&a.ProviderID, &a.Attempt.Notification, &a.Attempt.Step, &a.Attempt.Try)
		return a, err
	}, `SELECT provider_id, notification, step, try FROM provider_ids WHERE channel = $1 AND provider_id = ANY($2)`, channel, texts(ids))
}

// EarlyReceipts returns the receipts kept for provider ids that were not known when they came.
func (l *Ledger) EarlyReceipts(ctx context.Context, channel string, ids []string) ([]ledger.EarlyReceipt, error) {
	return collect(ctx, l.pool, func(row pgx.Rows) (ledger.EarlyReceipt, error) {
		r := ledger.EarlyReceipt{Channel: channel}
		var at int64
		var state string
		err := row.Scan(&r.ID, &r.ProviderID, &state, &r.Code, &at)
		r.State, r.At = channels.ReceiptState(state), fromMS(at)
		return r, err
	}, `SELECT id, provider_id, state, code, at FROM early_receipts WHERE channel = $1 AND provider_id = ANY($2) ORDER BY id`, channel, texts(ids))
}

// putProviderIDs gives ids to attempts where nobody has them yet. A channel's are given by one
// transaction at a time, since no index could tell what another is about to give.
func (t tx) putProviderIDs(ps []ledger.ProviderAttempt) error {
	if len(ps) == 0 {
		return nil
	}
	var names, ids []string
	var notifications []int64
	var steps, tries []int16
	seen := map[[2]string]bool{}
	for _, p := range ps {
		k := [2]string{p.Channel, text(p.ProviderID)}
		if seen[k] {
			continue
		}
		seen[k] = true
		names, ids, notifications = append(names, k[0]), append(ids, k[1]), append(notifications, p.Attempt.Notification)
		steps, tries = append(steps, int16(p.Attempt.Step)), append(tries, int16(p.Attempt.Try))
	}
	for _, channel := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if err := t.lock(providerLock, channel); err != nil {
			return err
		}
	}
	return t.exec(`INSERT INTO provider_ids (channel, provider_id, notification, step, try)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::smallint[], $5::smallint[]) AS x (channel, provider_id, notification, step, try)
		WHERE NOT EXISTS (SELECT FROM provider_ids p WHERE p.channel = x.channel AND p.provider_id = x.provider_id)`,
		names, ids, notifications, steps, tries)
}

func (t tx) copyEarly(rs []ledger.EarlyReceipt, first int64) error {
	if len(rs) == 0 {
		return nil
	}
	columns := []string{"id", "channel", "provider_id", "state", "code", "at"}
	_, err := t.CopyFrom(t.ctx, pgx.Identifier{"early_receipts"}, columns, pgx.CopyFromSlice(len(rs), func(i int) ([]any, error) {
		r := &rs[i]
		return []any{first + int64(i), r.Channel, text(r.ProviderID), string(r.State), text(r.Code), ms(r.At)}, nil
	}))
	return err
}

func (t tx) deleteEarly(ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	first, last := span(ids)
	return t.exec(`DELETE FROM early_receipts WHERE id = ANY($1) AND id BETWEEN $2 AND $3`, ids, first, last)
}
