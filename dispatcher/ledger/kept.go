package ledger

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Dropped is what one round of retention has dropped.
type Dropped struct {
	// Updates is the number of updates of which rows were dropped for the first time.
	Updates int64
	// Rows were deleted one by one; Partitions were dropped whole, with rows that nobody counted.
	Rows       int64
	Partitions []string
	// OldestKept is when the oldest update was let go that still has all its rows; zero if there is none.
	OldestKept time.Time
}

// Nothing reports whether nothing was dropped.
func (d *Dropped) Nothing() bool { return d.Updates == 0 && d.Rows == 0 && len(d.Partitions) == 0 }

// RowCounts is what a report counts row by row. A store keeps it, as JSON, of updates whose rows it drops.
type RowCounts struct {
	Outcomes []OutcomeCount `json:"outcomes"`
	P50      Seconds        `json:"p50"`
	P95      Seconds        `json:"p95"`
	Max      Seconds        `json:"max"`
	Segments int64          `json:"segments"`
}

// Into writes the counts into the report of an update, and holds its running counts against them.
func (c *RowCounts) Into(r *UpdateReport) {
	r.Outcomes, r.Segments, r.P50, r.P95, r.Max = c.Outcomes, c.Segments, c.P50, c.P95, c.Max
	r.Balance = BalanceOf(&r.UpdateProgress, c.Outcomes)
}

// Audience is the number of notifications that were counted.
func (c *RowCounts) Audience() int64 {
	var n int64
	for _, o := range c.Outcomes {
		n += o.Count
	}
	return n
}

// Ended sorts the notifications that have an outcome as the trail does.
func (c *RowCounts) Ended() []TrailOutcome {
	counts := map[TrailOutcome]int64{}
	for _, o := range c.Outcomes {
		if slices.Contains(outcomes, o.Outcome) {
			counts[TrailOutcome{Outcome: o.Outcome, Channel: o.Channel}] += o.Count
		}
	}
	var all []TrailOutcome
	for o, n := range counts {
		o.Count = n
		all = append(all, o)
	}
	SortOutcomes(all)
	return all
}

// Reached is the number of those who were reached.
func (c *RowCounts) Reached() int64 {
	var n int64
	for _, o := range c.Outcomes {
		if o.Outcome == notification.Reached.String() {
			n += o.Count
		}
	}
	return n
}

// KeepCounts is what a store keeps of an update whose rows it drops.
func KeepCounts(c *RowCounts) ([]byte, error) { return json.Marshal(c) }

// DroppedEntry says that the rows of an update that was planned before a time were dropped, all or some,
// and by its hash what is kept of them (KeepCounts).
func DroppedEntry(id int64, u *incident.Update, audience int64, kept []byte, before, at time.Time) TrailEntry {
	e := about(TrailDropped, id, u, at)
	e.Audience, e.Digest = &audience, Digest(kept)
	e.Why = "older than " + before.UTC().Format(time.RFC3339)
	return e
}
