package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// epoch is the Monday on which week 0 begins, in UTC.
func epoch() time.Time { return time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) }

const (
	week         = 7 * 24 * time.Hour
	sequenceBits = 40         // of an id; the week is above them
	lastWeek     = 1<<13 - 1  // ids stay below 2^53
	dateForm     = "20060102" // partitions are called by their Monday
)

// weekOf is the week that a time falls into; the first and the last take what is before and after.
func weekOf(t time.Time) int64 {
	passed := t.Unix() - epoch().Unix()
	return min(max(passed, 0)/int64(week/time.Second), lastWeek)
}

// firstID is the least id that a week may give.
func firstID(week int64) int64 { return week << sequenceBits }

// weekOfID is the week in which an id was given.
func weekOfID(id int64) int64 { return id >> sequenceBits }

// sequenceOf is the part of an id that ascends over the weeks, without gaps between them.
func sequenceOf(id int64) int64 { return id & (1<<sequenceBits - 1) }

// pieces cuts the range of ids from first to last into ranges of at most so many. Where it goes over
// several weeks, each has the same part of the sequence to be looked at: an id's two parts ascend together.
func pieces(first, last, size int64) (firsts, lasts []int64) {
	for w := weekOfID(first); w <= weekOfID(last); w++ {
		for from := sequenceOf(first); from <= sequenceOf(last); from += size {
			firsts = append(firsts, firstID(w)+from)
			lasts = append(lasts, firstID(w)+min(from+size-1, sequenceOf(last)))
		}
	}
	return firsts, lasts
}

func monday(w int64) time.Time { return epoch().AddDate(0, 0, int(7*w)) }

// partitioned is a table with a partition a week.
type partitioned struct {
	table string
	// unique are columns that are unique within a week; "" for none beside the key.
	unique string
	// fill is how full PostgreSQL packs pages at first, in per cent: rows that are changed soon find
	// their new version room on their page, which spares the indexes.
	fill int
}

func partitionedTables() []partitioned {
	return []partitioned{
		{"notifications", "update_id, recipient", 60}, {"attempts", "", 90}, {"batches", "", 90},
		{"provider_ids", "", 100}, {"early_receipts", "", 100},
	}
}

func (p partitioned) partition(w int64) string { return p.table + "_" + monday(w).Format(dateForm) }

// weeks are those whose partitions are known to be there.
type weeks struct {
	mu    sync.Mutex
	known map[int64]bool
}

func (w *weeks) missing(of []int64) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []int64
	for _, n := range of {
		if !w.known[n] {
			all = append(all, n)
		}
	}
	return all
}

func (w *weeks) add(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil {
		w.known = map[int64]bool{}
	}
	w.known[n] = true
}

func (w *weeks) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.known)
}

// openWeeks makes the partitions of weeks that have none yet, each week in a transaction of its own.
// Processes that need the same week wait for each other; nobody else waits for them.
func (l *Ledger) openWeeks(ctx context.Context, of ...int64) error {
	for _, w := range l.weeks.missing(of) {
		if w > lastWeek {
			continue
		}
		err := pgx.BeginFunc(ctx, l.pool, func(t pgx.Tx) error { return tx{ctx, t}.openWeek(w) })
		if err != nil {
			return fmt.Errorf("making the partitions of the week of %s: %w", monday(w).Format(time.DateOnly), err)
		}
		l.weeks.add(w)
	}
	return nil
}

func (t tx) openWeek(w int64) error {
	if err := t.lock(weeksLock, ""); err != nil {
		return err
	}
	for _, p := range partitionedTables() {
		if err := t.openPartition(p, w); err != nil {
			return err
		}
	}
	return nil
}

// openPartition makes a table and attaches it, which lets others go on reading and writing; CREATE
// TABLE … PARTITION OF would not.
func (t tx) openPartition(p partitioned, w int64) error {
	name := p.partition(w)
	var there bool
	if err := t.scan(`SELECT to_regclass($1) IS NOT NULL`, []any{name}, &there); err != nil || there {
		return err
	}
	statements := []string{fmt.Sprintf(`CREATE TABLE %s (LIKE %s INCLUDING ALL) WITH (fillfactor = %d)`, name, p.table, p.fill)}
	if p.unique != "" {
		statements = append(statements, fmt.Sprintf(`CREATE UNIQUE INDEX %s_unique ON %s (%s)`, name, name, p.unique))
	}
	statements = append(statements, fmt.Sprintf(`ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)`, p.table, name, firstID(w), firstID(w+1)))
	for _, s := range statements {
		if err := t.exec(s); err != nil {
			return err
		}
	}
	return nil
}
