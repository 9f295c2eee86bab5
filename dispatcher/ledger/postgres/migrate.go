package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations wait for each other by polling: every second, for ten minutes.
const (
	lockPollSeconds = 1
	lockPolls       = 600
)

// Migrate brings the schema in the database at url up to date and returns the versions before and
// after; 0 is an empty database. Several processes may do so at once.
func Migrate(ctx context.Context, url string) (from, to int64, err error) {
	cfg, err := configure(url)
	if err != nil {
		return 0, 0, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return 0, 0, fmt.Errorf("migrating the ledger: %w", err)
	}
	defer pool.Close()
	if err = checkEncoding(ctx, pool); err == nil {
		from, to, err = migrate(ctx, pool)
	}
	if err != nil {
		return from, to, fmt.Errorf("migrating the ledger: %w", named(err))
	}
	return from, to, nil
}

// migrate takes the migrations' lock only where there is something to do.
func migrate(ctx context.Context, pool *pgxpool.Pool) (from, to int64, err error) {
	db := stdlib.OpenDBFromPool(pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPollSeconds, lockPolls))
	if err != nil {
		return 0, 0, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return 0, 0, err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return 0, 0, err
	}
	newest, err := newestVersion()
	if err != nil {
		return 0, 0, err
	}
	if from, err = schemaVersion(ctx, pool); err != nil || from >= newest {
		return from, from, err
	}
	if _, err = p.Up(ctx); err != nil {
		return from, from, err
	}
	return from, newest, nil
}

// newestVersion is the version of the last migration that this program has.
func newestVersion() (newest int64, err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range files {
		var v int64
		if v, err = goose.NumericComponent(name); err != nil {
			break
		}
		newest = max(newest, v)
	}
	return newest, err
}

// current fails if the schema is older or newer than this program's.
func current(ctx context.Context, q querier) error {
	want, err := newestVersion()
	if err != nil {
		return err
	}
	is, err := schemaVersion(ctx, q)
	switch {
	case err != nil:
		return err
	case is == 0:
		return errors.New("it is no ledger: run `tocsin migrate`, or check ledger.url")
	case is != want:
		return ledger.OtherSchema(is, want)
	}
	return nil
}

// schemaVersion is the version of the last migration that a database has seen, 0 for an empty one.
func schemaVersion(ctx context.Context, q querier) (version int64, err error) {
	var known bool
	if err := q.QueryRow(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&known); err != nil || !known {
		return 0, err
	}
	err = q.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	return version, err
}
