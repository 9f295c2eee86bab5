package ledgertest

import (
	"fmt"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// benchPage is how many recipients the benchmarks plan and fold at once: as many as a planner does.
const benchPage = 2000

// Benchmark measures what a recipient costs a store on the way of an update: planned, taken by a
// provider, delivered. open gives an empty store. An operation is a page or a fold of 2,000.
func Benchmark(b *testing.B, open func(b *testing.B) Store) {
	b.Run("CommitPage", func(b *testing.B) {
		s := open(b)
		u := benchUpdate(b, s, 0)
		for i := 0; b.Loop(); i++ {
			benchCommit(b, s, u, i, false)
		}
		perRecipient(b)
	})
	b.Run("Apply", func(b *testing.B) {
		s := open(b)
		var ns []notification.Notification
		for i := 0; b.Loop(); i++ {
			if i%2 == 0 {
				b.StopTimer()
				u := benchUpdate(b, s, i)
				ns = benchRead(b, s, benchCommit(b, s, u, 0, true))
				b.StartTimer()
			}
			ns = benchFold(b, s, ns, []notification.State{notification.Accepted, notification.Delivered}[i%2])
		}
		perRecipient(b)
	})
}

func perRecipient(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchPage, "ns/recipient")
}

// benchUpdate begins to plan an update of an incident of its own.
func benchUpdate(b *testing.B, s Store, n int) ledger.Update {
	b.Helper()
	if err := s.PutRecipients(b.Context(), []audience.Recipient{person(1)}); err != nil {
		b.Fatal(err)
	}
	u := update(fmt.Sprint("bench-", n), 1)
	_, err := s.RecordUpdate(b.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{
			Update: u, Incident: incident.Incident{Team: u.Team, ID: u.Incident}, State: ledger.Approved, ReceivedAt: u.Time, Texts: texts(),
		}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	next, err := s.NextToPlan(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	return next
}

// benchCommit commits an update's i-th page, in batches of 100 as lanes like them, and returns the ids
// of its notifications.
func benchCommit(b *testing.B, s Store, u ledger.Update, i int, last bool) []int64 {
	b.Helper()
	p := page(u, i*benchPage+1, (i+1)*benchPage, last)
	all := p.Batches[0]
	p.Batches = nil
	for from := 0; from < benchPage; from += 100 {
		p.Batches = append(p.Batches, ledger.NewBatch{From: from, To: from + 100, Batch: all.Batch, Items: all.Items[from : from+100]})
	}
	if err := s.CommitPage(b.Context(), p); err != nil {
		b.Fatal(err)
	}
	ids := make([]int64, benchPage)
	for j := range ids {
		ids[j] = all.Items[j].Notification
	}
	return ids
}

func benchRead(b *testing.B, s Store, ids []int64) []notification.Notification {
	b.Helper()
	ns, err := s.Notifications(b.Context(), ids)
	if err != nil {
		b.Fatal(err)
	}
	return ns
}

// benchFold moves notifications to a state, and returns them as they are then.
func benchFold(b *testing.B, s Store, ns []notification.Notification, to notification.State) []notification.Notification {
	b.Helper()
	f := ledger.Fold{Now: at(100)}
	for _, n := range ns {
		change(&f, n, func(n *notification.Notification) {
			if to == notification.Delivered {
				reach("email", to, at(100))(n)
			}
			n.Attempt.State, n.Attempt.Took = to, true
		})
	}
	if err := s.Apply(b.Context(), f); err != nil {
		b.Fatal(err)
	}
	for i := range f.Changed {
		f.Changed[i].Version++
	}
	return f.Changed
}
