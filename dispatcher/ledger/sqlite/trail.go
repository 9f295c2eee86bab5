package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// TrailHead returns the newest entry's number and hash, the zero head where there is none.
func (l *Ledger) TrailHead(ctx context.Context) (ledger.TrailHead, error) {
	return trailHead(l.reader.QueryRowContext(ctx, trailHeadQuery).Scan)
}

// TrailAfter returns up to limit links of the trail that follow the one numbered after.
func (l *Ledger) TrailAfter(ctx context.Context, after int64, limit int) ([]ledger.TrailLink, error) {
	return trailAfter(ctx, l.reader, after, limit)
}

const trailHeadQuery = `SELECT seq, hash FROM trail_head`

func trailHead(scan func(...any) error) (h ledger.TrailHead, err error) {
	var hash string
	if err = scan(&h.Seq, &hash); err == nil {
		err = h.Hash.UnmarshalText([]byte(hash))
	}
	return h, err
}

// appendTrail appends entries in their order.
func (t tx) appendTrail(entries ...ledger.TrailEntry) error {
	if len(entries) == 0 {
		return nil
	}
	head, err := trailHead(func(dest ...any) error { return t.scan(trailHeadQuery, nil, dest...) })
	if err != nil {
		return err
	}
	var before int64
	if err := t.scan(`SELECT before FROM trail_head`, nil, &before); err != nil {
		return err
	}
	links, err := head.Extend(before, entries...)
	if err != nil {
		return err
	}
	for i := range links {
		if err := t.insertLink(&links[i]); err != nil {
			return err
		}
	}
	head = links[len(links)-1].Head()
	return t.exec(`UPDATE trail_head SET seq = ?, hash = ?`, head.Seq, head.Hash.String())
}

func (t tx) insertLink(l *ledger.TrailLink) error {
	return t.exec(`INSERT INTO trail (seq, at, kind, update_id, body, prev, hash) VALUES (?,?,?,?,?,?,?)`,
		l.Seq, ms(l.At), string(l.Kind), l.Update, string(l.Body), l.Prev.String(), l.Hash.String())
}

// said reads what an update says.
func (t tx) said(id int64) (u incident.Update, err error) {
	var value string
	if err = t.scan(`SELECT value FROM updates WHERE id = ?`, []any{id}, &value); err == nil {
		err = json.Unmarshal([]byte(value), &u)
	}
	return u, err
}

func (t tx) audience(id int64) (n int64, err error) {
	return n, t.scan(`SELECT audience FROM updates WHERE id = ?`, []any{id}, &n)
}

func (t tx) trailPlanned(update int64, now time.Time) error {
	u, err := t.said(update)
	if err != nil {
		return err
	}
	audience, err := t.audience(update)
	if err != nil {
		return err
	}
	return t.appendTrail(ledger.PlannedEntry(update, &u, audience, now))
}

// trailClosed enters how an update ended. The running counts are complete: they are written before
// the update is closed.
func (t tx) trailClosed(update int64, now time.Time) error {
	u, err := t.said(update)
	if err != nil {
		return err
	}
	audience, err := t.audience(update)
	if err != nil {
		return err
	}
	counts, err := collect(t.ctx, t, scanTally, talliesQuery, update)
	if err != nil {
		return err
	}
	return t.appendTrail(ledger.ClosedEntry(update, &u, audience, counts, now))
}

const trailColumns = `seq, at, kind, update_id, body, prev, hash`

func trailAfter(ctx context.Context, q querier, after int64, limit int) ([]ledger.TrailLink, error) {
	return collect(ctx, q, scanLink, `SELECT `+trailColumns+` FROM trail WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
}

func scanLink(rows *sql.Rows) (ledger.TrailLink, error) {
	var l ledger.TrailLink
	var at int64
	var body, prev, hash string
	err := rows.Scan(&l.Seq, &at, &l.Kind, &l.Update, &body, &prev, &hash)
	l.At, l.Body = fromMS(at), []byte(body)
	// What is no hash stays zero, and fits nothing: whoever checks the trail is to find it, not to fail.
	_, _ = l.Prev.UnmarshalText([]byte(prev)), l.Hash.UnmarshalText([]byte(hash))
	return l, err
}
