package dispatcher

import (
	"slices"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// recordOn records an update that is sent on the terms of a playbook.
func recordOn(t *testing.T, l *sqlite.Ledger, u incident.Update, terms playbook.Terms, texts []ledger.Text) {
	t.Helper()
	_, err := l.RecordUpdate(t.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{
			Update: u, Incident: incident.Incident{Team: u.Team, ID: u.Incident}, State: ledger.Approved, ReceivedAt: time.Now(), Texts: texts, Terms: terms,
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPlaybooksCascade beats what is configured, and holds to what customers want all the same.
func TestPlaybooksCascade(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 2)
	onlySMS := customer(3)
	onlySMS.Consents = []string{"sms"}
	if err := l.PutRecipients(t.Context(), []audience.Recipient{onlySMS}); err != nil {
		t.Fatal(err)
	}
	steps := []notification.Step{{Channel: "email", Wait: time.Minute}, {Channel: "sms", Proof: channels.Read}}
	recordOn(t, l, testUpdate(1), playbook.Terms{Playbook: "cards", Steps: steps}, testTexts(channels.SMS, channels.Email))
	configured := rules()
	configured.Cascades = []plan.Cascade{{Name: "all", Steps: notification.Steps("sms")}}
	planWith(t, l, configured, 10)
	ns, err := l.Notifications(t.Context(), []int64{1, 2, 3})
	if err != nil || len(ns) != 3 {
		t.Fatal(ns, err)
	}
	for _, n := range ns {
		want := "email@1m0s,sms!read"
		if n.Recipient == 3 {
			want = "sms!read"
		}
		if got := notification.FormatSteps(n.Steps); got != want {
			t.Errorf("recipient %d is told by %s, want %s", n.Recipient, got, want)
		}
	}
}

// TestPlaybooksAccounts are told, and none besides; what one was told of earlier it is told the end of.
func TestPlaybooksAccounts(t *testing.T) {
	account := func(channel, address string) audience.Recipient {
		return audience.Recipient{
			ID: audience.AccountPrefix + channel + ":" + address, Locale: "en", Preferences: []string{channel}, Consents: []string{channel},
			Addresses: audience.Addresses{{Channel: channel, Address: address}},
		}
	}
	l := openLedger(t)
	all := []audience.Recipient{account("web", "bank"), account("web", "bank:ru"), account("email", "press"), customer(4)}
	if err := l.PutRecipients(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	texts := testTexts(channels.SMS, channels.Email, channels.Web)
	told := func(u incident.Update, accounts map[string][]string) []int64 {
		before := itemsByRecipient(t, l)
		recordOn(t, l, u, playbook.Terms{Playbook: "cards", Accounts: accounts}, texts)
		planAll(t, l, 10)
		var who []int64
		for r, n := range itemsByRecipient(t, l) {
			if n > before[r] {
				who = append(who, r)
			}
		}
		slices.Sort(who)
		return who
	}
	resolved := testUpdate(4)
	resolved.Status = incident.Resolved
	for _, tt := range []struct {
		name     string
		update   incident.Update
		accounts map[string][]string
		want     []int64
	}{
		{"some of a channel", testUpdate(1), map[string][]string{"web": {"bank:ru"}}, []int64{2, 3, 4}},
		{"none of a channel", testUpdate(2), map[string][]string{"email": {}, "web": {"bank:ru"}}, []int64{2, 4}},
		{"none at all", testUpdate(3), map[string][]string{"email": {}, "web": {}}, []int64{4}},
		{"the end, which is owed to who was told", resolved, map[string][]string{"email": {}, "web": {}}, []int64{2, 3, 4}},
	} {
		if got := told(tt.update, tt.accounts); !slices.Equal(got, tt.want) {
			t.Errorf("%s: told %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestPlaybooksLocales: an update whose playbook has texts for a locale of its own is told in it.
func TestPlaybooksLocales(t *testing.T) {
	l := openLedger(t)
	moldovan, romanian := customer(1), customer(2)
	moldovan.Locale, romanian.Locale = "ro-MD", "ro-RO"
	if err := l.PutRecipients(t.Context(), []audience.Recipient{moldovan, romanian}); err != nil {
		t.Fatal(err)
	}
	texts := testTexts(channels.SMS, channels.Email)
	for _, x := range testTexts(channels.SMS, channels.Email) {
		if x.Locale == "ro" {
			x.Locale = "ro-MD"
			texts = append(texts, x)
		}
	}
	recordOn(t, l, testUpdate(1), playbook.Terms{}, texts)
	planAll(t, l, 10)
	ns, err := l.Notifications(t.Context(), []int64{1, 2})
	if err != nil || len(ns) != 2 {
		t.Fatal(ns, err)
	}
	for _, n := range ns {
		if want := map[int64]string{1: "ro-MD", 2: "ro"}[n.Recipient]; n.Locale != want {
			t.Errorf("recipient %d is told in %s, want %s", n.Recipient, n.Locale, want)
		}
	}
}
