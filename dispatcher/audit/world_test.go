package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/fallback"
)

// at is a moment of the tests' day, in seconds from its beginning.
func at(seconds int) time.Time {
	return time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second)
}

// store is what the roles write, of any ledger.
type store interface {
	PutRecipients(ctx context.Context, rs []audience.Recipient) error
	RecordUpdate(ctx context.Context, u incident.Update, decide func(*incident.Incident) (ledger.NewUpdate, error)) (bool, error)
	RecordRejection(ctx context.Context, r ledger.Rejection) error
	Approve(ctx context.Context, id int64, a ledger.Approval) (ledger.ApprovalReport, error)
	TimeOut(ctx context.Context, id int64, now time.Time) (ledger.ApprovalReport, error)
	Texts(ctx context.Context, update int64) ([]ledger.Text, error)
	NextToPlan(ctx context.Context, after int64) (ledger.Update, error)
	CommitPage(ctx context.Context, p ledger.Page) error
	MarkSent(ctx context.Context, batches []int64, now time.Time) error
	Notifications(ctx context.Context, ids []int64) ([]notification.Notification, error)
	SupersedingPages(ctx context.Context, limit int) ([]ledger.SupersedingPage, error)
	Apply(ctx context.Context, f ledger.Fold) error
	Retain(ctx context.Context, before, now time.Time) (ledger.Dropped, error)
	View(ctx context.Context, f func(ledger.View) error) error
	Close() error
}

// world is a ledger that is written as the roles write one: pages as the planner makes them, and folds of
// what fallback.Decide decides.
type world struct {
	testing.TB
	store
	path   string // of a ledger in a file
	policy notification.Policy
	// messageID is what providers call every message; "" where they give none an id.
	messageID string
}

func newWorld(t testing.TB, dir string) *world {
	t.Helper()
	path := filepath.Join(dir, "ledger.db")
	l, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &world{TB: t, store: l, path: path, policy: policy()}
}

func policy() notification.Policy {
	return notification.Policy{RetryEvery: time.Second, Channels: map[string]notification.ChannelPolicy{
		"email": {Wait: time.Minute, Proof: channels.Delivered}, "sms": {Wait: time.Minute, Proof: channels.Delivered},
	}}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// people puts so many recipients into the directory, numbered from 1.
func (w *world) people(n int) {
	w.Helper()
	var rs []audience.Recipient
	for i := 1; i <= n; i++ {
		rs = append(rs, audience.Recipient{ID: fmt.Sprintf("c-%03d", i), Locale: "ro", Consents: []string{"email", "sms"}, Addresses: audience.Addresses{
			{Channel: "email", Address: fmt.Sprintf("c%d@example.com", i)}, {Channel: "sms", Address: fmt.Sprintf("+37369%06d", i)},
		}})
	}
	w.must(w.PutRecipients(w.Context(), rs))
}

// record records an update of an incident.
func (w *world) record(key string, n int, state ledger.UpdateState, reason string) {
	w.Helper()
	u := incident.Update{Source: "/payments", EventID: fmt.Sprintf("%s-%d", key, n), Time: at(n), Data: incident.Data{
		Team: "payments", Incident: key, Kind: incident.Outage, Status: incident.Identified, Impact: incident.Major, StartedAt: at(0),
	}}
	text := func(kind channels.Kind) ledger.Text {
		return ledger.Text{Kind: kind, Locale: "ro", Content: notification.Content{Text: notification.Literal(fmt.Sprint("Cardurile nu merg ", n))}}
	}
	_, err := w.RecordUpdate(w.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		by := ""
		if state == ledger.Approved {
			by = "Ana"
		}
		return ledger.NewUpdate{
			Update: u, Incident: incident.Incident{Team: u.Team, ID: key, Kind: u.Kind, Status: u.Status}, State: state, Reason: reason, ApprovedBy: by,
			ReceivedAt: at(n), Texts: []ledger.Text{text(channels.SMS), text(channels.Email)},
		}, nil
	})
	w.must(err)
}

// announce records an update and plans it: by email and then sms for recipients 1 to n, whose
// notifications it returns, and not at all for the one after them.
func (w *world) announce(key string, second, n int) []notification.Notification {
	w.Helper()
	w.record(key, second, ledger.Approved, "")
	u, err := w.NextToPlan(w.Context(), 0)
	w.must(err)
	p := ledger.Page{Update: u.ID, Cursor: int64(n + 1), Last: true, Now: at(second)}
	b := ledger.NewBatch{To: n, Batch: ledger.BatchHead{Update: u.ID, Channel: "email", Kind: channels.Email, Locale: "ro", Priority: notification.Urgent}}
	for i := 1; i <= n; i++ {
		p.Notifications = append(p.Notifications, ledger.NewNotification{Recipient: int64(i), Locale: "ro", Steps: notification.Steps("email", "sms")})
		b.Items = append(b.Items, ledger.Item{Address: fmt.Sprintf("c%d@example.com", i)})
	}
	p.Notifications = append(p.Notifications, ledger.NewNotification{
		Recipient: int64(n + 1), Locale: "ro", Outcome: notification.Suppressed, Reason: notification.NoConsent,
	})
	p.Batches = []ledger.NewBatch{b}
	w.must(w.CommitPage(w.Context(), p))
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = b.Items[i].Notification
	}
	all, err := w.Notifications(w.Context(), ids)
	w.must(err)
	w.must(w.MarkSent(w.Context(), []int64{all[0].Attempt.Batch}, at(second)))
	return all
}

