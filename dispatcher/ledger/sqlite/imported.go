package sqlite

import (
	"context"
	"time"
)

// NoteImport notes that a directory file was imported to its end.
func (l *Ledger) NoteImport(ctx context.Context, at time.Time) error {
	return l.write(ctx, "noting an import", func(t tx) error {
		return t.exec(`UPDATE directory SET imported_at = max(imported_at, ?)`, ms(at))
	})
}

// Imported is when a directory file was last imported to its end, zero if that is not known.
func (l *Ledger) Imported(ctx context.Context) (time.Time, error) {
	var at int64
	err := l.reader.QueryRowContext(ctx, `SELECT imported_at FROM directory`).Scan(&at)
	return fromMS(at), err
}
