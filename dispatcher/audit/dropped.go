package audit

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// dropped puts what was counted of an update's rows in the place of those that were dropped as too old.
// Only what is over may be dropped, and no more can be left than there was.
func (p *pass) dropped(b *book) {
	var kept ledger.RowCounts
	if err := json.Unmarshal(b.Dropped, &kept); err != nil {
		p.says(Sums, b.ID, 0, "what was counted before", "its rows were dropped, and what is kept of them can't be read: %v", err)
	}
	if !slices.Contains([]ledger.UpdateState{ledger.Closed, ledger.Cancelled, ledger.NotAnnounced}, b.State) {
		p.says(Sums, b.ID, 0, "an update that is over", "%s, and its rows were dropped", b.State)
	}
	if left := b.rows; left > kept.Audience() {
		p.says(Sums, b.ID, 0, fmt.Sprintf("at most %d", kept.Audience()), "%d notifications left of those that were dropped", left)
	}
	b.rows, b.open, b.ended = kept.Audience(), kept.Audience(), kept.Ended()
	for _, o := range b.ended {
		b.open -= o.Count
	}
}

// keptTallies: running counts say of outcomes what the rows said that were dropped.
func (p *pass) keptTallies(b *book, tallies []ledger.Tally) {
	if is, want := fmt.Sprint(ledger.EndedOf(tallies)), fmt.Sprint(b.ended); is != want {
		p.says(Tallies, b.ID, 0, want, "of dropped rows: %s", is)
	}
}

// withoutBatch reports whether an attempt's batch may be gone though the attempt is there: they can be
// dropped at different times.
func (p *pass) withoutBatch(update int64, b *ledger.KeptBatch) bool {
	return b == nil && p.books[update].Dropped != nil
}

// droppedEntered: rows are dropped only with an entry in the trail.
func (p *pass) droppedEntered(b *book, said account) {
	if b.Dropped != nil && said[ledger.TrailDropped] == nil {
		p.says(Trail, b.ID, 0, "an entry that says so", "its rows were dropped, of which the trail knows nothing")
	}
}

func droppedAgrees(b *book, e *ledger.TrailEntry) (is, want string) {
	is = "all its rows are to be there"
	if b.Dropped != nil {
		is = fmt.Sprint("dropped, with counts ", ledger.Digest(b.Dropped), " and ", audienceOf(b.rows))
	}
	return is, fmt.Sprint("dropped, with counts ", e.Digest, " and ", audienceOf(entered(e.Audience)))
}
