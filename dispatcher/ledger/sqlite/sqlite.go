// Package sqlite keeps the ledger in one SQLite file: the default, for one machine. It needs no
// server and survives the loss of power (write-ahead log, synchronous=FULL).
//
// Writes go through one connection, in transactions of hundreds to thousands of rows; reads have
// connections of their own and never block a writer.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options tune the store.
type Options struct {
	// MaxBytes bounds the file; 0 is no bound. At the bound writes fail with ledger.ErrFull.
	MaxBytes int64

	readOnly bool
}

// Ledger is a ledger in a SQLite file. It is safe for concurrent use.
type Ledger struct {
	writer, reader *sql.DB
	words          rows.Words
	cascades       rows.Cascades

	// fullSince is when the file last had no room, in nanoseconds since 1970; 0 once something was written.
	fullSince atomic.Int64

	mu         sync.Mutex // held by the transaction under way
	conn       *sql.Conn  // the only one that writes
	statements map[string]*sql.Stmt
}

const pageSize = 8192

// Open opens the ledger at path, creating it if need be and bringing its schema up to date.
func Open(ctx context.Context, path string, o Options) (*Ledger, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	writer, err := open(path, o, 1, 16<<10)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, writer); err != nil {
		return nil, errors.Join(fmt.Errorf("opening ledger %s: %w", path, full(err)), writer.Close())
	}
	conn, err := writer.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening ledger %s: %w", path, err), writer.Close())
	}
	reader, err := open(path, o, 4, 4<<10)
	if err != nil {
		return nil, errors.Join(err, conn.Close(), writer.Close())
	}
	l := &Ledger{writer: writer, reader: reader, conn: conn, statements: map[string]*sql.Stmt{}}
	return l, nil
}

// private makes the file, if there is none, readable by its owner only: it holds addresses, and
// the directory may be open to others. SQLite gives the files beside it the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// OpenReadOnly opens the ledger at path for reading beside whoever writes it, or while nobody does.
// It creates nothing and changes nothing: writes fail, and a schema that is not this program's is an
// error.
func OpenReadOnly(ctx context.Context, path string) (*Ledger, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	reader, err := open(path, Options{readOnly: true}, 2, 16<<10)
	if err != nil {
		return nil, err
	}
	if err := current(ctx, reader); err != nil {
		return nil, errors.Join(fmt.Errorf("opening ledger %s: %w", path, err), reader.Close())
	}
	return &Ledger{reader: reader}, nil
}

// current fails if the schema is older or newer than this program's.
func current(ctx context.Context, db *sql.DB) error {
	p, err := provider(db)
	if err != nil {
		return err
	}
	all := p.ListSources()
	want := all[len(all)-1].Version
	var is int64
	// Asked without goose, which would create its table where there is none.
	if err := db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&is); err != nil {
		return fmt.Errorf("it is no ledger: %w", err)
	}
	if is != want {
		return ledger.OtherSchema(is, want)
	}
	return nil
}

// open opens a pool of connections, each with a page cache of so many KiB.
func open(path string, o Options, connections, cacheKiB int) (*sql.DB, error) {
	q := url.Values{}
	if o.readOnly {
		q.Set("mode", "ro")
	}
	for _, p := range []string{
		fmt.Sprintf("page_size(%d)", pageSize), "synchronous(FULL)",
		"busy_timeout(10000)", "foreign_keys(OFF)", "temp_store(MEMORY)", fmt.Sprintf("cache_size(-%d)", cacheKiB),
	} {
		q.Add("_pragma", p)
	}
	if o.MaxBytes > 0 {
		q.Add("_pragma", fmt.Sprintf("max_page_count(%d)", o.MaxBytes/pageSize))
	}
	q.Set("_journal_mode", "WAL") // by its own parameter, which comes after all pragmas: the page size can't change later
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening ledger %s: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Migrate brings the schema of the ledger at path up to date, creating it if need be, and returns the
// versions before and after; 0 is a ledger that was not there.
func Migrate(ctx context.Context, path string, o Options) (from, to int64, err error) {
	if err := private(path); err != nil {
		return 0, 0, fmt.Errorf("migrating ledger: %w", err)
	}
	db, err := open(path, o, 1, 4<<10)
	if err != nil {
		return 0, 0, err
	}
	p, err := provider(db)
	if err == nil {
		from, err = p.GetDBVersion(ctx)
	}
	if err == nil {
		_, err = p.Up(ctx)
	}
	if err == nil {
		to, err = p.GetDBVersion(ctx)
	}
	if err != nil {
		err = fmt.Errorf("migrating ledger %s: %w", path, full(err))
	}
	return from, to, errors.Join(err, db.Close())
}

func migrate(ctx context.Context, db *sql.DB) error {
	p, err := provider(db)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files)
}

