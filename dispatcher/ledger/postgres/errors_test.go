package postgres

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestNamed: whatever the server or the network answers says what it is about, and keeps its cause.
func TestNamed(t *testing.T) {
	plain := errors.New("something else")
	for _, tt := range []struct {
		err  error
		says string // before the error itself
	}{
		{&pgconn.PgError{Code: cannotConnectNow}, "the PostgreSQL server is stopping or starting"},
		{fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), "the connection to the PostgreSQL server was lost: reading: "},
		{io.EOF, "the connection to the PostgreSQL server was lost"},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, "the connection to the PostgreSQL server was lost"},
		{plain, "something else"},
	} {
		got := named(tt.err)
		if !strings.HasPrefix(got.Error(), tt.says) || !errors.Is(got, tt.err) {
			t.Errorf("%v is named %q, want it to begin with %q", tt.err, got, tt.says)
		}
	}
	if err := named(nil); err != nil {
		t.Errorf("nothing is named %v", err)
	}
}
