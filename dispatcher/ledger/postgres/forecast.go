package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

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
