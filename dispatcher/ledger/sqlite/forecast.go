package sqlite

import (
	"context"
	"database/sql"
	"errors"

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
