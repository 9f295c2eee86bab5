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
		{"ledger: {max_bytes: 99999999999GiB}", "is not a size"},
		{channel + ", rate: -1}}", "channels.sms.rate"},
		{channel + ", concurrency: -1}}", "channels.sms.concurrency"},
		{channel + ", wait: -1s}}", "channels.sms.wait, bounce_window"},
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
