package sqlite

import (
	"context"
	"database/sql"
	"time"

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
	err = l.write(ctx, "noting a consent", func(t tx) error {
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

// spokenOf reads what is kept of those whom a consent speaks of.
func (t tx) spokenOf(c ledger.Consent) ([]ledger.Consents, error) {
	const customers = `SELECT number, id, consents, withdrawn, dead FROM recipients WHERE deleted = 0 AND id NOT GLOB 'account:*' AND `
	scan := func(row *sql.Rows) (ledger.Consents, error) {
		var h ledger.Consents
		var consents, withdrawn, dead string
		err := row.Scan(&h.Number, &h.ID, &consents, &withdrawn, &dead)
		h.Imported, h.Withdrawn, h.Dead = rows.Split(consents), rows.SplitWithdrawn(withdrawn), rows.SplitAddresses(dead)
		return h, err
	}
	switch {
	case c.Address != "":
		return collect(t.ctx, t, scan, customers+`number IN (SELECT recipient FROM addresses WHERE line = ?) ORDER BY number`, lineOf(c.Channel, c.Address))
	case c.Recipient != "":
		return collect(t.ctx, t, scan, customers+`id = ?`, c.Recipient)
	default:
		return collect(t.ctx, t, scan, customers+`number = ?`, c.Number)
	}
}

// CustomersAt returns customers who have an address on a channel: some, if there are many.
func (l *Ledger) CustomersAt(ctx context.Context, channel, address string) ([]audience.Recipient, error) {
	rs, err := collect(ctx, l.reader, l.scanRecipient, `SELECT `+recipientColumns+` FROM recipients WHERE deleted = 0 AND id NOT GLOB 'account:*'
		AND number IN (SELECT recipient FROM addresses WHERE line = ?) ORDER BY number LIMIT ?`, lineOf(channel, address), someCustomers)
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
		err := t.exec(`UPDATE recipients SET consents = ?, withdrawn = ?, dead = ?, withdrawn_at = CASE WHEN ? THEN withdrawn_at ELSE max(withdrawn_at, ?) END
			WHERE number = ?`, rows.Join(after.Imported), rows.JoinWithdrawn(after.Withdrawn), rows.JoinAddresses(after.Dead), c.On, ms(c.At), h.Number)
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
	return t.exec(`INSERT INTO errands (verb, update_id, channel, first, last) SELECT ?, 0, '', value, value FROM json_each(?)`,
		string(ledger.Withdrawn), jsonInts(recipients))
}

// overlooked leaves word about those of the recipients for whom attempts are being queued who have left
// the channel since the attempts were decided on.
func (t tx) overlooked(q ledger.Queued, now time.Time) error {
	if len(q) == 0 {
		return nil
	}
	// The few are sorted after they were found by their index: + keeps SQLite from reading all in order.
	ws, err := collect(t.ctx, t, scanWithdrawer, `SELECT number, withdrawn FROM recipients
		WHERE withdrawn_at > ? AND withdrawn_at > 0 ORDER BY +number`, ms(now.Add(-ledger.LookBack)))
	if err != nil {
		return err
	}
	return t.lookAgain(q.Overlooked(ws))
}

func scanWithdrawer(row *sql.Rows) (ledger.Withdrawer, error) {
	var w ledger.Withdrawer
	var withdrawn string
	err := row.Scan(&w.Number, &withdrawn)
	w.Withdrawn = rows.SplitWithdrawn(withdrawn)
	return w, err
}

// QueuedFor returns the open notifications of recipients whose current attempt is queued.
func (l *Ledger) QueuedFor(ctx context.Context, recipients []int64) ([]notification.Notification, error) {
	return l.notifications(ctx, 0, "", `WHERE n.update_id IN (SELECT id FROM updates WHERE open > 0)
		AND n.recipient IN (SELECT value FROM json_each(?)) AND n.outcome = 0 AND n.state = 1 ORDER BY n.id`, jsonInts(recipients))
}

// Withdrawers implements ledger.View.
func (v *view) Withdrawers(ctx context.Context, numbers []int64) ([]ledger.Withdrawer, error) {
	return collect(ctx, v, scanWithdrawer, `SELECT number, withdrawn FROM recipients
		WHERE number IN (SELECT value FROM json_each(?)) AND withdrawn != '' ORDER BY number`, jsonInts(numbers))
}

// Leaving implements ledger.View.
func (v *view) Leaving(ctx context.Context) ([]int64, error) {
	return collect(ctx, v, func(row *sql.Rows) (n int64, err error) { return n, row.Scan(&n) },
		`SELECT DISTINCT first FROM errands WHERE verb = ? ORDER BY first`, string(ledger.Withdrawn))
}
