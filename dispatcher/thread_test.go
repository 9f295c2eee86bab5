package dispatcher

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

func TestFirstMessages(t *testing.T) {
	n := func(update, recipient int64, attempts ...notification.Attempt) notification.Notification {
		last := len(attempts) - 1
		return notification.Notification{Update: update, Recipient: recipient, Attempt: attempts[last], Past: attempts[:last]}
	}
	a := func(channel, id string) notification.Attempt {
		return notification.Attempt{Channel: channel, ProviderID: id}
	}
	failed := a("x", "refused")
	failed.State = notification.Failed
	recalled := func(id string, r notification.Recall) notification.Attempt {
		at := a("x", id)
		at.Recall = r
		return at
	}
	for name, tt := range map[string]struct {
		told []notification.Notification
		want map[int64][]string
	}{
		"nothing told":              {nil, map[int64][]string{}},
		"the first of two":          {[]notification.Notification{n(1, 7, a("x", "1")), n(2, 7, a("x", "2"))}, map[int64][]string{7: {"1"}}},
		"one a recipient":           {[]notification.Notification{n(1, 7, a("x", "1")), n(1, 8, a("x", "2"))}, map[int64][]string{7: {"1"}, 8: {"2"}}},
		"the first of each":         {[]notification.Notification{n(1, 7, a("x", "p|1")), n(2, 7, a("x", "q|2")), n(2, 7, a("x", "p|3"))}, map[int64][]string{7: {"p|1", "q|2"}}},
		"an earlier step":           {[]notification.Notification{n(1, 7, a("x", "1"), a("sms", "2"))}, map[int64][]string{7: {"1"}}},
		"another channel":           {[]notification.Notification{n(1, 7, a("sms", "1"))}, map[int64][]string{}},
		"no id":                     {[]notification.Notification{n(1, 7, a("x", "")), n(2, 7, a("x", "p|")), n(3, 7, a("x", "p|3"))}, map[int64][]string{7: {"p|3"}}},
		"one that failed":           {[]notification.Notification{n(1, 7, failed), n(2, 7, a("x", "2"))}, map[int64][]string{7: {"2"}}},
		"one taken back":            {[]notification.Notification{n(1, 7, recalled("1", notification.Recalled)), n(2, 7, a("x", "2"))}, map[int64][]string{7: {"2"}}},
		"one being taken back":      {[]notification.Notification{n(1, 7, recalled("1", notification.RecallAsked))}, map[int64][]string{}},
		"one that stays":            {[]notification.Notification{n(1, 7, recalled("1", notification.RecallKept)), n(2, 7, a("x", "2"))}, map[int64][]string{7: {"1"}}},
		"the update's own messages": {[]notification.Notification{n(9, 7, a("x", "1"))}, map[int64][]string{}},
	} {
		if d := cmp.Diff(tt.want, firstMessages(tt.told, 9, "x")); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// accountRules is for a public account and a customer.
func accountRules() plan.Rules {
	r := rules()
	r.Channels = append(r.Channels, plan.Channel{Name: "mastodon", Kind: channels.Social})
	return r
}

// TestPublisherThreads publishes two updates of an incident, of which a provider took the first.
func TestPublisherThreads(t *testing.T) {
	l, b := openLedger(t), bustest.Start(t)
	pl := &publisherLedger{Ledger: l, marked: make(chan int, 100)}
	account := audience.Recipient{
		ID: audience.AccountPrefix + "mastodon:bank", Locale: "en", Addresses: audience.Addresses{{Channel: "mastodon", Address: "bank"}},
		Preferences: []string{"mastodon"}, Consents: []string{"mastodon"},
	}
	if err := l.PutRecipients(t.Context(), []audience.Recipient{account, customer(2)}); err != nil {
		t.Fatal(err)
	}
	p := &Publisher{
		Ledger: pl, Bus: b, Threaded: map[string]bool{"mastodon": true}, Batches: NewSignal(), Metrics: metrics(), Log: quiet(),
	}
	t.Cleanup(runs(t, p.Run))
	announce := func(n int) {
		t.Helper()
		record(t, l, testUpdate(n), testTexts(channels.SMS, channels.Social))
		planWith(t, l, accountRules(), 2)
		p.Batches.Wake()
		for left := 2; left > 0; {
			left -= await(t, "batches to be marked", pl.marked)
		}
	}
	announce(1)
	if err := takeAll(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	announce(2)
	got := map[int64][]string{}
	for _, batch := range queued(t, b, 4) {
		for _, a := range batch.Attempts {
			if len(a.Threads) > 0 {
				got[batch.Update] = append(got[batch.Update], batch.Channel+" "+a.Address+" "+a.Threads[0])
			}
		}
	}
	if d := cmp.Diff(map[int64][]string{2: {"mastodon bank id-1"}}, got); d != "" {
		t.Errorf("threads (-want +got):\n%s", d)
	}
}

// takeAll has providers take what was announced.
func takeAll(ctx context.Context, l ledgerOfThreads) error {
	before, err := l.Notifications(ctx, []int64{1, 2})
	if err != nil {
		return err
	}
	f := ledger.Fold{Now: time.Now(), Before: before}
	for i := range before {
		n := before[i]
		n.Attempt.State, n.Attempt.Took, n.Attempt.ProviderID = notification.Accepted, true, "id-1"
		f.Changed = append(f.Changed, n)
	}
	return l.Apply(ctx, f)
}

type ledgerOfThreads interface {
	Notifications(ctx context.Context, ids []int64) ([]notification.Notification, error)
	Apply(ctx context.Context, f ledger.Fold) error
}
