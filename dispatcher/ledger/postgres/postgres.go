// Package postgres keeps the ledger in PostgreSQL (15 or later), for when one machine is not enough:
// any number of processes use it at once.
//
// # What is locked
//
// Every write is one transaction at READ COMMITTED; what SQLite has by its single writer is had here
// by guards and row locks. Rows are locked in one order everywhere, which keeps transactions from
// waiting for each other in a circle: the order, the team, incidents, notifications by id, updates,
// tallies, then the rest; and at the very end the head of the trail.
//
//   - A page of planning moves the update's cursor first, on the condition that it stands where the
//     page begins: a second planner waits for the first, and is then refused with ledger.ErrConflict.
//   - A fold writes all its notifications by one statement, on the condition of their versions; fewer
//     rows than were given is ledger.ErrConflict, and nothing of the fold is kept.
//   - Updates of one team are recorded and approved one after the other (advisory lock on the team), so
//     that ids of updates ascend within an incident as they were folded, and incidents that are merged
//     into each other at once never end in a circle.
//   - An operator's order holds its own id (advisory lock), so that it is carried out once wherever it
//     comes, then team, incident and updates: what it finds is so until it is carried out. A page that is
//     being committed comes before a cancellation or is refused after it with ledger.ErrConflict; a pause
//     refuses none.
//   - Whoever spends locks the incident first: what two publishers ask for at once is never beyond the
//     cap together, and a batch that both ask for is counted once.
//   - One at a time adds to the directory (advisory lock), so that recipients' numbers ascend as they
//     are committed: everybody up to the number at which an audience ends is there when planning begins.
//   - Folds lock the recipients whose addresses they remember as dead; where an import of the same
//     people gets into their way, one of the two is given up and tried again.
//   - Whoever appends to the trail locks its head, last of all: who holds it waits for nothing but the
//     commit, so that it is in no circle, and entries become readable in the order of their numbers.
//   - Ids of notifications, batches and early receipts come from sequences, in blocks without gaps,
//     taken before the transaction: within a page they ascend in the order of sending.
//
// A transaction that PostgreSQL gives up for the sake of another (deadlock, serialization failure,
// two that insert the same key) is tried again, a few times. A connection that is lost is an error to
// the caller, who reads again: every write may be repeated without changing more than once.
//
// # Ids and partitions
//
// The tables that grow with messages are partitioned by week. Their ids are the week (counted from
// Monday, 2001-01-01, UTC, by the time that the write was given) in the high bits over 40 bits of a
// sequence. So ids ascend, a look-up by id goes to one partition, and a partition is exactly a week.
// Ids stay below 2^53, which JSON's readers keep exact, until the year 2157. Attempts and providers'
// ids are in the week of their notification. The week under way and the next are made when the ledger
// is opened, and a week's successor when the week is first written to, by whoever comes first.
//
// [Ledger.Retain] drops weeks whose updates have all ended, and of whose incidents nothing was said since;
// their reports are kept, their rows not. An update of which some weeks were dropped is marked.
// Looking up a receipt by the provider's id goes through all weeks that there are.
//
// # What is expected of the server
//
// fsync, full_page_writes and synchronous_commit on, which is how PostgreSQL comes: what was
// acknowledged must survive the loss of power. A session that finds synchronous_commit off turns it
// on for itself; fsync is the server's alone. With standbys that may be promoted, set
// synchronous_standby_names, or what was told to customers in the last moments may be told twice. The
// encoding is UTF8; the user owns the schema, since it makes the partitions. Connections go to the
// server itself or to a pooler in session mode: advisory locks and prepared statements are the
// session's.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/internal/rows"
)

// Ledger is a ledger in a PostgreSQL database. It is safe for concurrent use.
type Ledger struct {
	pool     *pgxpool.Pool
	words    rows.Words
	cascades rows.Cascades
	weeks    weeks
	readOnly bool

	// fullSince is when the server last had no room, in nanoseconds since 1970; 0 once something was written.
	fullSince atomic.Int64
}

const (
	// connections is the pool's size where the URL names none (pool_max_conns).
	connections = 10
	// connectTimeout bounds a connection's making where the URL does not (connect_timeout).
	connectTimeout = 10 * time.Second
)

// Open opens the ledger in the database at url (postgres://user:password@host:port/database, with the
// parameters of libpq and pgxpool), bringing its schema up to date. It makes at least one connection.
func Open(ctx context.Context, url string) (*Ledger, error) {
	cfg, err := configure(url)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	l := &Ledger{pool: pool}
	if err := l.prepare(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("opening ledger: %w", named(err))
	}
	return l, nil
}

