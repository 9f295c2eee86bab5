package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// world is a store with what the tests do to it.
type world struct {
	*testing.T
	Store
	ctx context.Context

	mu  sync.Mutex
	ids map[int64][]int64 // of the notifications, by update
}

// CommitPage keeps the ids that a page's notifications are given: consecutive ones, in the order of
// the page, and those of the batches' items are told to the caller.
func (w *world) CommitPage(ctx context.Context, p ledger.Page) error {
	if err := w.Store.CommitPage(ctx, p); err != nil || len(p.Batches) == 0 {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	first := p.Batches[0].Items[0].Notification - int64(p.Batches[0].From)
	for i := range p.Notifications {
		w.ids[p.Update] = append(w.ids[p.Update], first+int64(i))
	}
	return nil
}

// at is a moment of the tests' day, in seconds from its beginning.
func at(seconds int) time.Time {
	return time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) wantErr(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Fatalf("error %v, want %v", err, want)
	}
}

// equal compares, with empty and nil lists the same.
func (w *world) equal(what string, got, want any) {
	w.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		w.Errorf("%s differs (-want +got):\n%s", what, d)
	}
}

func person(n int) audience.Recipient {
	return audience.Recipient{
		ID: fmt.Sprintf("c-%03d", n), Name: fmt.Sprintf("Name %d", n), Locale: "ro", Zone: "Europe/Chisinau",
		Addresses: audience.Addresses{
			{Channel: "email", Address: fmt.Sprintf("c%d@example.com", n)},
			{Channel: "sms", Address: fmt.Sprintf("+37369%06d", n)},
		},
		Preferences: []string{"email"}, Consents: []string{"email", "sms"},
		Services: []string{"cards", "atm"}, Regions: []string{"north"}, Segments: []string{"retail"},
		Values: map[string]string{"branch": fmt.Sprintf("Strada %d, „colț”", n), "atm": "Piața"},
	}
}

// people puts so many recipients into the directory, numbered from 1.
func (w *world) people(n int) {
	w.Helper()
	rs := make([]audience.Recipient, n)
	for i := range rs {
		rs[i] = person(i + 1)
	}
	w.must(w.PutRecipients(w.ctx, rs))
}

// update is the n-th thing said about an incident.
func update(key string, n int) incident.Update {
	return incident.Update{
		Source: "/payments", EventID: fmt.Sprintf("%s-%d", key, n), Time: at(n), Sequence: fmt.Sprint(n),
		Data: incident.Data{
			Team: "payments", Incident: key, Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Major,
			Affects: incident.Audience{Services: []string{"cards"}}, StartedAt: at(-600),
			Summary: incident.Text{"en": "Cards fail.", "ro": "Cardurile nu merg."},
		},
	}
}

func texts() []ledger.Text {
	return []ledger.Text{
		{Kind: channels.Email, Locale: "ro", Content: notification.Content{
			Subject: notification.Literal("Carduri"), Text: notification.Segments{{Literal: "Bună "}, {Placeholder: "name", Default: "ziua"}},
		}},
		{Kind: channels.SMS, Locale: "en", Units: 1, Content: notification.Content{Text: notification.Literal("Cards fail")}},
		{Kind: channels.SMS, Locale: "ro", Units: 2, Content: notification.Content{Text: notification.Literal("Cardurile nu merg")}},
	}
}

// record keeps an update and returns its id.
func (w *world) record(u incident.Update, state ledger.UpdateState) int64 {
	w.Helper()
	recorded, err := w.RecordUpdate(w.ctx, u, func(before *incident.Incident) (ledger.NewUpdate, error) {
		after := incident.Incident{
			Team: u.Team, ID: u.Incident, Kind: u.Kind, Status: u.Status, Impact: u.Impact, Time: u.Time,
			Sequence: u.Sequence, StartedAt: u.StartedAt, Updates: 1, Affects: &u.Affects, MergedInto: u.MergedInto,
		}
		if before != nil {
			after.Updates = before.Updates + 1
		}
		if before != nil && before.MergedInto != "" {
			after.MergedInto = before.MergedInto
		}
		return ledger.NewUpdate{Update: u, Incident: after, State: state, ReceivedAt: u.Time, Texts: texts(), Terms: terms()}, nil
	})
	w.must(err)
	if !recorded {
		w.Fatalf("update %s was not recorded", u.EventID)
	}
	s, err := w.Incident(w.ctx, u.Team, u.Incident)
	w.must(err)
	return s.Progress[len(s.Progress)-1].ID
}

