package app_test

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres/postgrestest"
)

// TestOnPostgreSQL runs what runs on a file with its ledger in a database.
func TestOnPostgreSQL(t *testing.T) {
	s := postgrestest.New(t)
	for name, test := range map[string]func(*testing.T, func(map[string]any)){
		"EveryChannelHasSMSBehindIt":   everyChannelHasSMSBehindIt,
		"RepeatedUpdateChangesNothing": repeatedUpdateChangesNothing,
	} {
		t.Run(name, func(t *testing.T) {
			url := s.Database(t)
			test(t, func(cfg map[string]any) { cfg["ledger"] = map[string]any{"url": url} })
		})
	}
}

// TestCommandsShareADatabase: a ledger in a database is open to several at once, one in a file to one
// process only.
func TestCommandsShareADatabase(t *testing.T) {
	c := app.Defaults()
	c.DataDir, c.Ledger.URL = t.TempDir(), channels.Secret(postgrestest.New(t).Empty(t))
	if from, to, err := app.Migrate(t.Context(), c); err != nil || from != 0 || to == 0 {
		t.Fatalf("migrated from %d to %d, %v", from, to, err)
	}
	var stores []app.Store
	for range 2 {
		l, done, err := app.OpenLedger(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := done(); err != nil {
				t.Error(err)
			}
		}()
		stores = append(stores, l)
	}
	if err := stores[0].PutRecipients(t.Context(), []audience.Recipient{{ID: "c-1", Locale: "en"}}); err != nil {
		t.Fatal(err)
	}
	if n, err := stores[1].CountRecipients(t.Context()); err != nil || n != 1 {
		t.Errorf("%d recipients, %v; want the one that was added elsewhere", n, err)
	}
}

// TestLedgerPlaceKeepsTheSecret: what is printed names the database, and not the password.
func TestLedgerPlaceKeepsTheSecret(t *testing.T) {
	c := app.Defaults()
	if got := c.LedgerPlace(); !strings.Contains(got, "data/ledger.db") {
		t.Errorf("without a URL: %s", got)
	}
	c.Ledger.URL = "postgres://tocsin:a-password@db.example:5433/ledger?sslmode=verify-full"
	if got := c.LedgerPlace(); got != "PostgreSQL, database ledger at db.example:5433" {
		t.Errorf("with a URL: %s", got)
	}
}
