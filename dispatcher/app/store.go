package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/dashboard"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/fallback"
)

// Store is an open ledger: everything that the roles and the commands need of one.
type Store interface {
	dispatcher.IntakeLedger
	dispatcher.PlannerLedger
	dispatcher.ForecastLedger
	dispatcher.PublisherLedger
	dispatcher.KeeperLedger
	dispatcher.TimeOutLedger
	fallback.Ledger
	httpapi.Ledger
	dashboard.Reader
	audience.Store

	Accounts(ctx context.Context) ([]string, error)
	Retain(ctx context.Context, before, now time.Time) (ledger.Dropped, error)
	trail
	Identity(ctx context.Context) (string, error)
	Ping(ctx context.Context) error
	Close() error
}

var (
	_ Store = (*sqlite.Ledger)(nil)
	_ Store = (*postgres.Ledger)(nil)
)

// check says what can't be meant.
func (l *Ledger) check() error {
	if l.URL == "" {
		return nil
	}
	if l.MaxBytes != 0 {
		return errors.New("max_bytes bounds the file, and with url there is none: bound the database's disk instead")
	}
	if err := postgres.CheckURL(l.URL.Reveal()); err != nil {
		return fmt.Errorf("url %w", err)
	}
	return nil
}

// LedgerPlace says where the ledger is, without credentials.
func (c *Config) LedgerPlace() string {
	if c.Ledger.URL != "" {
		return postgres.Describe(c.Ledger.URL.Reveal())
	}
	return "SQLite, " + ledgerPath(c.DataDir)
}

func ledgerPath(dir string) string { return filepath.Join(dir, "ledger.db") }

// openStore opens the ledger, bringing its schema up to date. A file's directory must be locked.
func openStore(ctx context.Context, c *Config) (Store, error) {
	if c.Ledger.URL != "" {
		return opened(postgres.Open(ctx, c.Ledger.URL.Reveal()))
	}
	return opened(sqlite.Open(ctx, ledgerPath(c.DataDir), sqlite.Options{MaxBytes: int64(c.Ledger.MaxBytes)}))
}

// opened keeps a nil pointer from becoming a Store that is not nil.
func opened[S Store](s S, err error) (Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenLedger opens the ledger for a command. A file must not be in use by a server; a database may
// be. The function returned closes it.
func OpenLedger(ctx context.Context, c *Config) (Store, func() error, error) {
	unlock, err := lockLedger(c)
	if err != nil {
		return nil, nil, err
	}
	l, err := openStore(ctx, c)
	if err != nil {
		return nil, nil, errors.Join(err, unlock())
	}
	return l, func() error { return errors.Join(l.Close(), unlock()) }, nil
}

// OpenLedgerReadOnly opens the configured ledger for reading, beside the server that runs on it or while
// none does. It creates and changes nothing. The function returned closes it.
func OpenLedgerReadOnly(ctx context.Context, c *Config) (audit.Ledger, func() error, error) {
	l, err := openReader(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	return l, l.Close, nil
}

// reader is a ledger that is open for reading.
type reader interface {
	audit.Ledger
	Imported(ctx context.Context) (time.Time, error)
	Recipients(ctx context.Context) iter.Seq2[audience.Recipient, error]
	Close() error
}

// openReader opens the configured ledger for reading.
func openReader(ctx context.Context, c *Config) (reader, error) {
	if c.Ledger.URL != "" {
		l, err := postgres.OpenReadOnly(ctx, c.Ledger.URL.Reveal())
		if err != nil {
			return nil, err
		}
		return l, nil
	}
	l, err := sqlite.OpenReadOnly(ctx, ledgerPath(c.DataDir))
	if err != nil {
		return nil, err
	}
	return l, nil
}

// claimStreams ties the streams to the ledger, so that no other one's results are taken for this one's.
func (a *App) claimStreams(ctx context.Context) error {
	id, err := a.ledger.Identity(ctx)
	if err != nil {
		return fmt.Errorf("ledger (%s): %w", a.Config.LedgerPlace(), err)
	}
	err = a.bus.Claim(ctx, id)
	if !errors.Is(err, bus.ErrOtherLedger) {
		return err
	}
	if a.Config.NATS.URL != "" {
		return fmt.Errorf("%w (%s). All processes on one NATS share one ledger: give them the same ledger.url. "+
			"If that ledger is gone for good, delete Tocsin's streams and buckets there as well", err, a.Config.LedgerPlace())
	}
	return fmt.Errorf("%w (%s). Restore the ledger that was there; if it is gone for good, remove %s as well, with what was still on its way",
		err, a.Config.LedgerPlace(), a.natsDir())
}

// lockLedger keeps others from a ledger that is a file.
func lockLedger(c *Config) (unlock func() error, err error) {
	if c.Ledger.URL != "" {
		return func() error { return nil }, nil
	}
	return lock(c.DataDir)
}

// Migrate brings the ledger's schema up to date and returns the versions before and after; 0 is a
// ledger that was not there.
func Migrate(ctx context.Context, c *Config) (from, to int64, err error) {
	if c.Ledger.URL != "" {
		return postgres.Migrate(ctx, c.Ledger.URL.Reveal())
	}
	unlock, err := lock(c.DataDir)
	if err != nil {
		return 0, 0, err
	}
	from, to, err = sqlite.Migrate(ctx, ledgerPath(c.DataDir), sqlite.Options{MaxBytes: int64(c.Ledger.MaxBytes)})
	return from, to, errors.Join(err, unlock())
}
