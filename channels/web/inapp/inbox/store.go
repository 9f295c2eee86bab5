package inbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tocsin-dev/tocsin/channels"
)

// store is the SQLite file. Times in it are seconds since 1970; it is safe for concurrent use.
type store struct {
	db *sql.DB
	// outlast returns once what was committed before it was called outlasts a loss of power too.
	outlast func() error
}

// versions are the steps from each version of the file (its user_version) to the next.
func versions() []string { return []string{firstSchema, withdrawals} }

const firstSchema = `
CREATE TABLE IF NOT EXISTS notices (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- the public id: never used again
  ref TEXT NOT NULL UNIQUE,
  customer TEXT NOT NULL,
  content TEXT NOT NULL,                 -- what the app gets, as JSON
  callback TEXT NOT NULL,
  at INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  delivered INTEGER NOT NULL DEFAULT 0,
  shown INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS notices_by_customer ON notices (customer, seq);
CREATE INDEX IF NOT EXISTS notices_by_end ON notices (expires);
CREATE TABLE IF NOT EXISTS reports (
  id INTEGER PRIMARY KEY,
  callback TEXT NOT NULL,
  body TEXT NOT NULL,
  made INTEGER NOT NULL,
  due INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS reports_by_due ON reports (due);`

// withdrawals note when a notice was withdrawn. Its text is gone then; the row keeps it from coming again, and is told
// to streams.
const withdrawals = `ALTER TABLE notices ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;`

// busyTimeout is how long another program that uses the file is waited for, in milliseconds.
const busyTimeout = 5000

func openStore(ctx context.Context, path string) (*store, error) {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + fmt.Sprintf("?_pragma=busy_timeout(%d)", busyTimeout) + "&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=secure_delete(1)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // one writer; reads are short
	s := &store{db, func() error { return syncFile(path + "-wal") }}
	if err := s.within(ctx, func(tx *sql.Tx) error { return upgrade(ctx, tx) }); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// upgrade brings the file to the newest version.
func upgrade(ctx context.Context, tx *sql.Tx) error {
	var is int
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&is); err != nil {
		return err
	}
	steps := versions()
	if is > len(steps) {
		return fmt.Errorf("the file is of version %d, this program knows up to %d: run the newer program", is, len(steps))
	}
	for _, step := range steps[is:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, len(steps)))
	return err
}

// syncFile brings a file to the disk. A commit leaves the write-ahead log to the operating system
// (https://sqlite.org/pragma.html#pragma_synchronous); where one has to last, that is synced beside SQLite, whose one
// connection goes on meanwhile: nothing that is sent waits for it.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (s *store) close() error { return s.db.Close() }

// content is what the app gets of a notice beside what the store knows of it.
type content struct {
	Locale string         `json:"locale"`
	Title  string         `json:"title"`
	Text   string         `json:"text"`
	Topic  string         `json:"topic,omitempty"`
	News   *channels.News `json:"news,omitempty"`
}

// notice is one as the app gets it.
type notice struct {
	ID string `json:"id"`
	content
	At      time.Time `json:"at"`
	Expires time.Time `json:"expires_at"`
	Shown   bool      `json:"shown"`

	seq int64
}

// within runs f in one transaction.
func (s *store) within(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// add keeps a notice, unless its ref is known, and drops the customer's oldest beyond the number to keep.
func (s *store) add(ctx context.Context, n posted, at, expires time.Time, keep int) (id string, known bool, err error) {
	raw, err := json.Marshal(content{n.Locale, n.Title, n.Text, n.Topic, n.News})
	if err != nil {
		return "", false, err
	}
	err = s.within(ctx, func(tx *sql.Tx) error {
		var seq int64
		err := tx.QueryRowContext(ctx, `SELECT seq FROM notices WHERE ref = ?`, n.Ref).Scan(&seq)
		known = err == nil
		if errors.Is(err, sql.ErrNoRows) {
			err = tx.QueryRowContext(ctx, `INSERT INTO notices (ref, customer, content, callback, at, expires) VALUES (?, ?, ?, ?, ?, ?) RETURNING seq`,
				n.Ref, n.Customer, string(raw), n.Callback, at.Unix(), expires.Unix()).Scan(&seq)
		}
		id = strconv.FormatInt(seq, 10)
		if err != nil || known {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM notices WHERE customer = ?1 AND withdrawn = 0 AND seq <=
			(SELECT seq FROM notices WHERE customer = ?1 AND withdrawn = 0 ORDER BY seq DESC LIMIT 1 OFFSET ?2)`, n.Customer, keep)
		return err
	})
	return id, known, err
}

// of returns a customer's valid notices after the one numbered, oldest first.
func (s *store) of(ctx context.Context, customer string, after int64, now time.Time) (all []notice, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT seq, content, at, expires, shown > 0 FROM notices
		WHERE customer = ? AND seq > ? AND expires > ? AND withdrawn = 0 ORDER BY seq`, customer, after, now.Unix())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n notice
		var raw string
		var at, expires int64
		if err := rows.Scan(&n.seq, &raw, &at, &expires, &n.Shown); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(raw), &n.content); err != nil {
			return nil, err
		}
		n.ID, n.At, n.Expires = strconv.FormatInt(n.seq, 10), time.Unix(at, 0).UTC(), time.Unix(expires, 0).UTC()
		all = append(all, n)
	}
	return all, rows.Err()
}

// mark notes for the first time that a customer's notices were delivered or read, and makes the reports of it. What was
// read was delivered.
func (s *store) mark(ctx context.Context, customer string, ids []int64, state channels.ReceiptState, now time.Time) (reports int, err error) {
	query := `UPDATE notices SET delivered = ?3 WHERE seq = ?1 AND customer = ?2 AND delivered = 0 RETURNING ref, callback`
	if state == channels.ReceiptRead {
		query = `UPDATE notices SET shown = ?3, delivered = max(delivered, 1) WHERE seq = ?1 AND customer = ?2 AND shown = 0 RETURNING ref, callback`
	}
	err = s.within(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			var r report
			var callback string
			err := tx.QueryRowContext(ctx, query, id, customer, now.Unix()).Scan(&r.Ref, &callback)
			if errors.Is(err, sql.ErrNoRows) || err == nil && callback == "" {
				continue // told before, not this customer's, or nobody wants to know
			}
			if err != nil {
				return err
			}
			r.ID, r.State, r.At = strconv.FormatInt(id, 10), state, now.UTC().Truncate(time.Second)
			if err := addReport(ctx, tx, callback, r, now); err != nil {
				return err
			}
			reports++
		}
		return nil
	})
	return reports, err
}

// forget drops notices that are over, and reports that nobody took for a day; and the texts of both and of what was
// withdrawn from the write-ahead log too.
func (s *store) forget(ctx context.Context, now time.Time) error {
	err := s.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM notices WHERE expires <= ?`, now.Unix())
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM reports WHERE made <= ?`, now.Add(-reportFor).Unix())
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.emptyLog(ctx)
}

// emptyLog brings the write-ahead log into the file. It doesn't wait until nobody else reads that, a backup for one:
// everything else would wait with it.
func (s *store) emptyLog(ctx context.Context) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = 0`); err != nil {
		return err
	}
	defer func() {
		_, err2 := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf(`PRAGMA busy_timeout = %d`, busyTimeout))
		err = errors.Join(err, err2)
	}()
	var busy, pages, moved int
	if err := conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("another program reads the file, so texts that are over stay in its write-ahead log until that ends")
	}
	return nil
}
