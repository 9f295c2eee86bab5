package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// RecordForecast keeps an update's forecast, once: what was made first stays. The error is
// ledger.ErrNotFound if there is no such update.
func (l *Ledger) RecordForecast(ctx context.Context, update int64, forecast []byte) error {
	return l.write(ctx, "keeping a forecast", nil, func(t tx) error {
		n, err := t.changed(`UPDATE updates SET forecast = CASE forecast WHEN '' THEN $1 ELSE forecast END WHERE id = $2`, text(string(forecast)), update)
		if err == nil && n == 0 {
			err = ledger.ErrNotFound
		}
		return err
	})
}

// Forecast returns an update's forecast as it was recorded, empty if there is none yet; ledger.ErrNotFound
// if there is no such update.
func (l *Ledger) Forecast(ctx context.Context, update int64) (forecast []byte, err error) {
	err = l.pool.QueryRow(ctx, `SELECT forecast FROM updates WHERE id = $1`, update).Scan(&forecast)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ledger.ErrNotFound
	}
	return forecast, named(err)
}

// NextToForecast returns an update that has no forecast yet: one that is held, or one that is planned already
// (so that it takes nothing from planning) and came after since. It is the oldest after the one numbered
// after, or else the oldest, of the newest ledger.ForecastsAmong. It returns ledger.ErrNotFound if there is none.
func (l *Ledger) NextToForecast(ctx context.Context, after int64, since time.Time) (ledger.Update, error) {
	return one(collect(ctx, l.pool, scanUpdate, `SELECT `+updateColumns+` FROM updates
		WHERE id > (SELECT coalesce(max(id), 0) FROM updates) - $1 AND forecast = ''
			AND (state IN ('held', 'sending') OR state = 'closed' AND received_at >= $2)
		ORDER BY id <= $3, id LIMIT 1`, ledger.ForecastsAmong, ms(since), after))
}

// belowOf are an incident, by its key, and those merged into it, by row.
const belowOf = `WITH RECURSIVE root (id) AS (SELECT id FROM incidents WHERE team = $1 AND incident = $2),
	below (id) AS (SELECT id FROM root UNION SELECT i.id FROM incidents i JOIN below b ON i.parent = b.id AND i.parent <> 0) `

// PastOf returns what Past would of an update that is yet to come, which corrects an event where corrects
// names one.
func (l *Ledger) PastOf(ctx context.Context, team, key, corrects string) (ledger.Past, error) {
	var p ledger.Past
	var err error
	p.Updates, err = collect(ctx, l.pool, scanPast, belowOf+`SELECT o.id, o.incident NOT IN (SELECT id FROM root), `+dateOf+` FROM updates o
		WHERE o.incident IN (SELECT id FROM below) AND o.audience > 0
			AND ($3 = '' OR o.event_id = $3 AND o.incident IN (SELECT id FROM root)) ORDER BY o.id DESC`, team, key, corrects)
	if err != nil {
		return p, err
	}
	children, err := collect(ctx, l.pool, func(row pgx.Rows) (incident.Incident, error) {
		var i incident.Incident
		var value []byte
		if err := row.Scan(&value); err != nil {
			return i, err
		}
		return i, json.Unmarshal(value, &i)
	}, belowOf+`SELECT value FROM incidents WHERE id IN (SELECT id FROM below) AND id NOT IN (SELECT id FROM root) ORDER BY id`, team, key)
	p.Affects = ledger.AffectedBy(children)
	return p, err
}
