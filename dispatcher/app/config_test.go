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
		{"budget: {money: 100}", "budget.segment_price"},
		{"budget: {segments: -1}", "budget"},
		{"nats: {max_bytes: 1KiB}", "nats.max_bytes"},
		{"ledger: {url: postgres://db.example/tocsin, max_bytes: 1GiB}", "ledger: max_bytes bounds the file"},
		{"ledger: {url: mysql://db.example/tocsin}", "ledger: url is not a URL of the form postgres://"},
		{"ledger: {url: 'postgres://db.example/tocsin?sslmode=perhaps'}", "ledger: url is not understood"},
		{channel + ", rate: -1}}", "channels.sms.rate"},
		{channel + ", concurrency: -1}}", "channels.sms.concurrency"},
		{channel + ", wait: -1s}}", "channels.sms.timeout, wait, queue, bounce_window"},
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
