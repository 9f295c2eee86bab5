package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func audited(t *testing.T, l *postgres.Ledger, when string) {
	t.Helper()
	_, err := audit.Run(t.Context(), l, audit.Options{Tolerance: time.Minute, Found: func(v audit.Violation) { t.Errorf("%s: %+v", when, v) }})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRetainInParts: an update that was planned over the midnight between two weeks loses one of them
// before the other: the report and the audit hold all the while.
func TestRetainInParts(t *testing.T) {
	l := open(t, server.Database(t))
	two := people(2)
	two[0].Consents, two[1].Consents = []string{"sms"}, []string{"sms"}
	if err := l.PutRecipients(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	sunday := time.Date(2020, 6, 7, 23, 0, 0, 0, time.UTC)
	monday := sunday.Add(2 * time.Hour)
	u := planning(t, l, "cards", sunday)
	ids := plannedApart(t, l, u, sunday, monday)
	reach(t, l, ids, monday)
	open := play(t, l, "open", monday, 2, 1)
	want, err := l.Report(t.Context(), "ops", "cards")
	if err != nil || !want.Balanced {
		t.Fatalf("before: %+v, %v", want, err)
	}
	audited(t, l, "before")
	for _, step := range []struct{ when, first string }{{"the first week", "notifications_20200601"}, {"the second week", "notifications_20200608"}} {
		d, err := l.Retain(t.Context(), monday.AddDate(0, 0, 7), monday.AddDate(1, 0, 0))
		if err != nil || len(d.Partitions) != 5 || d.Partitions[0] != step.first || d.Updates != 1 {
			t.Errorf("%s: dropped %+v, %v", step.when, d, err)
		}
		audited(t, l, step.when)
		got, err := l.Report(t.Context(), "ops", "cards")
		if err != nil || !got.Balanced || fmt.Sprint(got.Updates[0].Outcomes) != fmt.Sprint(want.Updates[0].Outcomes) || !got.Updates[0].Dropped {
			t.Errorf("%s: %+v, %v", step.when, got, err)
		}
		if step.when == "the first week" {
			reach(t, l, open[1:], monday.Add(time.Hour))
		}
	}
}

// plannedApart plans an update for the first recipient at one time and for the second at another.
func plannedApart(t *testing.T, l *postgres.Ledger, u ledger.Update, times ...time.Time) []int64 {
	t.Helper()
	var ids []int64
	for i, now := range times {
		b := ledger.NewBatch{To: 1, Items: []ledger.Item{{Address: "+37369000000"}}, Batch: ledger.BatchHead{
			Update: u.ID, Channel: "sms", Kind: channels.SMS, Locale: "en", Priority: notification.Urgent,
		}}
		p := ledger.Page{Update: u.ID, From: int64(i), Cursor: int64(i + 1), Last: i == len(times)-1, Now: now, Batches: []ledger.NewBatch{b},
			Notifications: []ledger.NewNotification{{Recipient: int64(i + 1), Locale: "en", Steps: notification.Steps("sms")}}}
		if err := l.CommitPage(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, b.Items[0].Notification)
	}
	return ids
}

// TestRetainBatchesBeforeTheirNotifications: a week in use stays, though a later one goes in which the next
// steps of its notifications were queued.
func TestRetainBatchesBeforeTheirNotifications(t *testing.T) {
	l := open(t, server.Database(t))
	two := people(2)
	two[0].Consents, two[1].Consents = []string{"sms"}, []string{"sms"}
	if err := l.PutRecipients(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	sunday := time.Date(2020, 6, 7, 23, 0, 0, 0, time.UTC)
	monday := sunday.Add(2 * time.Hour)
	u := planning(t, l, "cards", sunday)
	p := ledger.Page{Update: u.ID, Cursor: 2, Last: true, Now: sunday,
		Notifications: []ledger.NewNotification{{Recipient: 1, Locale: "en", Steps: notification.Steps("sms", "second")}},
		Batches: []ledger.NewBatch{{To: 1, Items: []ledger.Item{{Address: "+37369000000"}},
			Batch: ledger.BatchHead{Update: u.ID, Channel: "sms", Kind: channels.SMS, Locale: "en", Priority: notification.Urgent}}}}
	if err := l.CommitPage(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	id := p.Batches[0].Items[0].Notification
	before, err := l.Notifications(t.Context(), []int64{id})
	if err != nil {
		t.Fatal(err)
	}
	after := before[0]
	after.Attempt.State, after.Attempt.Code = notification.Failed, "550"
	after.Past = []notification.Attempt{after.Attempt}
	after.Attempt = notification.Attempt{Step: 1, Channel: "second", State: notification.Queued, QueuedAt: monday}
	err = l.Apply(t.Context(), ledger.Fold{Now: monday, Before: before, Changed: []notification.Notification{after}, Batches: []ledger.AttemptBatch{{
		BatchHead: ledger.BatchHead{Update: u.ID, Channel: "second", Kind: channels.SMS, Locale: "en", Priority: notification.Urgent, Step: 1},
		Items:     []ledger.Item{{Notification: id, Address: "+37369000000"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	play(t, l, "open", sunday, 2, 1)
	reachBy(t, l, "second", []int64{id}, monday.Add(time.Minute))
	audited(t, l, "before")
	d, err := l.Retain(t.Context(), monday.AddDate(0, 0, 7), monday.AddDate(1, 0, 0))
	if err != nil || len(d.Partitions) != 5 || d.Partitions[0] != "notifications_20200608" || d.Updates != 1 {
		t.Errorf("dropped %+v, %v; want the second week", d, err)
	}
	if ns, err := l.Notifications(t.Context(), []int64{id}); err != nil || len(ns) != 1 {
		t.Errorf("the notification: %v, %v; want it to be there", ns, err)
	}
	audited(t, l, "after")
}
