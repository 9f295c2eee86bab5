package rcs_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/messenger/twilio/rcs"
	"github.com/tocsin-dev/tocsin/channels/messenger/twilio/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	const wrong = "ffffffffffffffffffffffffffffffff"
	config := func(endpoint, token string) string {
		return fmt.Sprintf("account_sid: %s\nauth_token: %q\nfrom: %q\nbase_url: %s\nplain_text: true\n",
			sim.AccountSID, token, sim.Agent, endpoint)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       rcs.Spec(),
		Simulator:  sim.RCS(),
		Config:     func(endpoint string) string { return config(endpoint, sim.AuthToken) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"account_sid", "auth_token", "from", "plain_text"},
		Secrets:    []string{sim.AuthToken, wrong},
		Address:    func(d int) string { return fmt.Sprintf("+3736900010%d", d) },
		RetryAfter: true,
	})
}
