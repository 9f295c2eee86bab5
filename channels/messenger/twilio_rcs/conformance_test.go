package twiliorcs_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	twiliorcs "github.com/tocsin-dev/tocsin/channels/messenger/twilio_rcs"
	"github.com/tocsin-dev/tocsin/channels/messenger/twilio_rcs/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	const wrong = "ffffffffffffffffffffffffffffffff"
	config := func(endpoint, token string) string {
		return fmt.Sprintf("account_sid: %s\nauth_token: %q\nfrom: %q\nbase_url: %s\nplain_text: true\n",
			sim.AccountSID, token, sim.From, endpoint)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       twiliorcs.Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.AuthToken) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"account_sid", "auth_token", "from", "plain_text"},
		Secrets:    []string{sim.AuthToken, wrong},
		Address:    func(d int) string { return fmt.Sprintf("+3736900010%d", d) },
		RetryAfter: true,
	})
}
