package channel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/messenger/telegram/channel"
	"github.com/tocsin-dev/tocsin/channels/messenger/telegram/sim"
)

// TestConformance posts in ten channels, whose last digits decide their fates.
func TestConformance(t *testing.T) {
	address := func(d int) string { return fmt.Sprintf("@bank_notices%d", d) }
	wrong := strings.ToUpper(sim.Token)
	config := func(endpoint, token string) string {
		var b strings.Builder
		_, _ = fmt.Fprintf(&b, "base_url: %s\ntoken: %s\nchannels:\n", endpoint, token)
		for d := range 10 {
			_, _ = fmt.Fprintf(&b, "- %q\n", address(d))
		}
		return b.String()
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       channel.Spec(),
		Simulator:  sim.Channels(),
		Config:     func(endpoint string) string { return config(endpoint, sim.Token) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"token", "channels"},
		Secrets:    []string{sim.Token, wrong},
		Address:    address,
		AckProof:   channels.Delivered,
		RetryAfter: true,
	})
}
