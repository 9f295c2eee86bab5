package main

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/all"
	telegramsim "github.com/tocsin-dev/tocsin/channels/messenger/telegram/sim"
	twiliosim "github.com/tocsin-dev/tocsin/channels/sms/twilio/sim"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
)

// TestDeployedConfigurationHolds checks the configuration that the README tells people to start from.
func TestDeployedConfigurationHolds(t *testing.T) {
	env := func(name string) (string, bool) {
		made := map[string]string{
			"TELEGRAM_TOKEN": telegramsim.Token, "TWILIO_ACCOUNT_SID": twiliosim.AccountSID,
			"TWILIO_BACKUP_ACCOUNT_SID":    twiliosim.AccountSID,
			"TWILIO_MESSAGING_SERVICE_SID": "MG" + strings.Repeat("0", 32),
		}
		if v := made[name]; v != "" {
			return v, true
		}
		return "a-secret-of-a-decent-length", true
	}
	cfg, err := app.Load("../../deploy/tocsin.yaml", env)
	if err == nil {
		err = app.Check(cfg, all.Specs())
	}
	if err != nil {
		t.Error(err)
	}
}
