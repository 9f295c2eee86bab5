package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
)

// TestConfigSaysWhatCannotBeMeant: values that would make a role spin, stand still or do something
// else than was asked are refused by their keys.
func TestConfigSaysWhatCannotBeMeant(t *testing.T) {
	const channel = `channels: {sms: {provider: "null"`
	for _, tt := range []struct{ yaml, want string }{
		{"cascade: {retry_every: 0s}", "cascade.retry_every"},
		{"cascade: {wait: 0s}", "cascade.wait"},
		{"useful_for: -1h", "useful_for"},
		{"in_doubt: {crtical: repeat}", `in_doubt: "crtical"`},
		{"in_doubt: {minor: perhaps}", "in_doubt.minor"},
		{`nats: {teams: [{name: "a.>", password: long-enough-it-is}]}`, "nats.teams[0]: name"},
		{"nats: {teams: [{name: a, password: long-enough-it-is}, {name: a, password: long-enough-it-is}]}", `nats.teams[1]: name: "a" is there twice`},
		{"nats: {teams: [{name: operator, password: long-enough-it-is}]}", "is a user of Tocsin's own"},
		{`quiet_hours: {from: "22:00"}`, `quiet_hours: to: ""`},
		{`quiet_hours: {from: "10pm", to: "07:00"}`, `quiet_hours: from: "10pm"`},
		{`quiet_hours: {from: "22:00", to: "07:00", unless: big}`, `quiet_hours: unless: "big"`},
		{"frequency_cap: {messages: -1}", "frequency_cap: messages"},
		{"frequency_cap: {messages: 6, per: 0s}", "frequency_cap: per"},
		{"frequency_cap: {messages: 6, unless: never}", "frequency_cap: unless"},
		{"ledger: {max_bytes: 99999999999GiB}", "is not a size"},
		{"cascades: [{name: a}]", "cascades[0]: needs a name and steps"},
		{"cascades: [{name: a, for: {impact: [huge]}, steps: [{channel: preferred}]}]", `cascades[0]: for.impact: "huge"`},
		{"cascades: [{name: a, for: {status: [bad]}, steps: [{channel: preferred}]}]", `cascades[0]: for.status: "bad"`},
		{"cascades: [{name: a, steps: [{channel: preferred}, {channel: fax}]}]", `cascades[0]: steps[1].channel: "fax" is not configured`},
		{"cascades: [{name: a, steps: [{channel: preferred, proof: perhaps}]}]", `cascades[0]: steps[0].proof: "perhaps"`},
		{"cascades: [{name: a, steps: [{channel: preferred, wait: -1s}]}]", "cascades[0]: steps[0].wait"},
		{"budget: {money: 100}", "budget.money: needs prices"},
		{"budget: {money: 100, segment_price: 0.05}", "segment_price"},
		{"prices: {MD: 0.04}", "prices: default: is needed"},
		{"prices: {Moldova: 0.04, default: 0.06}", `prices: "Moldova" is not the code of a country`},
		{"prices: {MD: -1, default: 0.06}", "prices: MD: must not be negative"},
		{"prices: {default: -1}", "prices: default: must not be negative"},
		{"prices: {MD: .nan, default: 0.06}", `line 1: prices: MD: ".nan" is not a price`},
		{"prices: {default: .inf}", `line 1: prices: default: ".inf" is not a price`},
		{"budget: {money: .nan}\nprices: {default: 0.05}", "budget: must be a number that is not negative"},
		{"prices: {MD: cheap}", `line 1: prices: MD: "cheap" is not a price`},
		{"budget: {segments: -1}", "budget"},
		{"nats: {max_bytes: 1KiB}", "nats.max_bytes"},
		{"ledger: {url: postgres://db.example/tocsin, max_bytes: 1GiB}", "ledger: max_bytes bounds the file"},
		{"ledger: {url: mysql://db.example/tocsin}", "ledger: url is not a URL of the form postgres://"},
		{"ledger: {url: 'postgres://db.example/tocsin?sslmode=perhaps'}", "ledger: url is not understood"},
		{"ledger: {keep: 1h}", "ledger.keep: must be at least 24h"},
		{"ledger: {keep: 10 days}", `:1: "10 days" is not a time`},
		{"{ledger: {keep: 36h}, frequency_cap: {messages: 1, per: 48h}}", "ledger.keep: must be at least 48h"},
		{"http: {metrics_listen: 9090}", "http.metrics_listen"},
		{channel + ", rate: -1}}", "channels.sms.rate"},
		{channel + ", concurrency: -1}}", "channels.sms.concurrency"},
		{channel + ", wait: -1s}}", "channels.sms.wait, queue, bounce_window"},
		{channel + ", timeout: -1s}}", "channels.sms.timeout"},
	} {
		path := filepath.Join(t.TempDir(), "tocsin.yaml")
		if err := os.WriteFile(path, []byte(tt.yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := app.Load(path, os.LookupEnv)
		if err == nil {
			err = app.Check(c, specs())
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error that names %s", tt.yaml, err, tt.want)
		}
	}
}

// TestRemoteNATSIsConfiguredWhole: what belongs together is there, what excludes each other is not.
func TestRemoteNATSIsConfiguredWhole(t *testing.T) {
	const key = "\nkey: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	seed := filepath.Join(t.TempDir(), "user.nk")
	if err := os.WriteFile(seed, []byte("seed"), 0o600); err != nil {
		t.Fatal(err)
	}
	const url = "nats: {url: 'nats://a:4222'"
	for _, tt := range []struct{ yaml, want string }{
		{url + "}" + key, ""},
		{"nats: {url: 'nats://a:4222, tls://b:4222', nkey: " + seed + ", replicas: 3}" + key, ""},
		{url + "}", "openssl rand -hex 32"},
		{url + "}\nkey: short", "key: needs at least 43 characters"},
		{url + ", listen: '127.0.0.1:4222'}" + key, "nats.listen: is for the embedded server"},
		{url + ", teams: [{name: a, password: long-enough-it-is}]}" + key, "nats.teams: are users of the embedded server"},
		{"nats: {url: 'http://a:4222'}" + key, `nats.url: "http://a:4222" must be nats://`},
		{"nats: {url: 'nats://me:pass@a:4222'}" + key, "nats.url: holds a user"},
		{url + ", user: a}" + key, "nats.user: needs nats.password"},
		{url + ", user: a, password: b, nkey: " + seed + "}" + key, "three ways to say who we are"},
		{url + ", credentials: /no/such/file}" + key, "nats.credentials: open /no/such/file"},
		{url + ", tls: {cert: " + seed + "}}" + key, "nats.tls: cert needs key"},
		{url + ", replicas: 9}" + key, "nats.replicas: 9 must be"},
		{url + ", tls: {cacert: x}}" + key, "tocsin.yaml:1: unknown key nats.tls.cacert"},
		{"nats: {user: a, password: b}", "say where with nats.url"},
		{"nats: {cluster: x}", "known here: credentials, listen, max_bytes, nkey"},
	} {
		path := filepath.Join(t.TempDir(), "tocsin.yaml")
		if err := os.WriteFile(path, []byte(tt.yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := app.Load(path, os.LookupEnv)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want an error that says %q", tt.yaml, err, tt.want)
		}
	}
}

// TestConfigFaultsKeepTheSecret: what is wrong with a URL is said without its password.
func TestConfigFaultsKeepTheSecret(t *testing.T) {
	for _, url := range []string{"postgres://a:hunter2@db.example:port/x", "postgres://a:hunter2@db.example/x?sslmode=perhaps", "mysql://a:hunter2@h/x", "hunter2"} {
		path := filepath.Join(t.TempDir(), "tocsin.yaml")
		if err := os.WriteFile(path, []byte("ledger: {url: ${URL}}"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := app.Load(path, func(string) (string, bool) { return url, true })
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: want an error, without the password", err)
		}
	}
}
