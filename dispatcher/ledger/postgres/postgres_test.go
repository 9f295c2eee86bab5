package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger/ledgertest"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres/postgrestest"
)

// server is set once, before any test runs.
var server *postgrestest.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (status int) {
	var err error
	if server, err = postgrestest.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	status = m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping PostgreSQL:", err)
		return 1
	}
	if err := goleak.Find(); status == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

func open(t testing.TB, url string) *postgres.Ledger {
	t.Helper()
	l, err := postgres.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestSuite(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Store { return open(t, server.Database(t)) })
}

func BenchmarkLedger(b *testing.B) {
	ledgertest.Benchmark(b, func(b *testing.B) ledgertest.Store { return open(b, server.Database(b)) })
}
