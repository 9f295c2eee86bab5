package dispatcher

import (
	"context"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// plannerLedger counts pages, can be out of order, and can end a planner between pages.
type plannerLedger struct {
	*sqlite.Ledger
	pages  int
	before func(page int) error
	refuse func(update int64) error
	last   chan struct{}
}

func (l *plannerLedger) CommitPage(ctx context.Context, p ledger.Page) error {
	l.pages++
	if l.before != nil {
		if err := l.before(l.pages); err != nil {
			return err
		}
	}
	if l.refuse != nil {
		if err := l.refuse(p.Update); err != nil {
			return err
		}
	}
	err := l.Ledger.CommitPage(ctx, p)
	if err == nil && p.Last {
		l.last <- struct{}{}
	}
	return err
}

func newPlanner(l *sqlite.Ledger, size int) (*Planner, *plannerLedger) {
	pl := &plannerLedger{Ledger: l, last: make(chan struct{}, 10)}
	return &Planner{
		Ledger: pl, Rules: rules(), PageSize: size, Planned: NewSignal(), Batches: NewSignal(), Pages: NewSignal(), Metrics: metrics(), Log: quiet(),
	}, pl
}

// planAll plans what there is.
func planAll(t *testing.T, l *sqlite.Ledger, size int) *Planner {
	t.Helper()
	return planWith(t, l, rules(), size)
}

func planWith(t *testing.T, l *sqlite.Ledger, r plan.Rules, size int) *Planner {
	t.Helper()
	p, pl := newPlanner(l, size)
	p.Rules = r
	stop := runs(t, p.Run)
	await(t, "the last page", pl.last)
	stop()
	return p
}

// itemsByRecipient counts the items of all batches by recipient; it fails the test if an item has no
// notification of its own.
func itemsByRecipient(t *testing.T, l *sqlite.Ledger) map[int64]int {
	t.Helper()
	byRecipient := map[int64]int{}
	for _, b := range allBatches(t, l) {
		for _, it := range b.Items {
			ns, err := l.Notifications(t.Context(), []int64{it.Notification})
			if err != nil || len(ns) != 1 || ns[0].Attempt.Batch != b.ID || ns[0].Attempt.Channel != b.Channel || ns[0].Locale != b.Locale {
				t.Fatalf("item %+v of %+v: %+v, %v", it, b.BatchHead, ns, err)
			}
			byRecipient[ns[0].Recipient]++
		}
	}
	return byRecipient
}

func TestPlannerPlansEverybodyOnce(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 10)
	elsewhere := customer(11)
	elsewhere.Services = []string{"loans"}
	silent := customer(12)
	silent.Consents = nil
	if err := l.PutRecipients(t.Context(), []audience.Recipient{elsewhere, silent}); err != nil {
		t.Fatal(err)
	}
	record(t, l, testUpdate(1), testTexts(channels.SMS, channels.Email))
	p := planAll(t, l, 4)
	got := itemsByRecipient(t, l)
	for n := int64(1); n <= 12; n++ {
		want := 1
		if n > 10 {
			want = 0
		}
		if got[n] != want {
			t.Errorf("recipient %d is planned %d times, want %d", n, got[n], want)
		}
	}
	pr := progress(t, l)
	if pr.State != ledger.Sending || pr.Audience != 11 || pr.Open != 10 || pr.Count("", "suppressed") != 1 {
		t.Errorf("progress: %+v", pr)
	}
	await(t, "the publisher to be woken", p.Batches)
	await(t, "the engine to be woken", p.Pages)
}

func TestPlannerLaysOutPagesByBatch(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 2*bus.MaxAttempts+20)
	record(t, l, testUpdate(1), testTexts(channels.SMS, channels.Email))
	planAll(t, l, 10_000)
	next := int64(1)
	var shape []string
	for _, b := range allBatches(t, l) {
		shape = append(shape, fmt.Sprint(b.Channel, b.Locale, len(b.Items)))
		if b.Priority != notification.Urgent || b.Step != 0 || b.Try != 0 {
			t.Errorf("batch %+v", b.BatchHead)
		}
		for _, it := range b.Items {
			if it.Notification != next {
				t.Fatalf("notification %d follows %d: ids don't ascend in the order of sending", it.Notification, next-1)
			}
			next++
			if text, err := b.Content.Text.Expand(it.Values); err != nil || text == "" || it.Values["name"] == "" {
				t.Errorf("item %+v says %q, %v", it, text, err)
			}
		}
	}
	if fmt.Sprint(shape) != "[emailro256 emailro10 smsen256 smsen10]" {
		t.Errorf("batches are %v", shape)
	}
}

