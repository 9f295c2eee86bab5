package twilio

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/sms/twilio/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	const badToken = "ffffffffffffffffffffffffffffffff"
	configure := func(token string) func(string) string {
		return func(endpoint string) string {
			return fmt.Sprintf("account_sid: %s\nauth_token: %s\nfrom: %q\nbase_url: %s\n",
				sim.AccountSID, token, "+15005550006", endpoint)
		}
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       Spec(),
		Simulator:  sim.Simulator(),
		Config:     configure(sim.AuthToken),
		BadConfig:  configure(badToken),
		Required:   []string{"account_sid", "auth_token", "from"},
		Secrets:    []string{sim.AuthToken, badToken},
		Address:    func(d int) string { return fmt.Sprintf("+3736900010%d", d) },
		RetryAfter: true,
	})
}
