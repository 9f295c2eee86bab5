package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// TrailHead returns the newest entry's number and hash, the zero head where there is none.
func (l *Ledger) TrailHead(ctx context.Context) (ledger.TrailHead, error) {
	return trailHead(ctx, l.pool, selectTrailHead)
}

// TrailAfter returns up to limit links of the trail that follow the one numbered after. Entries become
// readable in the order of their numbers: none appears before one that was there already.
func (l *Ledger) TrailAfter(ctx context.Context, after int64, limit int) ([]ledger.TrailLink, error) {
	return trailAfter(ctx, l.pool, after, limit)
}

const selectTrailHead = `SELECT seq, hash FROM trail_head`

func trailHead(ctx context.Context, q querier, query string) (h ledger.TrailHead, err error) {
	var hash string
	if err = q.QueryRow(ctx, query).Scan(&h.Seq, &hash); err != nil {
		return h, named(err)
	}
	return h, h.Hash.UnmarshalText([]byte(hash))
}

// appendTrail appends entries in their order. It locks the head until the transaction's end, so it is the
// last that a transaction does: whoever waits for the head then waits for a commit and nothing else, and
// who has it waits for nobody.
func (t tx) appendTrail(entries ...ledger.TrailEntry) error {
	if len(entries) == 0 {
		return nil
	}
	head, err := trailHead(t.ctx, t, selectTrailHead+` FOR UPDATE`)
	if err != nil {
		return err
	}
	links, err := head.Extend(0, entries...) // no ledger here is older than its trail
	if err != nil {
		return err
	}
	return t.insertLinks(links)
}

// insertLinks writes links and makes the last of them the head.
func (t tx) insertLinks(links []ledger.TrailLink) error {
	var seqs, times, updates []int64
	var kinds, bodies, prevs, hashes []string
	for i := range links {
		l := &links[i]
		seqs, times, updates = append(seqs, l.Seq), append(times, ms(l.At)), append(updates, l.Update)
		kinds, bodies = append(kinds, string(l.Kind)), append(bodies, string(l.Body))
		prevs, hashes = append(prevs, l.Prev.String()), append(hashes, l.Hash.String())
	}
	head := links[len(links)-1].Head()
	return t.exec(`WITH head AS (UPDATE trail_head SET seq = $8, hash = $9)
		INSERT INTO trail (seq, at, kind, update_id, body, prev, hash)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])`,
		seqs, times, kinds, updates, bodies, prevs, hashes, head.Seq, head.Hash.String())
}

const selectTrail = `SELECT seq, at, kind, update_id, body, prev, hash FROM trail `

func trailAfter(ctx context.Context, q querier, after int64, limit int) ([]ledger.TrailLink, error) {
	return collect(ctx, q, scanLink, selectTrail+`WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
}

func scanLink(row pgx.Rows) (ledger.TrailLink, error) {
	var l ledger.TrailLink
	var at int64
	var prev, hash string
	err := row.Scan(&l.Seq, &at, &l.Kind, &l.Update, &l.Body, &prev, &hash)
	l.At = fromMS(at)
	// What is no hash stays zero, and fits nothing: whoever checks the trail is to find it, not to fail.
	_, _ = l.Prev.UnmarshalText([]byte(prev)), l.Hash.UnmarshalText([]byte(hash))
	return l, err
}