// prepare brings the database into the state that the rest relies on.
func (l *Ledger) prepare(ctx context.Context) error {
	if err := checkEncoding(ctx, l.pool); err != nil {
		return err
	}
	if _, _, err := migrate(ctx, l.pool); err != nil {
		return err
	}
	now := weekOf(time.Now())
	return l.openWeeks(ctx, now, now+1)
}

// OpenReadOnly opens the ledger in the database at url for reading beside whoever writes it; a user who
// may only read will do. It creates nothing and changes nothing: writes fail with ledger.ErrReadOnly, and
// a schema that is not this program's is an error.
func OpenReadOnly(ctx context.Context, url string) (*Ledger, error) {
	cfg, err := configured(url, readingSettings())
	if err != nil {
		return nil, fmt.Errorf("opening ledger: ledger.url %w", err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	if err := current(ctx, pool); err != nil {
		pool.Close()
		return nil, fmt.Errorf("opening ledger: %w", named(err))
	}
	return &Ledger{pool: pool, readOnly: true}, nil
}

// CheckURL says what is wrong with a ledger's URL, without contacting anything or repeating the
// password.
func CheckURL(url string) error {
	_, err := configure(url)
	return err
}

func configure(address string) (*pgxpool.Config, error) {
	return configured(address, sessionSettings())
}

func configured(address string, settings map[string]string) (*pgxpool.Config, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, errors.New("is not a URL of the form postgres://user:password@host:port/database") // err would repeat the password
	}
	cfg, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("is not understood: %w", err) // pgx hides the password
	}
	if !u.Query().Has("pool_max_conns") {
		cfg.MaxConns = connections
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	if _, given := cfg.ConnConfig.RuntimeParams["application_name"]; !given {
		cfg.ConnConfig.RuntimeParams["application_name"] = "tocsin"
	}
	var names, values []string
	for name, value := range settings {
		if _, given := cfg.ConnConfig.RuntimeParams[name]; !given {
			names, values = append(names, name), append(values, value)
		}
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return settle(ctx, conn, names, values) }
	return cfg, nil
}

// sessionSettings are set where the URL doesn't say otherwise.
func sessionSettings() map[string]string {
	return map[string]string{
		// A plan made while a new week's partition was empty is a bad one an hour later.
		"plan_cache_mode": "force_custom_plan",
		// Compiling costs more than any of our statements takes.
		"jit": "off",
		// A process that stands still in the middle of a transaction holds up all others.
		"idle_in_transaction_session_timeout": "60s",
	}
}

// readingSettings are those of a session that only reads. It holds nobody up, and what it reads for may
// stop now and then: a person who looks at it page by page.
func readingSettings() map[string]string {
	s := sessionSettings()
	s["default_transaction_read_only"] = "on"
	s["idle_in_transaction_session_timeout"] = "10min"
	return s
}

// settle prepares a session. Settings are made after connecting, since poolers refuse them before; one
// is for durability: a session waits for the disk where the server's configuration would not.
func settle(ctx context.Context, conn *pgx.Conn, names, values []string) error {
	_, err := conn.Exec(ctx, `SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS x (name, value)
		UNION ALL SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`, names, values)
	return err
}

func checkEncoding(ctx context.Context, q querier) error {
	var encoding string
	if err := q.QueryRow(ctx, `SHOW server_encoding`).Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s, and names are in any script: make one with `createdb --encoding UTF8 --template template0`", encoding)
	}
	return nil
}

// Describe names the database at url, for people, without a password.
func Describe(url string) string {
	cfg, err := configure(url)
	if err != nil {
		return "PostgreSQL"
	}
	c := cfg.ConnConfig
	host := c.Host
	if !strings.HasPrefix(host, "/") { // else the directory of a Unix socket
		host = fmt.Sprintf("%s:%d", host, c.Port)
	}
	return fmt.Sprintf("PostgreSQL, database %s at %s", c.Database, host)
}

// Host is the host in a ledger's URL, "" where there is none.
func Host(url string) string {
	cfg, err := configure(url)
	if err != nil {
		return ""
	}
	return cfg.ConnConfig.Host
}

// Close waits for what is under way and closes all connections.
func (l *Ledger) Close() error {
	l.pool.Close()
	return nil
}

// stillFull is how long a refusal for want of room speaks for itself: whoever needs to write tries
// again more often than this.
const stillFull = 30 * time.Second

// Ping checks that the database answers, and that it had room when something was written last.
func (l *Ledger) Ping(ctx context.Context) error {
	if at := l.fullSince.Load(); at != 0 && time.Since(time.Unix(0, at)) < stillFull {
		return ledger.ErrFull
	}
	return named(l.pool.Ping(ctx))
}

// Identity is what tells the ledger from every other: 32 characters, made once.
func (l *Ledger) Identity(ctx context.Context) (id string, err error) {
	return id, named(l.pool.QueryRow(ctx, `SELECT id FROM identity`).Scan(&id))
}
