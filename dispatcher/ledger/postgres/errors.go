package postgres

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// SQLSTATE codes that mean something to us (PostgreSQL manual, appendix A).
const (
	diskFull             = "53100"
	tooManyConnections   = "53300"
	adminShutdown        = "57P01"
	crashShutdown        = "57P02"
	cannotConnectNow     = "57P03"
	badPassword          = "28P01"
	badAuthorization     = "28000"
	noSuchDatabase       = "3D000"
	noPrivilege          = "42501"
	readOnly             = "25006"
	noSuchTable          = "42P01"
	noSuchColumn         = "42703"
	serializationFailure = "40001"
	deadlock             = "40P01"
	lockNotAvailable     = "55P03"
	uniqueViolation      = "23505"
	checkViolation       = "23514" // among others: no partition for a row
)

func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// remedy says what an operator can do about an error of the server.
func remedy(code string) string {
	switch code {
	case diskFull:
		return "free disk space on the PostgreSQL server"
	case tooManyConnections:
		return "raise max_connections on the PostgreSQL server, or lower pool_max_conns in ledger.url"
	case adminShutdown, crashShutdown, cannotConnectNow:
		return "the PostgreSQL server is stopping or starting: it goes on when that is done"
	case badPassword, badAuthorization:
		return "the PostgreSQL server refuses the user of ledger.url: check its name, password and pg_hba.conf"
	case noSuchDatabase:
		return "the database of ledger.url does not exist: make it with createdb"
	case noPrivilege:
		return "the user of ledger.url must own the schema: it makes tables and partitions"
	case readOnly:
		return "the PostgreSQL server is a standby: add target_session_attrs=read-write to ledger.url"
	case noSuchTable, noSuchColumn:
		return "the schema is not this program's: run `tocsin migrate`"
	}
	return ""
}

// named says beside an error what can be done about it, where something can. Disk full is
// ledger.ErrFull.
func named(err error) error {
	if err == nil {
		return nil
	}
	c := code(err)
	if c == diskFull {
		return fmt.Errorf("%w (%s): %w", ledger.ErrFull, remedy(c), err)
	}
	if r := remedy(c); r != "" {
		return fmt.Errorf("%s: %w", r, err)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return fmt.Errorf("the PostgreSQL server does not answer: start it, or check ledger.url: %w", err)
	}
	if severed(err) {
		return fmt.Errorf("the connection to the PostgreSQL server was lost: %w", err)
	}
	return err
}

// severed reports whether an error is the end of a connection that there was, in the words of the network:
// as such it would not say whose.
func severed(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}

// retryable reports whether a transaction was given up for the sake of another's, so that it may
// succeed if it is tried again.
func retryable(err error) bool {
	switch code(err) {
	case serializationFailure, deadlock, lockNotAvailable, uniqueViolation, checkViolation:
		return true
	}
	return false
}
