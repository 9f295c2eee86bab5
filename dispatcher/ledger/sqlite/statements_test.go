package sqlite_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
)

// growing are the tables that grow with customers and messages.
var growing = []string{"recipients", "addresses", "notifications", "attempts", "batches", "deadlines", "provider_ids"}

// readsNoTableWhole asks of every statement that a transaction made how SQLite goes about it: while it runs,
// nothing else is written, so none may read a table whole that grows with customers or messages.
func readsNoTableWhole(t *testing.T, l *sqlite.Ledger, asked map[string]bool) {
	t.Helper()
	plans, err := l.Plans(context.Background(), asked) // the test's own context ends before its clean-ups
	if err != nil {
		t.Error(err)
	}
	for query, details := range plans {
		for _, detail := range details {
			if table, scans := strings.CutPrefix(detail, "SCAN "); scans {
				name, how, _ := strings.Cut(table, " ")
				if grows(name, query) && !strings.Contains(how, "INDEX") {
					t.Errorf("reads a table whole (%s):\n%s", detail, query)
				}
			}
		}
	}
}

// grows reports whether a table, or what a query calls so, grows.
func grows(name, query string) bool {
	for _, table := range growing {
		if name == table || name == table[:1] && strings.Contains(query, table+" "+name) {
			return true
		}
	}
	return false
}