// begin records an approved update and begins to plan it.
func (w *world) begin(u incident.Update) ledger.Update {
	w.Helper()
	id := w.record(u, ledger.Approved)
	next, err := w.NextToPlan(w.ctx, 0)
	w.must(err)
	if next.ID != id {
		w.Fatalf("update %d is to be planned next, want %d", next.ID, id)
	}
	return next
}

// head is the head of a first batch.
func head(update int64, channel string) ledger.BatchHead {
	return ledger.BatchHead{Update: update, Channel: channel, Kind: channels.Kind(channel), Locale: "ro", Priority: notification.Urgent}
}

// page plans recipients from..to (numbers) by email and then sms, in one batch.
func page(u ledger.Update, from, to int, last bool) ledger.Page {
	p := ledger.Page{Update: u.ID, From: int64(from - 1), Cursor: int64(to), Last: last, Now: at(10)}
	b := ledger.NewBatch{From: 0, To: to - from + 1, Batch: head(u.ID, "email")}
	for n := from; n <= to; n++ {
		p.Notifications = append(p.Notifications, ledger.NewNotification{Recipient: int64(n), Locale: "ro", Steps: notification.Steps("email", "sms")})
		b.Items = append(b.Items, ledger.Item{Address: fmt.Sprintf("c%d@example.com", n), Values: map[string]string{"name": fmt.Sprintf("Name %d", n)}})
	}
	p.Batches = []ledger.NewBatch{b}
	return p
}

// announce records an update and plans it for recipients 1..n in one page. It returns the update
// and its notifications.
func (w *world) announce(u incident.Update, n int) (ledger.Update, []notification.Notification) {
	w.Helper()
	next := w.begin(u)
	w.must(w.CommitPage(w.ctx, page(next, 1, n, true)))
	return next, w.of(next.ID)
}

// of returns all notifications of an update.
func (w *world) of(update int64) []notification.Notification {
	w.Helper()
	ns, err := w.Notifications(w.ctx, w.ids[update])
	w.must(err)
	return ns
}

// change is a fold of one notification, changed by f.
func change(f *ledger.Fold, before notification.Notification, by func(*notification.Notification)) {
	after := before
	after.Past = append([]notification.Attempt(nil), before.Past...)
	by(&after)
	f.Before, f.Changed = append(f.Before, before), append(f.Changed, after)
}

func (w *world) apply(f ledger.Fold) {
	w.Helper()
	w.must(w.Apply(w.ctx, f))
}

func reach(channel string, s notification.State, now time.Time) func(*notification.Notification) {
	return func(n *notification.Notification) {
		n.Attempt.State, n.Attempt.Took = s, true
		n.Outcome, n.Proof, n.ReachedBy, n.SettledAt = notification.Reached, s.Proof(), channel, now
	}
}

// next fails the current attempt and goes on to the next step.
func next(s notification.State, code string, now time.Time) func(*notification.Notification) {
	return func(n *notification.Notification) {
		n.Attempt.State, n.Attempt.Code = s, code
		n.Past = append(n.Past, n.Attempt)
		step := n.Attempt.Step + 1
		n.Attempt = notification.Attempt{Step: step, Channel: n.Steps[step].Channel, State: notification.Queued, QueuedAt: now}
	}
}

func giveUp(why notification.Reason, now time.Time) func(*notification.Notification) {
	return func(n *notification.Notification) {
		n.Attempt.State = notification.Failed
		n.Outcome, n.Reason, n.SettledAt = notification.Unreachable, why, now
	}
}

// further is the batch that carries an attempt for a notification's next step.
func further(n *notification.Notification) ledger.AttemptBatch {
	b := ledger.AttemptBatch{BatchHead: head(n.Update, n.Attempt.Channel)}
	b.Step, b.Try = n.Attempt.Step, n.Attempt.Try
	b.Items = []ledger.Item{{Notification: n.ID, Address: "+37369000001"}}
	return b
}
