package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// age gives the ledger a past: it tells everybody once, stops Tocsin, copies what the ledger has of that
// until there are as many attempts as asked for, and starts Tocsin again, which is timed. It takes the
// function that stops the one and returns that which stops the other.
func (b *bench) age(ctx context.Context, stop func() error) (func() error, error) {
	stopped := func() error { return nil }
	fmt.Fprintf(b.Out, "making a ledger with %d old attempts\n", b.Old)
	if err := b.announceOld(ctx); err != nil {
		return stop, err
	}
	if err := stop(); err != nil {
		return stopped, err
	}
	if err := b.copyPast(ctx); err != nil {
		return stopped, err
	}
	begun, cpuBefore := time.Now(), cpu()
	stop, err := b.start(ctx)
	if err != nil {
		return stopped, err
	}
	fmt.Fprintf(b.Out, "start-up with %d old attempts: ready after %v, of which %v CPU time\n",
		b.Old, time.Since(begun).Round(time.Millisecond), (cpu() - cpuBefore).Round(time.Millisecond))
	return stop, nil
}

// announceOld tells everybody of the incident that becomes the past.
func (b *bench) announceOld(ctx context.Context) error {
	e := b.app.Endpoints()
	nc, err := nats.Connect(e.NATS, nats.UserInfo(e.NATSUser, e.NATSPassword))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return b.announce(ctx, js, b.update(-1, 0))
}

// copies are the statements that copy the first update of a ledger's first incident, with all that grows
// with messages, ?1 times. What is left out (the trail, provider ids) is read neither at a start nor for
// another update.
var copies = []string{
	`CREATE TEMP TABLE ks AS WITH RECURSIVE k(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM k WHERE k < ?1) SELECT k FROM k`,
	`CREATE TEMP TABLE past AS SELECT * FROM notifications WHERE update_id = 1 ORDER BY id`,
	`CREATE TEMP TABLE carried AS SELECT * FROM batches WHERE update_id = 1 ORDER BY id`,
	`CREATE TEMP TABLE size AS SELECT (SELECT max(id) FROM notifications) AS n, (SELECT max(id) FROM batches) AS b`,
	`INSERT INTO incidents SELECT 1 + k, team, incident || '-' || k, status, changed_at, value, paused, spent, cap, parent
		FROM ks, incidents WHERE id = 1`,
	`INSERT INTO updates SELECT 1 + k, 1 + k, team, source, event_id || '-' || k, state, reason, received_at, approved_at, approved_by,
		cursor, until, audience, open, first_notice_at, value, paused, retry_of, corrects FROM ks, updates WHERE id = 1`,
	`INSERT INTO texts SELECT 1 + k, kind, locale, content, hash, units FROM ks, texts WHERE update_id = 1`,
	`INSERT INTO tallies SELECT 1 + k, channel, what, count FROM ks, tallies WHERE update_id = 1`,
	`INSERT INTO batches SELECT id + k * size.b, 1 + k, channel, kind, locale, priority, step, try, not_before, members, items, sent_at,
		units, spending, last FROM ks CROSS JOIN size CROSS JOIN carried`,
	`INSERT INTO notifications SELECT id + k * size.n, 1 + k, recipient, version, locale, steps, step, try, state, batch + k * size.b,
		queued_at, code, provider_id, took, stop, outcome, reason, proof, reached_by, settled_at
		FROM ks CROSS JOIN size CROSS JOIN past`,
}

// copyPast multiplies what the ledger has. It needs nobody else at the file.
func (b *bench) copyPast(ctx context.Context) (err error) {
	db, err := sql.Open("sqlite", filepath.Join(b.config.DataDir, "ledger.db")) // the driver that the ledger uses
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // temporary tables are the connection's
	for _, statement := range copies {
		var args []any
		if statement == copies[0] {
			args = append(args, max(1, b.Old/b.Recipients))
		}
		if _, err := db.ExecContext(ctx, statement, args...); err != nil {
			return fmt.Errorf("bench: making a past: %w", err)
		}
	}
	_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}
