package twiliocalls

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/voice/twilio_calls/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	const badToken = "ffffffffffffffffffffffffffffffff"
	for _, detect := range []bool{false, true} {
		config := func(endpoint, token string) string {
			return fmt.Sprintf("account_sid: %s\nauth_token: %s\nfrom: %q\nbase_url: %s\ndetect_machines: %v\n",
				sim.AccountSID, token, "+15005550006", endpoint, detect)
		}
		t.Run(fmt.Sprintf("detect_machines %v", detect), func(t *testing.T) {
			channeltest.Run(t, channeltest.Harness{
				Spec:       Spec(),
				Simulator:  sim.Simulator(),
				Config:     func(endpoint string) string { return config(endpoint, sim.AuthToken) },
				BadConfig:  func(endpoint string) string { return config(endpoint, badToken) },
				Required:   []string{"account_sid", "auth_token", "from"},
				Secrets:    []string{sim.AuthToken, badToken},
				Address:    func(d int) string { return fmt.Sprintf("+3736900010%d", d) },
				RetryAfter: true,
			})
		})
	}
}