// Close closes the file.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := []error{l.reader.Close()}
	for _, s := range l.statements {
		errs = append(errs, s.Close())
	}
	if l.writer != nil {
		errs = append(errs, l.conn.Close(), l.writer.Close())
	}
	return errors.Join(errs...)
}

// stillFull is how long a refusal for want of room speaks for itself: whoever needs to write tries
// again more often than this.
const stillFull = 30 * time.Second

// Ping checks that the ledger answers, and that it had room when something was written last.
func (l *Ledger) Ping(ctx context.Context) error {
	if at := l.fullSince.Load(); at != 0 && time.Since(time.Unix(0, at)) < stillFull {
		return ledger.ErrFull
	}
	return l.reader.PingContext(ctx)
}

// Identity is what tells the ledger from every other: 32 characters, made once.
func (l *Ledger) Identity(ctx context.Context) (id string, err error) {
	return id, l.reader.QueryRowContext(ctx, `SELECT id FROM identity`).Scan(&id)
}

// write runs f in a transaction. what says what is being done, for errors.
func (l *Ledger) write(ctx context.Context, what string, f func(tx) error) error {
	if l.writer == nil {
		return fmt.Errorf("ledger: %s: %w", what, ledger.ErrReadOnly)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ledger: %s: %w", what, err)
	}
	// A transaction that has begun is brought to its end: it is short, and to have each of its
	// thousands of statements watch for the end of ctx costs the driver a goroutine a time.
	t := tx{context.WithoutCancel(ctx), l}
	err := t.exec("BEGIN IMMEDIATE")
	if err == nil {
		if err = f(t); err == nil {
			err = t.exec("COMMIT")
		}
	}
	if err != nil {
		// Fails where there is no transaction, or SQLite has rolled back by itself; the error that
		// matters is the first.
		_ = t.exec("ROLLBACK")
		if err = full(err); errors.Is(err, ledger.ErrFull) {
			l.fullSince.Store(time.Now().UnixNano())
		}
		return fmt.Errorf("ledger: %s: %w", what, err)
	}
	l.fullSince.Store(0)
	return nil
}

// full names the one storage error that has a remedy of its own.
func full(err error) error {
	if e, ok := errors.AsType[*driver.Error](err); ok && e.Code()&0xff == sqlitelib.SQLITE_FULL {
		return fmt.Errorf("%w (free disk space, or raise ledger.max_bytes): %w", ledger.ErrFull, err)
	}
	return err
}

// tx is the transaction under way, on the writer's connection, with statements prepared once.
type tx struct {
	ctx context.Context
	l   *Ledger
}

func (t tx) prepare(query string) (*sql.Stmt, error) {
	if s := t.l.statements[query]; s != nil {
		return s, nil
	}
	s, err := t.l.conn.PrepareContext(t.ctx, query)
	if err == nil {
		t.l.statements[query] = s
	}
	return s, err
}

func (t tx) exec(query string, args ...any) error {
	_, err := t.result(query, args...)
	return err
}

func (t tx) result(query string, args ...any) (sql.Result, error) {
	s, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(t.ctx, args...)
}

// scan reads the first row of a query into dest; sql.ErrNoRows where there is none.
func (t tx) scan(query string, args []any, dest ...any) error {
	s, err := t.prepare(query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(t.ctx, args...).Scan(dest...)
}

// QueryContext lets collect read within the transaction.
func (t tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// querier is what rows are read through: a pool, a transaction.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// collect reads all rows of a query.
func collect[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	return collectUpTo(ctx, q, 0, scan, query, args...)
}

// most bounds the rows that memory is taken for before they are there.
const most = 1 << 13

// collectUpTo reads all rows of a query, of which there are most likely about as many as expected.
func collectUpTo[T any](ctx context.Context, q querier, expected int, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := slices.Grow([]T(nil), min(expected, most))
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
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
