package discord_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/messenger/discord"
	"github.com/tocsin-dev/tocsin/channels/messenger/discord/sim"
)

// TestConformance posts to ten webhooks, whose last digits decide their fates.
func TestConformance(t *testing.T) {
	name := func(d int) string { return fmt.Sprintf("22370470649554534%d", d) }
	const wrong = "no-such-secret"
	config := func(endpoint, secret string) string {
		var b strings.Builder
		_, _ = fmt.Fprintf(&b, "base_url: %s\nwebhooks:\n", endpoint)
		for d := range 10 {
			_, _ = fmt.Fprintf(&b, "  %q: %s\n", name(d), strings.Replace(sim.URL(name(d)), sim.Token, secret, 1))
		}
		return b.String()
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:         discord.Spec(),
		Simulator:    sim.Simulator(),
		Config:       func(endpoint string) string { return config(endpoint, sim.Token) },
		BadConfig:    func(endpoint string) string { return config(endpoint, wrong) },
		Required:     []string{"webhooks"},
		Secrets:      []string{sim.Token, wrong},
		Address:      name,
		Refused:      channels.Rejected, // a webhook is mended in the configuration, under the same name
		Unauthorized: channels.Rejected, // likewise
		AckProof:     channels.Delivered,
		RetryAfter:   true,
	})
}
