package audit_test

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres/postgrestest"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

const (
	benchRecipients = 50_000
	benchPage       = 2_000
	benchBatch      = 250
)

// BenchmarkRun audits two updates for the same recipients; the time per notification is what matters.
func BenchmarkRun(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		w := newWorld(b, b.TempDir())
		w.benchmarkUpdates(b)
		l, err := sqlite.OpenReadOnly(b.Context(), w.path)
		w.must(err)
		defer func() { _ = l.Close() }()
		benchmarkRun(b, l)
	})
	b.Run("postgresql", func(b *testing.B) {
		url := postgrestest.New(b).Database(b)
		w := worldAt(b, url)
		w.benchmarkUpdates(b)
		l, err := postgres.OpenReadOnly(b.Context(), url)
		w.must(err)
		defer func() { _ = l.Close() }()
		benchmarkRun(b, l)
	})
}

func (w *world) benchmarkUpdates(b *testing.B) {
	w.people(benchRecipients)
	for second := range 2 {
		w.record("cards", second+1, ledger.Approved, "")
		u, err := w.NextToPlan(b.Context(), 0)
		w.must(err)
		for from := 0; from < benchRecipients; from += benchPage {
			w.must(w.CommitPage(b.Context(), benchmarkPage(u.ID, from, at(second))))
		}
	}
	w.must(w.Close())
}

func benchmarkRun(b *testing.B, l audit.Ledger) {
	for b.Loop() {
		s, err := audit.Run(b.Context(), l, audit.Options{Tolerance: time.Hour})
		if err != nil || !s.Clean() {
			b.Fatalf("%+v, %v", s, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecipients/2, "ns/notification")
}

func benchmarkPage(update int64, from int, now time.Time) ledger.Page {
	p := ledger.Page{Update: update, From: int64(from), Cursor: int64(from + benchPage), Last: from+benchPage == benchRecipients, Now: now}
	for i := range benchPage {
		p.Notifications = append(p.Notifications, ledger.NewNotification{Recipient: int64(from + i + 1), Locale: "ro", Steps: notification.Steps("email", "sms")})
	}
	for at := 0; at < benchPage; at += benchBatch {
		p.Batches = append(p.Batches, ledger.NewBatch{
			From: at, To: at + benchBatch, Items: make([]ledger.Item, benchBatch),
			Batch: ledger.BatchHead{Update: update, Channel: "email", Kind: channels.Email, Locale: "ro", Priority: notification.Urgent},
		})
	}
	return p
}