func TestPlannerListOfRecipients(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 9)
	u := testUpdate(1)
	u.Affects.Services, u.Affects.Recipients = nil, []string{"c-2", "c-7", "c-4", "nobody"}
	record(t, l, u, testTexts(channels.SMS, channels.Email))
	planAll(t, l, 2)
	if got := itemsByRecipient(t, l); len(got) != 3 || got[2] != 1 || got[4] != 1 || got[7] != 1 {
		t.Errorf("planned %v, want 2, 4 and 7", got)
	}
}

func TestPlannerEmptyAudience(t *testing.T) {
	l := openLedger(t)
	record(t, l, testUpdate(1), nil)
	planner := planAll(t, l, 2)
	if p := progress(t, l); p.State != ledger.Closed || p.Reason == "" {
		t.Errorf("an update for nobody: %+v", p)
	}
	if n := testutil.ToFloat64(planner.Metrics.empty); n != 1 {
		t.Errorf("%v empty audiences counted, want 1", n)
	}
}

func TestPlannerResumesBetweenPages(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 20)
	record(t, l, testUpdate(1), testTexts(channels.SMS, channels.Email))
	for killAt := range 4 { // each planner is killed at its next page but one
		p, pl := newPlanner(l, 3)
		ctx, kill := context.WithCancel(t.Context())
		pl.before = func(page int) error {
			if page == 2 {
				kill()
				return ctx.Err()
			}
			return nil
		}
		if err := p.Run(ctx); err != nil {
			t.Errorf("planner %d: %v", killAt, err)
		}
		kill()
		customers(t, l, 100+killAt, 100+killAt) // imported meanwhile: not part of the audience
	}
	if p := progress(t, l); p.State != ledger.Planning || p.Audience != 12 {
		t.Fatalf("after four pages: %+v", p)
	}
	planAll(t, l, 3)
	got := itemsByRecipient(t, l)
	for n := int64(1); n <= 20; n++ {
		if got[n] != 1 {
			t.Errorf("recipient %d is planned %d times", n, got[n])
		}
	}
	if len(got) != 20 {
		t.Errorf("%d recipients planned, want the 20 who were there at the start", len(got))
	}
}

func TestPlannerTriesAgain(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 4)
	record(t, l, testUpdate(1), testTexts(channels.SMS, channels.Email))
	p, pl := newPlanner(l, 3)
	pl.before = func(page int) error {
		if page == 1 {
			return errDown
		}
		return nil
	}
	p.Planned.Wake() // does not have to wait long for the next try
	runs(t, p.Run)
	await(t, "the last page", pl.last)
	if got := itemsByRecipient(t, l); len(got) != 4 {
		t.Errorf("planned %v", got)
	}
}

func TestTwoPlannersPlanOnce(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 60)
	record(t, l, testUpdate(1), testTexts(channels.SMS, channels.Email))
	a, la := newPlanner(l, 2)
	b, lb := newPlanner(l, 2)
	stopA, stopB := runs(t, a.Run), runs(t, b.Run)
	select {
	case <-la.last:
	case <-lb.last:
	}
	stopA()
	stopB()
	got := itemsByRecipient(t, l)
	for n := int64(1); n <= 60; n++ {
		if got[n] != 1 {
			t.Errorf("recipient %d is planned %d times", n, got[n])
		}
	}
}

func TestPlannerLeavesOutChannelsWithoutText(t *testing.T) {
	l := openLedger(t)
	mail, web := customer(1), customer(2)
	web.Preferences, web.Consents = []string{"web"}, []string{"web"}
	web.Addresses = audience.Addresses{{Channel: "web", Address: "w"}}
	if err := l.PutRecipients(t.Context(), []audience.Recipient{mail, web}); err != nil {
		t.Fatal(err)
	}
	record(t, l, testUpdate(1), testTexts(channels.SMS)) // web and email were configured later
	planAll(t, l, 10)
	bs := allBatches(t, l)
	if len(bs) != 1 || bs[0].Channel != "sms" || len(bs[0].Items) != 1 {
		t.Errorf("batches: %+v", bs)
	}
	ns, err := l.Notifications(t.Context(), []int64{1, 2})
	if err != nil || len(ns) != 2 {
		t.Fatal(ns, err)
	}
	for _, n := range ns {
		if n.Recipient == 2 && (n.Outcome != notification.Unreachable || n.Reason != notification.NoText) {
			t.Errorf("with no text for any channel: %+v", n)
		}
		if n.Recipient == 1 && (n.Outcome != notification.Open || len(n.Steps) != 1) {
			t.Errorf("with a text behind: %+v", n)
		}
	}
}
