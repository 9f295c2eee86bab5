package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// raw is a connection of the test's own.
func raw(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func query[T any](t *testing.T, conn *pgx.Conn, q string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), q, args...)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func exec(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func partitions(t *testing.T, conn *pgx.Conn, table string) []string {
	t.Helper()
	return query[string](t, conn, `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = $1::text::regclass ORDER BY 1`, table)
}

// play announces an update of incident key at a time to people 1..n, by sms, and lets the first
// so many be reached. It returns the notifications' ids.
func play(t *testing.T, l *postgres.Ledger, key string, now time.Time, n, reached int) []int64 {
	t.Helper()
	u := incident.Update{Source: "/test", EventID: key, Time: now, Data: incident.Data{
		Team: "ops", Incident: key, Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Major, StartedAt: now,
	}}
	_, err := l.RecordUpdate(t.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		text := ledger.Text{Kind: channels.SMS, Locale: "en", Units: 2, Content: notification.Content{Text: notification.Literal("Down")}}
		return ledger.NewUpdate{Update: u, State: ledger.Approved, ReceivedAt: now, Texts: []ledger.Text{text},
			Incident: incident.Incident{Team: "ops", ID: key, Kind: u.Kind, StartedAt: now}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	next, err := l.NextToPlan(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	p := ledger.Page{Update: next.ID, Cursor: next.Until, Last: true, Now: now}
	b := ledger.NewBatch{To: n, Batch: ledger.BatchHead{Update: next.ID, Channel: "sms", Kind: channels.SMS, Locale: "en", Priority: notification.Urgent}}
	for i := range n {
		p.Notifications = append(p.Notifications, ledger.NewNotification{Recipient: int64(i + 1), Locale: "en", Steps: notification.Steps("sms")})
		b.Items = append(b.Items, ledger.Item{Address: fmt.Sprint("+3736900000", i)})
	}
	p.Batches = []ledger.NewBatch{b}
	if err := l.CommitPage(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, it := range b.Items {
		ids = append(ids, it.Notification)
	}
	reach(t, l, ids[:reached], now.Add(time.Minute))
	return ids
}

func reach(t *testing.T, l *postgres.Ledger, ids []int64, now time.Time) {
	t.Helper()
	reachBy(t, l, "sms", ids, now)
}

func reachBy(t *testing.T, l *postgres.Ledger, channel string, ids []int64, now time.Time) {
	t.Helper()
	ns, err := l.Notifications(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	f := ledger.Fold{Now: now, Before: ns}
	for _, n := range ns {
		n.Attempt.State, n.Attempt.Took = notification.Delivered, true
		n.Outcome, n.Proof, n.ReachedBy, n.SettledAt = notification.Reached, channels.Delivered, channel, now
		f.Changed = append(f.Changed, n)
	}
	if err := l.Apply(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func people(n int) []audience.Recipient {
	rs := make([]audience.Recipient, n)
	for i := range rs {
		rs[i] = audience.Recipient{ID: fmt.Sprint("c-", i+1), Locale: "en"}
	}
	return rs
}

// TestIDsAreTheirWeek: the bounds between partitions are midnights between Sunday and Monday, ids
// ascend over them, and stay exact in JSON.
func TestIDsAreTheirWeek(t *testing.T) {
	url := server.Database(t)
	l, conn := open(t, url), raw(t, url)
	if err := l.PutRecipients(t.Context(), people(2)); err != nil {
		t.Fatal(err)
	}
	sunday := time.Date(2030, 3, 10, 23, 59, 59, 999_000_000, time.UTC)
	before := play(t, l, "before", sunday, 2, 2)
	after := play(t, l, "after", sunday.Add(time.Millisecond), 2, 2)
	for _, c := range []struct {
		id        int64
		partition string
	}{{before[1], "notifications_20300304"}, {after[0], "notifications_20300311"}} {
		got := query[string](t, conn, `SELECT tableoid::regclass::text FROM notifications WHERE id = $1`, c.id)
		if !slices.Equal(got, []string{c.partition}) {
			t.Errorf("notification %d is in %v, want %s", c.id, got, c.partition)
		}
	}
	if before[1] >= after[0] || after[1] >= 1<<53 {
		t.Errorf("ids %v, then %v: want them to ascend, below 2^53", before, after)
	}
	if got := partitions(t, conn, "batches"); !slices.Contains(got, "batches_20300318") {
		t.Errorf("partitions %v: want the next week's made ahead", got)
	}
	last := play(t, l, "last", time.Date(2157, 6, 1, 0, 0, 0, 0, time.UTC), 1, 1)
	first := play(t, l, "first", time.Date(1969, 6, 1, 0, 0, 0, 0, time.UTC), 1, 1)
	if last[0] >= 1<<53 || first[0] < 1 {
		t.Errorf("ids %d in 2157 and %d in 1969", last[0], first[0])
	}
}

// TestLookUpsGoToOnePartition: an id says in which week to look, whatever there is.
func TestLookUpsGoToOnePartition(t *testing.T) {
	url := server.Database(t)
	l, conn := open(t, url), raw(t, url)
	if err := l.PutRecipients(t.Context(), people(1)); err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2030, 3, 11, 0, 0, 0, 0, time.UTC)
	var ids []int64
	for i := range 4 {
		ids = append(ids, play(t, l, fmt.Sprint("week-", i), monday.AddDate(0, 0, 7*i), 1, 1)...)
	}
	plan := strings.Join(query[string](t, conn, `EXPLAIN UPDATE notifications n SET version = n.version + 1 FROM unnest($1::bigint[]) AS x (id)
		WHERE n.id = x.id AND n.id BETWEEN $2 AND $3`, ids[1:2], ids[1], ids[1]), "\n")
	if !strings.Contains(plan, "notifications_20300318") || strings.Contains(plan, "notifications_20300311") || strings.Contains(plan, "notifications_20300325") {
		t.Errorf("want the week of March 18 alone:\n%s", plan)
	}
}

func TestRetain(t *testing.T) {
	url := server.Database(t)
	l, conn := open(t, url), raw(t, url)
	if err := l.PutRecipients(t.Context(), people(3)); err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2020, 6, 1, 12, 0, 0, 0, time.UTC)
	closed := play(t, l, "closed", monday, 3, 3)
	busy := play(t, l, "busy", monday.AddDate(0, 0, 7), 3, 2)
	play(t, l, "young", monday.AddDate(0, 0, 14), 3, 3)
	want, err := l.Report(t.Context(), "ops", "closed")
	if err != nil || !want.Balanced || want.Updates[0].Segments != 6 || want.Updates[0].Max != 60 {
		t.Fatalf("before: %+v, %v", want, err)
	}

	dropped, err := l.Retain(t.Context(), monday.AddDate(0, 0, 14), monday.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	wantDropped := []string{"notifications_20200601", "attempts_20200601", "batches_20200601", "provider_ids_20200601", "early_receipts_20200601"}
	if d := cmp.Diff(wantDropped, dropped.Partitions); d != "" {
		t.Errorf("dropped (-want +got):\n%s", d)
	}
	if got := partitions(t, conn, "notifications"); !slices.Contains(got, "notifications_20200608") || !slices.Contains(got, "notifications_20200615") {
		t.Errorf("left are %v: want the week in use, and the young one", got)
	}
	got, err := l.Report(t.Context(), "ops", "closed")
	want.Updates[0].Dropped, want.TrailHead = true, got.TrailHead
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("the report of dropped rows differs, %v (-want +got):\n%s", err, d)
	}
	if ns, err := l.Notifications(t.Context(), closed); err != nil || len(ns) != 0 {
		t.Errorf("dropped notifications: %v, %v", ns, err)
	}

	reach(t, l, busy[2:], monday.AddDate(0, 0, 8))
	if dropped, err = l.Retain(t.Context(), monday.AddDate(0, 0, 14), monday.AddDate(1, 0, 0)); err != nil || len(dropped.Partitions) != 5 || dropped.Partitions[0] != "notifications_20200608" {
		t.Errorf("once it is closed: %v, %v", dropped, err)
	}
	if dropped, err = l.Retain(t.Context(), monday.AddDate(0, 0, 14), monday.AddDate(1, 0, 0)); err != nil || !dropped.Nothing() {
		t.Errorf("again: %v, %v", dropped, err)
	}
	// What comes late for a week that is gone makes it anew.
	late := ledger.Fold{Now: monday.AddDate(0, 0, 30), ProviderIDs: []ledger.ProviderAttempt{{Channel: "viber", ProviderID: "v", Attempt: notification.ID{Notification: closed[0]}}}}
	if err := l.Apply(t.Context(), late); err != nil {
		t.Errorf("late news of a dropped week: %v", err)
	}
}

// TestDroppedElsewhere: a process that knows a week's partitions notices that another has dropped them.
func TestDroppedElsewhere(t *testing.T) {
	url := server.Database(t)
	l, other := open(t, url), open(t, url)
	if err := l.PutRecipients(t.Context(), people(1)); err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2020, 6, 1, 12, 0, 0, 0, time.UTC)
	play(t, l, "a", monday, 1, 1)
	if dropped, err := other.Retain(t.Context(), monday.AddDate(1, 0, 0), monday.AddDate(1, 0, 0)); err != nil || dropped.Nothing() {
		t.Fatalf("%v, %v", dropped, err)
	}
	play(t, l, "b", monday, 1, 1)
}

// TestRetainBesideAReader: nothing is dropped under somebody who reads it.
func TestRetainBesideAReader(t *testing.T) {
	url := server.Database(t)
	l, conn := open(t, url), raw(t, url)
	if err := l.PutRecipients(t.Context(), people(1)); err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2020, 6, 1, 12, 0, 0, 0, time.UTC)
	play(t, l, "a", monday, 1, 1)
	exec(t, conn, `BEGIN; SELECT count(*) FROM notifications`)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if dropped, err := l.Retain(ctx, monday.AddDate(1, 0, 0), monday.AddDate(1, 0, 0)); !errors.Is(err, context.DeadlineExceeded) || !dropped.Nothing() {
		t.Errorf("beside a reader: %v, %v; want it to wait until its context ends", dropped, err)
	}
	exec(t, conn, `COMMIT`)
	if dropped, err := l.Retain(t.Context(), monday.AddDate(1, 0, 0), monday.AddDate(1, 0, 0)); err != nil || dropped.Nothing() {
		t.Errorf("afterwards: %v, %v", dropped, err)
	}
}

// TestManyBeginAWeek: processes that come into a new week at the same time make its partitions once.
func TestManyBeginAWeek(t *testing.T) {
	url := server.Database(t)
	var ledgers []*postgres.Ledger
	for range 6 {
		ledgers = append(ledgers, open(t, url))
	}
	monday := time.Date(2040, 1, 2, 0, 0, 0, 0, time.UTC)
	for i := range 4 {
		var g errgroup.Group
		now := monday.AddDate(0, 0, 14*i)
		for j, l := range ledgers {
			f := ledger.Fold{Now: now, Early: []ledger.EarlyReceipt{{Channel: "viber", ProviderID: fmt.Sprint(j), State: channels.ReceiptRead, At: now}}}
			g.Go(func() error { return l.Apply(t.Context(), f) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	early, err := ledgers[0].EarlyReceipts(t.Context(), "viber", []string{"0", "5"})
	if err != nil || len(early) != 8 {
		t.Errorf("%d receipts, %v; want two for each of four weeks", len(early), err)
	}
}
