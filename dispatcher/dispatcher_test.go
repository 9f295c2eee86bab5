package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("out of order")

func openLedger(t *testing.T) *sqlite.Ledger {
	t.Helper()
	l, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func metrics() *Metrics { return NewMetrics(prometheus.NewRegistry()) }

// runs runs a loop until the test ends, or until stop is called.
func runs(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// await waits for a signal, and fails rather than hang.
func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

func testUpdate(n int) incident.Update {
	return incident.Update{
		Source: "/payments", EventID: fmt.Sprint("e-", n), Time: time.Now().Add(time.Duration(n-100) * time.Second).UTC(), Sequence: fmt.Sprint(n),
		Data: incident.Data{
			Team: "payments", Incident: "cards", Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Major,
			Affects: incident.Audience{Services: []string{"cards"}}, StartedAt: time.Now().Add(-time.Hour).UTC(),
			Summary: incident.Text{"en": "Cards fail."},
		},
	}
}

func testTexts(kinds ...channels.Kind) []ledger.Text {
	var texts []ledger.Text
	for _, k := range kinds {
		for _, locale := range []string{"en", "ro"} {
			texts = append(texts, ledger.Text{Kind: k, Locale: locale, Content: notification.Content{
				Text: notification.Segments{{Literal: string(k) + " "}, {Placeholder: "name", Default: "customer"}},
			}})
		}
	}
	return texts
}

// record puts an approved update into the ledger.
func record(t *testing.T, l *sqlite.Ledger, u incident.Update, texts []ledger.Text) {
	t.Helper()
	recorded, err := l.RecordUpdate(t.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{Update: u, Incident: incident.Incident{Team: u.Team, ID: u.Incident}, State: ledger.Approved, ReceivedAt: time.Now(), Texts: texts}, nil
	})
	if err != nil || !recorded {
		t.Fatalf("recording: %v, %v", recorded, err)
	}
}

// customer uses cards, and reads Romanian mail if odd, English sms if even.
func customer(n int) audience.Recipient {
	r := audience.Recipient{
		ID: fmt.Sprint("c-", n), Name: fmt.Sprint("Name ", n), Locale: "en", Services: []string{"cards"}, Consents: []string{"email", "sms"},
		Preferences: []string{"sms"}, Addresses: audience.Addresses{{Channel: "email", Address: "m"}, {Channel: "sms", Address: "+1"}},
	}
	if n%2 == 1 {
		r.Locale, r.Preferences = "ro", []string{"email"}
	}
	return r
}

func customers(t *testing.T, l *sqlite.Ledger, from, to int) {
	t.Helper()
	var rs []audience.Recipient
	for n := from; n <= to; n++ {
		rs = append(rs, customer(n))
	}
	if err := l.PutRecipients(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
}

func rules() plan.Rules {
	return plan.Rules{
		Channels: []plan.Channel{{Name: "sms", Kind: channels.SMS}, {Name: "email", Kind: channels.Email}, {Name: "web", Kind: channels.Web}},
		Behind:   []string{"sms"}, Locales: []string{"en", "ro"},
	}
}

func progress(t *testing.T, l *sqlite.Ledger) ledger.UpdateProgress {
	t.Helper()
	s, err := l.Incident(t.Context(), "payments", "cards")
	if err != nil {
		t.Fatal(err)
	}
	return s.Progress[len(s.Progress)-1]
}

func TestSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, begun := NewSignal(), time.Now()
		s.Wake()
		s.Wake() // many are one
		s.wait(t.Context(), time.Hour)
		if took := time.Since(begun); took != 0 {
			t.Errorf("a signal from before took %v to be seen", took)
		}
		s.wait(t.Context(), time.Minute)
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("without a signal it took %v, want a minute", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		s.wait(ctx, time.Hour)
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("the end of the context took %v", took)
		}
	})
}

// allBatches reads everything that waits to be published.
func allBatches(t *testing.T, l *sqlite.Ledger) []ledger.Batch {
	t.Helper()
	bs, err := l.UnsentBatches(t.Context(), time.Now().Add(time.Hour), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return bs
}

var _ IntakeBus = (*bus.Bus)(nil)
