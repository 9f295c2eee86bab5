package postgres

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
)

// PutRecipients adds recipients, or replaces those of the same id, in one transaction. New ones are
// numbered in the order given, above all who are there; of two with the same id the last holds. Which of
// their addresses are dead, and which channels they have left, is the ledger's own knowledge: it forgets
// none and takes none.
func (l *Ledger) PutRecipients(ctx context.Context, rs []audience.Recipient) error {
	if len(rs) == 0 {
		return nil
	}
	c := recipientArrays(rs)
	return l.write(ctx, "writing recipients", nil, func(t tx) error {
		if err := t.lock(directoryLock, ""); err != nil {
			return err
		}
		return t.exec(`WITH given AS (
				SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
				WITH ORDINALITY AS x (id, name, locale, zone, addresses, preferences, consents, services, regions, segments, own_values, place)),
			b AS (SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM batch_ids),
			replaced AS (
				UPDATE recipients r SET name = x.name, locale = x.locale, zone = x.zone, addresses = x.addresses, preferences = x.preferences,
					consents = x.consents, services = x.services, regions = x.regions, segments = x.segments, own_values = x.own_values, deleted = FALSE,
					readdressed = CASE WHEN r.addresses = x.addresses THEN r.readdressed ELSE b.last END
				FROM given x, b WHERE r.id = x.id RETURNING r.id)
			INSERT INTO recipients (id, name, locale, zone, addresses, preferences, consents, services, regions, segments, own_values, readdressed)
			SELECT id, name, locale, zone, addresses, preferences, consents, services, regions, segments, own_values, last
			FROM given x, b WHERE NOT EXISTS (SELECT FROM replaced WHERE replaced.id = x.id) ORDER BY place`, c[:]...)
	})
}

// recipientArrays are the columns of recipients, an array each.
func recipientArrays(rs []audience.Recipient) (columns [11]any) {
	var c [11][]string
	at := map[string]int{}
	for i := range rs {
		r := &rs[i]
		row := [11]string{
			text(r.ID), text(r.Name), text(r.Locale), text(r.Zone), text(rows.JoinAddresses(r.Addresses)), text(rows.Join(r.Preferences)),
			text(rows.Join(r.Consents)), text(rows.Join(r.Services)), text(rows.Join(r.Regions)), text(rows.Join(r.Segments)),
			text(rows.JoinValues(r.Values)),
		}
		j, again := at[row[0]]
		if !again {
			at[row[0]] = len(c[0])
		}
		for k := range c {
			if again {
				c[k][j] = row[k]
			} else {
				c[k] = append(c[k], row[k])
			}
		}
	}
	for k := range c {
		columns[k] = c[k]
	}
	return columns
}

const selectRecipients = `SELECT r.number, r.id, r.name, r.locale, r.zone, r.addresses, r.preferences, r.consents, r.services, r.regions, r.segments, r.own_values, r.dead, r.withdrawn
	FROM recipients r `

func (l *Ledger) scanRecipient(row pgx.Rows) (ledger.Recipient, error) {
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
	r, err := one(collect(ctx, l.pool, l.scanRecipient, selectRecipients+`WHERE id = $1 AND NOT deleted`, text(id)))
	return r.Recipient, err
}

// RecipientsAfter returns up to limit recipients numbered above after and up to until, in order of
// their numbers. If ids is not empty, only those are considered.
func (l *Ledger) RecipientsAfter(ctx context.Context, after, until int64, limit int, ids []string) ([]ledger.Recipient, error) {
	if len(ids) == 0 {
		return collect(ctx, l.pool, l.scanRecipient, selectRecipients+`WHERE number > $1 AND number <= $2 AND NOT deleted
			ORDER BY number LIMIT $3`, after, until, limit)
	}
	return collect(ctx, l.pool, l.scanRecipient, selectRecipients+`WHERE id = ANY($4) AND number > $1 AND number <= $2 AND NOT deleted
		ORDER BY number LIMIT $3`, after, until, limit, texts(ids))
}

