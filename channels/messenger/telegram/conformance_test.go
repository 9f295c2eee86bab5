package telegram_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/messenger/telegram"
	"github.com/tocsin-dev/tocsin/channels/messenger/telegram/sim"
)

func TestConformance(t *testing.T) {
	wrong := strings.ToUpper(sim.Token)
	config := func(endpoint, token string) string {
		return fmt.Sprintf("token: %s\nbase_url: %s\n", token, endpoint)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       telegram.Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.Token) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"token"},
		Secrets:    []string{sim.Token, wrong},
		Address:    func(d int) string { return fmt.Sprintf("77712345%d", d) },
		RetryAfter: true,
	})
}
