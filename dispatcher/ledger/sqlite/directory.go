package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
)

// PutRecipients adds recipients, or replaces those of the same id, in one transaction. Which of their
// addresses are dead, and which channels they have left, is the ledger's own knowledge: it forgets none
// and takes none.
func (l *Ledger) PutRecipients(ctx context.Context, rs []audience.Recipient) error {
	return l.write(ctx, "writing recipients", func(t tx) error {
		var batch int64
		if err := t.scan(`SELECT `+lastBatch, nil, &batch); err != nil {
			return err
		}
		for i := range rs {
			r := &rs[i]
			err := t.exec(`INSERT INTO recipients (id, name, locale, zone, addresses, preferences, consents, services, regions, segments, own_values, readdressed)
				VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
				ON CONFLICT (id) DO UPDATE SET name=excluded.name, locale=excluded.locale, zone=excluded.zone,
					addresses=excluded.addresses, preferences=excluded.preferences, consents=excluded.consents,
					services=excluded.services, regions=excluded.regions, segments=excluded.segments, own_values=excluded.own_values, deleted=0,
					readdressed=CASE WHEN addresses = excluded.addresses THEN readdressed ELSE excluded.readdressed END`,
				r.ID, r.Name, r.Locale, r.Zone, rows.JoinAddresses(r.Addresses), rows.Join(r.Preferences), rows.Join(r.Consents),
				rows.Join(r.Services), rows.Join(r.Regions), rows.Join(r.Segments), rows.JoinValues(r.Values), batch)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

const recipientColumns = `number, id, name, locale, zone, addresses, preferences, consents, services, regions, segments, own_values, dead, withdrawn`

// qualified are the same columns, of r.
const qualified = `r.number, r.id, r.name, r.locale, r.zone, r.addresses, r.preferences, r.consents, r.services, r.regions, r.segments, r.own_values, r.dead, r.withdrawn`

func (l *Ledger) scanRecipient(row *sql.Rows) (ledger.Recipient, error) {
	var r ledger.Recipient
	var addresses, preferences, consents, services, regions, segments, values, dead, withdrawn string
	err := row.Scan(&r.Number, &r.ID, &r.Name, &r.Locale, &r.Zone, &addresses, &preferences, &consents, &services, &regions, &segments, &values, &dead, &withdrawn)
	r.Addresses = rows.SplitAddresses(addresses)
	r.Dead = rows.StillDead(dead, r.Addresses)
	r.Withdrawn = rows.SplitWithdrawn(withdrawn)
	r.Preferences, r.Consents = l.words.Split(preferences), rows.Standing(l.words.Split(consents), r.Withdrawn)
	r.Services, r.Regions, r.Segments = l.words.Split(services), l.words.Split(regions), l.words.Split(segments)
	r.Values = rows.SplitValues(values)
	return r, err
}

// Recipient returns the recipient with an id, or ledger.ErrNotFound.
func (l *Ledger) Recipient(ctx context.Context, id string) (audience.Recipient, error) {
	rs, err := collect(ctx, l.reader, l.scanRecipient,
		`SELECT `+recipientColumns+` FROM recipients WHERE id = ? AND deleted = 0`, id)
	if err == nil && len(rs) == 0 {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return audience.Recipient{}, err
	}
	return rs[0].Recipient, nil
}

// RecipientsAfter returns up to limit recipients numbered above after and up to until, in order of
// their numbers. If ids is not empty, only those are considered.
func (l *Ledger) RecipientsAfter(ctx context.Context, after, until int64, limit int, ids []string) ([]ledger.Recipient, error) {
	if len(ids) == 0 {
		return collectUpTo(ctx, l.reader, limit, l.scanRecipient, `SELECT `+recipientColumns+` FROM recipients
			WHERE number > ? AND number <= ? AND deleted = 0 ORDER BY number LIMIT ?`, after, until, limit)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return collect(ctx, l.reader, l.scanRecipient, `SELECT `+recipientColumns+` FROM recipients
		WHERE id IN (SELECT value FROM json_each(?)) AND number > ? AND number <= ? AND deleted = 0
		ORDER BY number LIMIT ?`, string(list), after, until, limit)
}

// UnreachedAfter is RecipientsAfter among those whom an update did not reach.
func (l *Ledger) UnreachedAfter(ctx context.Context, update, after, until int64, limit int) ([]ledger.Recipient, error) {
	return collect(ctx, l.reader, l.scanRecipient, `SELECT `+qualified+` FROM notifications n JOIN recipients r ON r.number = n.recipient
		WHERE n.update_id = ? AND n.outcome = 2 AND n.recipient > ? AND n.recipient <= ? AND r.deleted = 0 ORDER BY n.recipient LIMIT ?`, update, after, until, limit)
}

// UnknownRecipients returns those of the ids that nobody has who was in the directory when its last number
// was until, and still is.
func (l *Ledger) UnknownRecipients(ctx context.Context, ids []string, until int64) ([]string, error) {
	list, err := json.Marshal(append([]string{}, ids...))
	if err != nil {
		return nil, err
	}
	return collect(ctx, l.reader, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) },
		`SELECT DISTINCT value FROM json_each(?) WHERE NOT EXISTS
			(SELECT 1 FROM recipients r WHERE r.id = value AND r.number <= ? AND r.deleted = 0) ORDER BY value`, string(list), until)
}

// RecipientsByNumber returns the recipients with the numbers given, those deleted left out, in
// order of their numbers.
func (l *Ledger) RecipientsByNumber(ctx context.Context, numbers []int64) ([]ledger.Recipient, error) {
	return collect(ctx, l.reader, l.scanRecipient, `SELECT `+recipientColumns+` FROM recipients
		WHERE number IN (SELECT value FROM json_each(?)) AND deleted = 0 ORDER BY number`, jsonInts(numbers))
}

// DeleteRecipient removes everything known of a recipient but the id and the number, to which past
// notifications refer, and the channels that they have left: should they be imported again, those stay
// left.
func (l *Ledger) DeleteRecipient(ctx context.Context, id string) error {
	return l.write(ctx, "deleting a recipient", func(t tx) error {
		res, err := t.result(`UPDATE recipients SET name='', locale='', zone='', addresses='', preferences='', consents='',
			services='', regions='', segments='', own_values='', dead='', deleted=1 WHERE id = ? AND deleted = 0`, id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ledger.ErrNotFound)
		}
		return nil
	})
}

// CountRecipients counts the customers in the directory; public accounts are not customers.
func (l *Ledger) CountRecipients(ctx context.Context) (int64, error) {
	var n int64
	err := l.reader.QueryRowContext(ctx, `SELECT count(*) FROM recipients WHERE deleted = 0 AND id NOT GLOB 'account:*'`).Scan(&n)
	return n, err
}

// jsonInts writes ids as a JSON array, for json_each.
func jsonInts(ids []int64) string {
	if len(ids) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(ids) // integers always marshal
	return string(b)
}

// Accounts returns the ids of the public accounts in the directory.
func (l *Ledger) Accounts(ctx context.Context) ([]string, error) {
	return collect(ctx, l.reader, func(rows *sql.Rows) (string, error) {
		var id string
		return id, rows.Scan(&id)
	}, `SELECT id FROM recipients WHERE id GLOB 'account:*' AND deleted = 0 ORDER BY id`)
}