// UnreachedAfter is RecipientsAfter among those whom an update did not reach.
func (l *Ledger) UnreachedAfter(ctx context.Context, update, after, until int64, limit int) ([]ledger.Recipient, error) {
	r, err := view{l.pool}.idRange(ctx, update)
	if err != nil {
		return nil, err
	}
	return collect(ctx, l.pool, l.scanRecipient, selectRecipients+`JOIN notifications n ON n.recipient = r.number
		WHERE n.update_id = $1 AND n.id BETWEEN $2 AND $3 AND n.outcome = 2 AND n.recipient > $4 AND n.recipient <= $5 AND NOT r.deleted
		ORDER BY n.recipient LIMIT $6`, update, r.first, r.last, after, until, limit)
}

// UnknownRecipients returns those of the ids that nobody has who was in the directory when its last number
// was until, and still is.
func (l *Ledger) UnknownRecipients(ctx context.Context, ids []string, until int64) ([]string, error) {
	return collect(ctx, l.pool, scalar[string], `SELECT DISTINCT x.id COLLATE "C" FROM unnest($1::text[]) AS x (id) WHERE NOT EXISTS
		(SELECT FROM recipients r WHERE r.id = x.id AND r.number <= $2 AND NOT r.deleted) ORDER BY 1`, texts(ids), until)
}

// RecipientsByNumber returns the recipients with the numbers given, those deleted left out, in
// order of their numbers.
func (l *Ledger) RecipientsByNumber(ctx context.Context, numbers []int64) ([]ledger.Recipient, error) {
	return collect(ctx, l.pool, l.scanRecipient, selectRecipients+`WHERE number = ANY($1) AND NOT deleted ORDER BY number`, numbers)
}

// DeleteRecipient removes everything known of a recipient but the id and the number, to which past
// notifications refer, and the channels that they have left: should they be imported again, those stay
// left.
func (l *Ledger) DeleteRecipient(ctx context.Context, id string) error {
	return l.write(ctx, "deleting a recipient", nil, func(t tx) error {
		n, err := t.changed(`UPDATE recipients SET name='', locale='', zone='', addresses='', preferences='', consents='',
			services='', regions='', segments='', own_values='', dead='', deleted=TRUE WHERE id = $1 AND NOT deleted`, text(id))
		if err == nil && n == 0 {
			err = ledger.ErrNotFound
		}
		return err
	})
}

// CountRecipients counts the customers in the directory; public accounts are not customers.
func (l *Ledger) CountRecipients(ctx context.Context) (n int64, err error) {
	err = l.pool.QueryRow(ctx, `SELECT count(*) FROM recipients WHERE NOT deleted AND NOT starts_with(id, $1)`, audience.AccountPrefix).Scan(&n)
	return n, named(err)
}

// Accounts returns the ids of the public accounts in the directory.
func (l *Ledger) Accounts(ctx context.Context) ([]string, error) {
	return collect(ctx, l.pool, scalar[string],
		`SELECT id FROM recipients WHERE starts_with(id, $1) AND NOT deleted ORDER BY id`, audience.AccountPrefix)
}

// Recipients yields the directory's customers in order of the recipients' numbers. It holds no view
// of the ledger: each row is as it is when it is read.
func (l *Ledger) Recipients(ctx context.Context) iter.Seq2[audience.Recipient, error] {
	return rows.Paged(func(after int64) ([]rows.Numbered[audience.Recipient], error) {
		return collect(ctx, l.pool, func(row pgx.Rows) (rows.Numbered[audience.Recipient], error) {
			r, err := l.scanRecipient(row)
			return rows.Numbered[audience.Recipient]{Number: r.Number, Row: r.Recipient}, err
		}, selectRecipients+`WHERE number > $1 AND NOT deleted AND NOT starts_with(id, $2) ORDER BY number LIMIT $3`, after, audience.AccountPrefix, rows.PerPage)
	})
}
