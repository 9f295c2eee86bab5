package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// SetConsent notes that a channel may be used for somebody, or no longer, and enters it in the trail,
// for each customer for whom it is news. Of those who have withdrawn it leaves word to the engine, which
// stops what is queued for them. A customer named by id whom there isn't gives ledger.ErrNotFound; an
// address that nobody has, or a number of somebody deleted since, is no error. Public accounts are not
// customers.
func (l *Ledger) SetConsent(ctx context.Context, c ledger.Consent) (r ledger.ConsentReport, err error) {
	if err := c.Validate(); err != nil {
		return r, err
	}
	err = l.write(ctx, "noting a consent", nil, func(t tx) error {
		of, err := t.spokenOf(c)
		if err != nil {
			return err
		}
		if r = (ledger.ConsentReport{Customers: len(of)}); len(of) == 0 && c.Recipient != "" {
			return ledger.ErrNotFound
		}
		entries, err := t.heed(c, of)
		r.Changed = len(entries)
		if err != nil {
			return err
		}
		return t.appendTrail(entries...)
	})
	return r, err
}

// spokenOf locks and reads what is kept of those whom a consent speaks of.
func (t tx) spokenOf(c ledger.Consent) ([]ledger.Consents, error) {
	const customers = `SELECT number, id, consents, withdrawn, dead FROM recipients WHERE NOT deleted AND NOT starts_with(id, $1) AND `
	const locked = ` ORDER BY number FOR NO KEY UPDATE`
	switch {
	case c.Address != "":
		return collect(t.ctx, t, scanConsents, customers+`string_to_array(addresses, E'\n') @> ARRAY[$2]`+locked, audience.AccountPrefix, text(lineOf(c.Channel, c.Address)))
	case c.Recipient != "":
		return collect(t.ctx, t, scanConsents, customers+`id = $2`+locked, audience.AccountPrefix, text(c.Recipient))
	default:
		return collect(t.ctx, t, scanConsents, customers+`number = $2`+locked, audience.AccountPrefix, c.Number)
	}
}

func scanConsents(row pgx.Rows) (ledger.Consents, error) {
	var h ledger.Consents
	var consents, withdrawn, dead string
	err := row.Scan(&h.Number, &h.ID, &consents, &withdrawn, &dead)
	h.Imported, h.Withdrawn, h.Dead = rows.Split(consents), rows.SplitWithdrawn(withdrawn), rows.SplitAddresses(dead)
	return h, err
}

// CustomersAt returns customers who have an address on a channel: some, if there are many.
func (l *Ledger) CustomersAt(ctx context.Context, channel, address string) ([]audience.Recipient, error) {
	rs, err := collect(ctx, l.pool, l.scanRecipient, selectRecipients+`WHERE NOT deleted AND NOT starts_with(id, $1)
		AND string_to_array(addresses, E'\n') @> ARRAY[$2] ORDER BY number LIMIT $3`, audience.AccountPrefix, text(lineOf(channel, address)), someCustomers)
	return rows.Customers(rs), err
}

// someCustomers is how many of those who share an address are told of.
const someCustomers = 10

// lineOf is an address as rows hold it.
func lineOf(channel, address string) string {
	return rows.JoinAddresses([]audience.Address{{Channel: channel, Address: address}})
}

// heed writes what is kept from now on, and returns the trail's entries about it.
func (t tx) heed(c ledger.Consent, of []ledger.Consents) (entries []ledger.TrailEntry, err error) {
	for _, h := range of {
		after, changed := c.Heed(h)
		if !changed {
			continue
		}
		err := t.exec(`UPDATE recipients SET consents = $1, withdrawn = $2, dead = $6, withdrawn_at = CASE WHEN $3 THEN withdrawn_at ELSE greatest(withdrawn_at, $4) END
			WHERE number = $5`, text(rows.Join(after.Imported)), text(rows.JoinWithdrawn(after.Withdrawn)), c.On, ms(c.At), h.Number, text(rows.JoinAddresses(after.Dead)))
		if err == nil && !c.On {
			err = t.lookAgain([]int64{h.Number})
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, c.Entry(h.ID))
	}
	return entries, nil
}

// lookAgain leaves word to the engine about recipients for whom something may be queued on a channel
// that they have left.
func (t tx) lookAgain(recipients []int64) error {
	if len(recipients) == 0 {
		return nil
	}
	return t.exec(`INSERT INTO errands (verb, update_id, channel, first, last) SELECT $1, 0, '', number, number FROM unnest($2::bigint[]) AS x (number)`,
		string(ledger.Withdrawn), recipients)
}

// overlooked leaves word about those of the recipients for whom attempts are being queued who have left
// the channel since the attempts were decided on. It is among the last things that a transaction does:
// what is withdrawn between its look and its commit has an errand of its own, which the engine gets to
// a moment later.
func (t tx) overlooked(q ledger.Queued, now time.Time) error {
	if len(q) == 0 {
		return nil
	}
	ws, err := collect(t.ctx, t, scanWithdrawer, `SELECT number, withdrawn FROM recipients WHERE withdrawn_at > $1 AND withdrawn_at > 0 ORDER BY number`,
		ms(now.Add(-ledger.LookBack)))
	if err != nil {
		return err
	}
	return t.lookAgain(q.Overlooked(ws))
}

func scanWithdrawer(row pgx.Rows) (ledger.Withdrawer, error) {
	var w ledger.Withdrawer
	var withdrawn string
	err := row.Scan(&w.Number, &withdrawn)
	w.Withdrawn = rows.SplitWithdrawn(withdrawn)
	return w, err
}

// QueuedFor returns the open notifications of recipients whose current attempt is queued.
func (l *Ledger) QueuedFor(ctx context.Context, recipients []int64) ([]notification.Notification, error) {
	open, err := l.ranges(ctx, `SELECT id, first_id, last_id FROM updates WHERE open > 0`)
	if err != nil || len(open.updates) == 0 {
		return nil, err
	}
	return l.notifications(ctx, `WHERE n.update_id = ANY($1) AND n.recipient = ANY($2) AND n.id BETWEEN $3 AND $4
		AND n.outcome = 0 AND n.state = 1 ORDER BY n.id`, open.updates, recipients, open.first, open.last)
}

// Withdrawers implements ledger.View.
func (m *moment) Withdrawers(ctx context.Context, numbers []int64) ([]ledger.Withdrawer, error) {
	return collect(ctx, m.q, scanWithdrawer, `SELECT number, withdrawn FROM recipients WHERE number = ANY($1) AND withdrawn <> '' ORDER BY number`, numbers)
}

// Leaving implements ledger.View.
func (m *moment) Leaving(ctx context.Context) ([]int64, error) {
	return collect(ctx, m.q, scalar[int64], `SELECT DISTINCT first FROM errands WHERE verb = $1 ORDER BY first`, string(ledger.Withdrawn))
}