// happen folds an event about the current step of a notification, or about an earlier one if past.
func (w *world) happen(second int, id int64, kind notification.EventKind, past ...uint8) {
	w.Helper()
	ns, err := w.Notifications(w.Context(), []int64{id})
	w.must(err)
	n := ns[0]
	ev := notification.Event{Kind: kind, Code: "c", ProviderID: w.messageID, Attempt: notification.ID{Notification: id, Step: n.Attempt.Step, Try: n.Attempt.Try}}
	if len(past) > 0 {
		ev.Attempt = notification.ID{Notification: id, Step: past[0]}
	}
	c := fallback.Decide(n, ev, w.policy, at(second))
	f := ledger.Fold{Now: at(second), Before: ns, Changed: []notification.Notification{c.Notification}}
	if a := c.Notification.Attempt; c.Queue {
		f.Batches = []ledger.AttemptBatch{{
			BatchHead: ledger.BatchHead{Update: n.Update, Channel: a.Channel, Kind: channels.Kind(a.Channel), Locale: n.Locale, Priority: notification.Urgent, Step: a.Step, Try: a.Try},
			Items:     []ledger.Item{{Notification: id, Address: "+37369000001"}},
		}}
	}
	if c.Await == fallback.AwaitSilence {
		f.Deadlines = []ledger.Deadline{{Batch: n.Attempt.Batch, Due: at(second + 60)}}
	}
	w.must(w.Apply(w.Context(), f))
}

// story tells what happens to some people whose cards fail: all that an audit looks at comes about.
//
//	payments/cards: update 1, which 2 overtakes, and 3 is held; payments/loans: 4 is closed, 5 not announced
func (w *world) story() {
	w.Helper()
	const delivered, failed, accepted = notification.ReceiptDelivered, notification.ResultFailed, notification.ResultAccepted
	w.people(8)
	first := w.announce("cards", 10, 6)
	w.happen(11, first[0].ID, delivered)
	w.happen(12, first[1].ID, failed) // reached by the next step
	w.happen(13, first[1].ID, delivered)
	w.happen(14, first[2].ID, accepted) // silence, then refused: and it had arrived
	w.happen(15, first[2].ID, notification.SilencePassed)
	w.happen(16, first[2].ID, failed)
	w.happen(17, first[2].ID, delivered, 0)
	w.happen(18, first[5].ID, notification.ResultReturned)
	w.happen(19, first[4].ID, accepted)
	second := w.announce("cards", 20, 4) // the sixth is not among them
	pages, err := w.SupersedingPages(w.Context(), 10)
	w.must(err)
	for _, n := range first[3:5] {
		w.happen(21, n.ID, notification.Supersession)
	}
	w.must(w.Apply(w.Context(), ledger.Fold{Now: at(22), Superseded: []int64{pages[0].ID}}))
	w.happen(23, first[3].ID, notification.ResultRevoked)
	w.happen(24, first[4].ID, notification.ReceiptFailed)
	w.happen(25, second[0].ID, notification.ReceiptRead)
	w.happen(26, second[1].ID, accepted)
	w.happen(27, second[2].ID, notification.ResultUnknown)
	w.happen(28, second[3].ID, failed)
	w.record("cards", 30, ledger.Held, "")
	third := w.announce("loans", 31, 1)
	w.happen(32, third[0].ID, delivered)
	w.record("loans", 33, ledger.NotAnnounced, "older than what is known")
	w.must(w.RecordRejection(w.Context(), ledger.Rejection{Team: "payments", At: at(34), Body: []byte("{")}))
	w.must(w.Apply(w.Context(), ledger.Fold{Now: at(35), Trail: []ledger.TrailEntry{
		ledger.OrderEntry("payments", "cards", 2, "pause", "Ana", "the provider asks us to", at(35)),
	}}))
}

// told writes a story once and returns its file, closed.
func told(t *testing.T) string {
	t.Helper()
	w := newWorld(t, t.TempDir())
	w.story()
	w.must(w.Close())
	return w.path
}

// copyOf copies a ledger's file and changes it by statements.
func copyOf(t *testing.T, path string, statements ...string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return to
}

// run audits a ledger's file and returns what was found.
func run(t *testing.T, path string, o audit.Options) (audit.Summary, []audit.Violation) {
	t.Helper()
	l, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return runOn(t, l, o)
}

func runOn(t *testing.T, l audit.Ledger, o audit.Options) (audit.Summary, []audit.Violation) {
	t.Helper()
	var found []audit.Violation
	o.Found = func(v audit.Violation) { found = append(found, v) }
	s, err := audit.Run(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	return s, found
}
