package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Advisory locks have a class each, beside that of take_ids in the schema, and a key within it.
const (
	idsLock       = 1953457010
	directoryLock = iota + idsLock
	weeksLock
	teamLock
	orderLock
	providerLock
)

// querier is a pool of connections, or a transaction.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
}

// tx is a transaction under way.
type tx struct {
	ctx context.Context
	pgx.Tx
}

const (
	// tries is how often a transaction is tried that others keep from its end.
	tries = 8
	// firstPause is waited before the second try, twice as long before each further one, give or
	// take a half so that the same two don't meet again.
	firstPause = 5 * time.Millisecond
)

// write runs f in a transaction, again if it was given up for the sake of another; f must not mind.
// weeks are those that it writes to: their partitions are made if need be. what says what is being
// done, for errors.
func (l *Ledger) write(ctx context.Context, what string, weeks []int64, f func(tx) error) error {
	if l.readOnly {
		return fmt.Errorf("ledger: %s: %w", what, ledger.ErrReadOnly)
	}
	err := l.attempt(ctx, weeks, f)
	for try := 1; try < tries && retryable(err); try++ {
		if code(err) == checkViolation {
			l.weeks.forget() // a week that we knew of was dropped
		}
		if pause(ctx, firstPause<<(try-1)) != nil {
			break
		}
		err = l.attempt(ctx, weeks, f)
	}
	if err = named(err); err != nil {
		if errors.Is(err, ledger.ErrFull) {
			l.fullSince.Store(time.Now().UnixNano())
		}
		return fmt.Errorf("ledger: %s: %w", what, err)
	}
	l.fullSince.Store(0)
	return nil
}

func (l *Ledger) attempt(ctx context.Context, weeks []int64, f func(tx) error) error {
	if err := l.openWeeks(ctx, weeks...); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, l.pool, func(t pgx.Tx) error { return f(tx{ctx, t}) })
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t tx) exec(query string, args ...any) error {
	_, err := t.Exec(t.ctx, query, args...)
	return err
}

// changed runs a statement and returns how many rows it has changed.
func (t tx) changed(query string, args ...any) (int64, error) {
	tag, err := t.Exec(t.ctx, query, args...)
	return tag.RowsAffected(), err
}

// scan reads the first row of a query into dest; pgx.ErrNoRows where there is none.
func (t tx) scan(query string, args []any, dest ...any) error {
	return t.QueryRow(t.ctx, query, args...).Scan(dest...)
}

// lock takes an advisory lock until the transaction's end. Keys may collide: then two wait for each
// other that needn't.
func (t tx) lock(class int, key string) error {
	return t.exec(`SELECT pg_advisory_xact_lock($1::integer, hashtext($2))`, class, key)
}

// takeIDs takes n consecutive ids of a week and returns the first.
func (l *Ledger) takeIDs(ctx context.Context, sequence string, week int64, n int) (first int64, err error) {
	if n == 0 || l.readOnly { // then the write is what says so
		return 0, nil
	}
	err = l.pool.QueryRow(ctx, `SELECT take_ids($1::text::regclass, $2)`, sequence, n).Scan(&first)
	return firstID(week) + first, named(err)
}

// collect reads all rows of a query.
func collect[T any](ctx context.Context, q querier, scan func(pgx.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, named(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, named(rows.Err())
}

// scalar reads the one column of a row.
func scalar[T any](row pgx.Rows) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMS(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}

// text makes of what others have written a text that PostgreSQL takes: it refuses NUL and what is not
// UTF-8, and a receipt must not be refused for ever because of a provider's odd code.
func text(s string) string {
	const replacement = "\uFFFD"
	return strings.ReplaceAll(strings.ToValidUTF8(s, replacement), "\x00", replacement)
}

func texts(list []string) []string {
	clean := make([]string, len(list))
	for i, s := range list {
		clean[i] = text(s)
	}
	return clean
}

// span is the least and the greatest id of a list that need not be sorted: said beside a list, it
// tells PostgreSQL which partitions to leave alone.
func span(ids []int64) (first, last int64) {
	for i, id := range ids {
		if i == 0 || id < first {
			first = id
		}
		last = max(last, id)
	}
	return first, last
}
