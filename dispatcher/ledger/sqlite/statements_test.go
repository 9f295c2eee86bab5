package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger/ledgertest"
)

// TestTransactionsReadNoTableWhole runs the suite and asks of every statement that a transaction made how
// SQLite goes about it: while it runs, nothing else is written, so none may read a table whole that grows
// with customers or messages.
func TestTransactionsReadNoTableWhole(t *testing.T) {
	seen, ctx := map[string]bool{}, context.Background() // tests' own contexts end before their clean-ups
	ledgertest.Run(t, func(t *testing.T) ledgertest.Store {
		l, err := Open(ctx, filepath.Join(t.TempDir(), "ledger.db"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			for query := range l.statements {
				if !seen[query] {
					seen[query] = true
					explain(ctx, t, l, query)
				}
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		return l
	})
	if len(seen) < 50 {
		t.Errorf("only %d statements were seen", len(seen))
	}
}

// growing are the tables that grow with customers and messages.
var growing = []string{"recipients", "addresses", "notifications", "attempts", "batches", "deadlines", "provider_ids"}

func explain(ctx context.Context, t *testing.T, l *Ledger, query string) {
	t.Helper()
	rows, err := l.conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		t.Errorf("%v:\n%s", err, query)
		return
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		table, scans := strings.CutPrefix(detail, "SCAN ")
		table, how, _ := strings.Cut(table, " ")
		for _, name := range growing {
			if scans && (table == name || table == name[:1] && strings.Contains(query, name+" "+table)) && !strings.Contains(how, "INDEX") {
				t.Errorf("reads %s whole (%s):\n%s", name, detail, query)
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}
