package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// RecordForecast keeps an update's forecast, once: what was made first stays. The error is
// ledger.ErrNotFound if there is no such update.
func (l *Ledger) RecordForecast(ctx context.Context, update int64, forecast []byte) error {
	return l.write(ctx, "keeping a forecast", func(t tx) error {
		res, err := t.result(`UPDATE updates SET forecast = CASE forecast WHEN '' THEN ? ELSE forecast END WHERE id = ?`, string(forecast), update)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return ledger.ErrNotFound
	})
}

// Forecast returns an update's forecast as it was recorded, empty if there is none yet; ledger.ErrNotFound
// if there is no such update.
func (l *Ledger) Forecast(ctx context.Context, update int64) (forecast []byte, err error) {
	err = l.reader.QueryRowContext(ctx, `SELECT forecast FROM updates WHERE id = ?`, update).Scan(&forecast)
	if errors.Is(err, sql.ErrNoRows) {
		err = ledger.ErrNotFound
	}
	return forecast, err
}

// NextToForecast returns an update that has no forecast yet: one that is held, or one that is planned already
// (so that it takes nothing from planning) and came after since. It is the oldest after the one numbered
// after, or else the oldest, of the newest ledger.ForecastsAmong. It returns ledger.ErrNotFound if there is none.
func (l *Ledger) NextToForecast(ctx context.Context, after int64, since time.Time) (ledger.Update, error) {
	us, err := collect(ctx, l.reader, scanUpdate, `SELECT `+updateColumns+` FROM updates
		WHERE id > (SELECT coalesce(max(id), 0) FROM updates) - ? AND forecast = ''
			AND (state IN ('held', 'sending') OR state = 'closed' AND received_at >= ?)
		ORDER BY id <= ?, id LIMIT 1`, ledger.ForecastsAmong, ms(since), after)
	if err == nil && len(us) == 0 {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return ledger.Update{}, err
	}
	return us[0], nil
}

// belowOf are an incident, by its key, and those merged into it, by row.
const belowOf = `WITH RECURSIVE root (id) AS (SELECT id FROM incidents WHERE team = ?1 AND incident = ?2),
	below (id) AS (SELECT id FROM root UNION SELECT i.id FROM incidents i JOIN below b ON i.parent = b.id) `

// PastOf returns what Past would of an update that is yet to come, which corrects an event where corrects
// names one.
func (l *Ledger) PastOf(ctx context.Context, team, key, corrects string) (ledger.Past, error) {
	var p ledger.Past
	var err error
	p.Updates, err = collect(ctx, l.reader, scanPast, belowOf+`SELECT o.id, o.incident NOT IN (SELECT id FROM root), `+dateOf+` FROM updates o
		WHERE o.incident IN (SELECT id FROM below) AND o.audience > 0
			AND (?3 = '' OR o.event_id = ?3 AND o.incident IN (SELECT id FROM root)) ORDER BY o.id DESC`, team, key, corrects)
	if err != nil {
		return p, err
	}
	children, err := collect(ctx, l.reader, func(rows *sql.Rows) (incident.Incident, error) {
		var i incident.Incident
		var value string
		if err := rows.Scan(&value); err != nil {
			return i, err
		}
		return i, json.Unmarshal([]byte(value), &i)
	}, belowOf+`SELECT value FROM incidents WHERE id IN (SELECT id FROM below) AND id NOT IN (SELECT id FROM root) ORDER BY id`, team, key)
	p.Affects = ledger.AffectedBy(children)
	return p, err
}
