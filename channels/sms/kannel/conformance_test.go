package kannel

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/sms/kannel/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	const wrong, secret = "z0rK-and-no-more", "a secret of ours"
	config := func(endpoint, password string) string {
		return fmt.Sprintf("base_url: %s\nusername: %s\npassword: %s\nfrom: Bank\nmax_messages: 10\ncallback_secret: %s\n",
			endpoint, sim.Username, password, secret)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.Password) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"base_url", "username", "password", "max_messages"},
		Secrets:    []string{sim.Password, wrong, secret},
		Address:    func(d int) string { return fmt.Sprintf("+3736900010%d", d) },
		RetryAfter: true,
		URLKey:     paramKey,
	})
}
