package mastodon_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/social/mastodon"
	"github.com/tocsin-dev/tocsin/channels/social/mastodon/sim"
)

// TestConformance posts on ten accounts of one instance, whose last digits decide their fates.
func TestConformance(t *testing.T) {
	address := func(d int) string { return fmt.Sprintf("outages%d", d) }
	wrong := strings.ToUpper(sim.Token)
	config := func(endpoint string, token func(account string) string) string {
		var b strings.Builder
		_, _ = fmt.Fprintf(&b, "base_url: %s\nvisibility: unlisted\nmax_characters: 500\naccounts:\n", endpoint)
		for d := range 10 {
			_, _ = fmt.Fprintf(&b, "  %s: %s\n", address(d), token(address(d)))
		}
		return b.String()
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       mastodon.Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.TokenOf) },
		BadConfig:  func(endpoint string) string { return config(endpoint, func(string) string { return wrong }) },
		Required:   []string{"base_url", "accounts"},
		Secrets:    []string{sim.Token, wrong},
		Address:    address,
		Refused:    channels.Rejected, // an account has no address that is wrong: posts are refused
		AckProof:   channels.Delivered,
		RetryAfter: true,
	})
}
