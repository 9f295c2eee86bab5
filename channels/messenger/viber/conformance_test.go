package viber_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/messenger/viber"
	"github.com/tocsin-dev/tocsin/channels/messenger/viber/sim"
)

func TestConformance(t *testing.T) {
	wrong := strings.ToUpper(sim.Token)
	config := func(endpoint, token string) string {
		return fmt.Sprintf("token: %s\nsender_name: Example Bank\nbase_url: %s\n", token, endpoint)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:      viber.Spec(),
		Simulator: sim.Simulator(),
		Config:    func(endpoint string) string { return config(endpoint, sim.Token) },
		BadConfig: func(endpoint string) string { return config(endpoint, wrong) },
		Required:  []string{"token", "sender_name"},
		Secrets:   []string{sim.Token, wrong},
		Address:   func(d int) string { return fmt.Sprintf("01234567%dA=", d) },
	})
}
