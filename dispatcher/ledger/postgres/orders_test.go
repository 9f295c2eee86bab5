package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// planning records an update, approved, and begins to plan it.
func planning(t *testing.T, l *postgres.Ledger, key string, now time.Time) ledger.Update {
	t.Helper()
	u := incident.Update{Source: "/test", EventID: key, Time: now, Data: incident.Data{
		Team: "ops", Incident: key, Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Major, StartedAt: now,
	}}
	_, err := l.RecordUpdate(t.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		text := ledger.Text{Kind: channels.SMS, Locale: "en", Units: 1, Content: notification.Content{Text: notification.Literal("Down")}}
		return ledger.NewUpdate{Update: u, State: ledger.Approved, ReceivedAt: now, Incident: incident.Incident{Team: "ops", ID: key}, Texts: []ledger.Text{text}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	next, err := l.NextToPlan(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// commit plans recipients from..to by SMS, and returns the notifications' ids.
func commit(t *testing.T, l *postgres.Ledger, u ledger.Update, from, to int, now time.Time) []int64 {
	t.Helper()
	p := ledger.Page{Update: u.ID, From: int64(from - 1), Cursor: int64(to), Now: now}
	b := ledger.NewBatch{To: to - from + 1, Batch: ledger.BatchHead{Update: u.ID, Channel: "sms", Kind: channels.SMS, Locale: "en", Priority: notification.Urgent}}
	b.Items = make([]ledger.Item, b.To)
	for n := from; n <= to; n++ {
		p.Notifications = append(p.Notifications, ledger.NewNotification{Recipient: int64(n), Locale: "en", Steps: notification.Steps("sms")})
	}
	p.Batches = []ledger.NewBatch{b}
	if err := l.CommitPage(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	ids := make([]int64, len(b.Items))
	for i := range ids {
		ids[i] = b.Items[i].Notification
	}
	return ids
}

func order(t *testing.T, l *postgres.Ledger, v ledger.Verb, update int64) {
	t.Helper()
	o := ledger.Order{ID: string(v), Verb: v, Update: update, Channel: "sms", By: "Ana", Why: "a reason"}
	if r, err := l.CarryOut(t.Context(), o, time.Now()); err != nil || r.Refused {
		t.Fatalf("%+v, %v", r, err)
	}
}

func pending(t *testing.T, l *postgres.Ledger, errands []ledger.Errand) (ids []int64) {
	t.Helper()
	for _, e := range errands {
		ns, _, err := l.Pending(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		for i := range ns {
			ids = append(ids, ns[i].ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// TestErrandsOverWeeks: an update that is planned over midnight on a Sunday is cancelled in as many
// errands as it takes, though its ids are far apart, and others' come between.
func TestErrandsOverWeeks(t *testing.T) {
	l := open(t, server.Database(t))
	if err := l.PutRecipients(t.Context(), people(6)); err != nil {
		t.Fatal(err)
	}
	sunday := time.Date(2030, 3, 10, 23, 59, 0, 0, time.UTC)
	play(t, l, "before", sunday, 3, 0)
	u := planning(t, l, "cards", sunday)
	ids := commit(t, l, u, 1, 2, sunday)
	ids = append(ids, commit(t, l, u, 3, 4, sunday.Add(time.Minute))...)
	ids = append(ids, commit(t, l, u, 5, 6, sunday.AddDate(0, 0, 21))...)
	order(t, l, ledger.Cancel, u.ID)
	errands, err := l.Errands(t.Context(), 0, 100)
	if err != nil || len(errands) != 3 {
		t.Errorf("errands %+v, %v; want one for each week", errands, err)
	}
	if got := pending(t, l, errands); !slices.Equal(got, ids) {
		t.Errorf("pending are %v, want %v", got, ids)
	}
}

// TestErrandsAreBounded: none is about more than the engine takes at once, and none about nothing.
func TestErrandsAreBounded(t *testing.T) {
	l := open(t, server.Database(t))
	const people = 3*ledger.ErrandSize + 1
	now := time.Date(2030, 3, 11, 0, 0, 0, 0, time.UTC)
	u := planning(t, l, "cards", now)
	ids := commit(t, l, u, 1, people, now)
	middle := ids[ledger.ErrandSize : 2*ledger.ErrandSize]
	reach(t, l, middle, now)
	order(t, l, ledger.Move, u.ID)
	errands, err := l.Errands(t.Context(), 0, 100)
	if err != nil || len(errands) != 3 {
		t.Fatalf("errands %+v, %v; want three", errands, err)
	}
	for _, e := range errands {
		if e.Last-e.First >= ledger.ErrandSize {
			t.Errorf("%+v is too long", e)
		}
	}
	want := slices.Concat(ids[:ledger.ErrandSize], ids[2*ledger.ErrandSize:])
	if got := pending(t, l, errands); !slices.Equal(got, want) {
		t.Errorf("%d pending, want %d", len(got), len(want))
	}
	order(t, l, ledger.Recall, u.ID)
	all, err := l.Errands(t.Context(), errands[2].ID, 100)
	if err != nil || len(all) != 3+4 {
		t.Fatalf("errands %+v, %v; want three that cancel, and four that recall", all, err)
	}
	if got := pending(t, l, all[:3]); !slices.Equal(got, want) {
		t.Errorf("%d to be cancelled, want %d", len(got), len(want))
	}
	if got := pending(t, l, all[3:]); !slices.Equal(got, ids) {
		t.Errorf("%d to be recalled, want %d", len(got), len(ids))
	}
}

// TestRetainWaitsForOrders: a week stays while something is to be done about it, and a cancelled update
// keeps it no longer than its notifications are open.
func TestRetainWaitsForOrders(t *testing.T) {
	url := server.Database(t)
	l, conn := open(t, url), raw(t, url)
	monday := time.Date(2020, 6, 1, 12, 0, 0, 0, time.UTC)
	kept := func(when string) {
		t.Helper()
		if dropped, err := l.Retain(t.Context(), monday.AddDate(0, 0, 7), monday.AddDate(0, 0, 7)); err != nil || !dropped.Nothing() {
			t.Errorf("%s: dropped %v, %v; want nothing", when, dropped, err)
		}
	}
	u := planning(t, l, "cards", monday)
	ids := commit(t, l, u, 1, 2, monday)
	order(t, l, ledger.Cancel, u.ID)
	kept("cancelled")
	reach(t, l, ids, monday)
	kept("settled, with its errand still to be run")
	errands, err := l.Errands(t.Context(), 0, 10)
	if err != nil || len(errands) != 1 {
		t.Fatalf("errands %+v, %v", errands, err)
	}
	if err := l.Apply(t.Context(), ledger.Fold{Now: monday, ErrandsDone: []int64{errands[0].ID}}); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, `UPDATE updates SET state = 'closed'`)
	exec(t, conn, `INSERT INTO updates (incident, team, source, event_id, status, impact, state, reason, received_at, approved_at, approved_by, retry_of, value)
		SELECT incident, team, source, 'again', status, impact, 'approved', '', 0, 0, '', id, value FROM updates`)
	kept("told again")
	exec(t, conn, `UPDATE updates SET state = 'cancelled'`)
	if dropped, err := l.Retain(t.Context(), monday.AddDate(0, 0, 7), monday.AddDate(0, 0, 7)); err != nil || dropped.Nothing() {
		t.Errorf("when all is done: %v, %v", dropped, err)
	}
}
