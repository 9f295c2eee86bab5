package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

func TestAge(t *testing.T) {
	now := time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name      string
		at        time.Time
		customers int
		level     doctor.Level
		text      string
	}{
		{"empty", now, 0, doctor.Warning, "the directory is empty, so nobody can be told"},
		{"not noted", time.Time{}, 3, doctor.Warning, "when customers were last imported is not known"},
		{"fresh", now.Add(-time.Hour), 3, doctor.OK, "customers were last imported on 2026-05-04 17:00 UTC"},
		{"just", now.Add(-stale), 3, doctor.OK, "customers were last imported on 2026-04-27 18:00 UTC"},
		{"stale", now.Add(-40 * 24 * time.Hour), 3, doctor.Warning, "customers were last imported 40 days ago: who came or changed their number since is not told"},
	} {
		if f := age(tt.at, now, tt.customers); f.Level != tt.level || f.Text != tt.text || (f.Mend == "") != (f.Level == doctor.OK) {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
}

func TestTally(t *testing.T) {
	rules := &plan.Rules{Channels: []plan.Channel{{Name: "viber", Kind: channels.Messenger}, {Name: "sms", Kind: channels.SMS}}}
	on := func(channel string) audience.Addresses {
		return audience.Addresses{{Channel: channel, Address: "x"}}
	}
	n := tally{nowhere: map[notification.Reason]int{}}
	if f := n.reachable(); f.Level != doctor.OK {
		t.Errorf("nobody: %+v", f)
	}
	for _, r := range []audience.Recipient{
		{Addresses: on("sms"), Consents: []string{"sms"}},
		{Addresses: on("viber"), Consents: []string{"viber"}},
		{Addresses: on("email"), Consents: []string{"email"}}, // which is not configured
		{Addresses: on("sms"), Consents: []string{"viber"}},
	} {
		n.add(rules, &r)
	}
	f := n.reachable()
	want := "2 of 4 can be reached on no configured channel: 1 without an address, 1 without consent, 0 whose addresses providers refuse"
	if f.Level != doctor.Warning || f.Text != want || n.texted != 1 {
		t.Errorf("%+v, %d by SMS", f, n.texted)
	}
	x := &checkup{Checkup: Checkup{Config: &Config{Budget: Budget{Segments: 1}}}}
	if got := x.affordable(tally{texted: 2}); len(got) != 1 || got[0].Level != doctor.Warning {
		t.Errorf("a budget below the directory: %+v", got)
	}
	if got := x.affordable(tally{texted: 1}); got != nil {
		t.Errorf("a budget that suffices: %+v", got)
	}
}

func TestHoldsSecrets(t *testing.T) {
	for text, want := range map[string]bool{
		"auth_token: 0a1b2c":                  true,
		`  - {name: a, token: "abcdef"}`:      true,
		"password: 'x'":                       true,
		"key: abc":                            true,
		"auth_token: ${TWILIO_AUTH_TOKEN}":    false,
		`token: "${TOKEN}"`:                   false,
		"# token: abc":                        false,
		"tokens:\n  - {name: operations}":     false,
		"accounts: [{address: a}]\nzone: UTC": false,
	} {
		path := filepath.Join(t.TempDir(), "tocsin.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := holdsSecrets(path); got != want {
			t.Errorf("holdsSecrets(%q) = %v", text, got)
		}
	}
}

func TestReadableByOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if got := readableByOthers(path); got != nil {
		t.Errorf("a file that isn't there: %+v", got)
	}
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o640: 0, 0o644: 1, 0o602: 1} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got := readableByOthers(path); len(got) != want {
			t.Errorf("mode %v: %+v", mode, got)
		}
	}
}

func TestSettingsInsideOwnDomains(t *testing.T) {
	var n yaml.Node
	text := "from: Bank <news@mail.bank.example>\nrelays:\n  - relay.other.example\n  - {host: \"smtp.bank.example:587\", password: bank.example.x}\n"
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	x := &checkup{Checkup: Checkup{Config: &Config{OwnDomains: []string{"bank.example"}}}}
	c := &configured{accounts: []account{{Provider: Provider{Settings: *n.Content[0], key: "channels.email"}}}}
	var got []string
	for _, f := range x.settingsInside(c) {
		got = append(got, f.Text)
	}
	want := []string{
		"channels.email.settings.from lies within bank.example: it may be down together with what is announced",
		"channels.email.settings.relays[1].host lies within bank.example: it may be down together with what is announced",
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("found %q", got)
	}
}

func TestBudgetIsJudged(t *testing.T) {
	spending := Config{Channels: Channels{{Name: "sms", Provider: "acme"}}}
	specs := []channels.Spec{{Provider: "acme", Kind: channels.SMS}}
	for name, tt := range map[string]struct {
		budget Budget
		price  float64
		want   doctor.Level
	}{
		"none":           {Budget{}, 0, doctor.Warning},
		"segments":       {Budget{Segments: 1000}, 0, doctor.OK},
		"money in cents": {Budget{Money: 100}, 5, doctor.Warning},
		"money":          {Budget{Money: 100}, 0.05, doctor.OK},
	} {
		c := spending
		c.Budget, c.Prices.Default = tt.budget, tt.price
		x := &checkup{Checkup: Checkup{Config: &c, Specs: specs}}
		if got := x.budget(); len(got) != 1 || got[0].Level != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPublicURLIsJudged(t *testing.T) {
	for raw, want := range map[string]doctor.Level{
		"": doctor.Warning, "tocsin": doctor.Fault, "ftp://tocsin.example": doctor.Fault,
		"https://tocsin.bank.example/x": doctor.OK, "http://tocsin.bank.example": doctor.Warning,
		"https://127.0.0.1:8080": doctor.Warning, "https://10.1.2.3": doctor.Warning, "https://localhost": doctor.Warning, "https://tocsin.internal": doctor.Warning,
	} {
		x := &checkup{Checkup: Checkup{Config: &Config{HTTP: HTTP{PublicURL: raw}}}}
		if got := x.publicURL(); len(got) != 1 || got[0].Level != want {
			t.Errorf("%q: %+v", raw, got)
		}
	}
}

func TestLedgerNearItsBound(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(ledgerPath(dir), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for most, want := range map[Bytes]int{0: 0, 1 << 20: 1, 2 << 20: 0} {
		x := &checkup{Checkup: Checkup{Config: &Config{DataDir: dir, Ledger: Ledger{MaxBytes: most}}}}
		if got := x.ledgerFull(); len(got) != want {
			t.Errorf("bound %d: %+v", most, got)
		}
	}
}
