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
	sources := p.ListSources()
	newest := sources[len(sources)-1].Version
	if from, err = schemaVersion(ctx, pool); err != nil || from >= newest {
		return from, from, err
	}
	if _, err = p.Up(ctx); err != nil {
		return from, from, err
	}
	return from, newest, nil
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
