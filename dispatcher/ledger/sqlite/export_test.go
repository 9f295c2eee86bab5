package sqlite

import (
	"context"
	"strings"
)

// Plans says of every statement that a transaction of the ledger made so far how SQLite goes about it, but of
// those that were asked about before.
func (l *Ledger) Plans(ctx context.Context, asked map[string]bool) (map[string][]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	plans := map[string][]string{}
	for query := range l.statements {
		if asked[query] {
			continue
		}
		asked[query] = true
		details, err := l.plan(ctx, query)
		if err != nil {
			return nil, err
		}
		plans[query] = details
	}
	return plans, nil
}

func (l *Ledger) plan(ctx context.Context, query string) (details []string, err error) {
	rows, err := l.conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return nil, err
		}
		details = append(details, detail)
	}
	return details, rows.Err()
}
