package x_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/social/x"
	"github.com/tocsin-dev/tocsin/channels/social/x/sim"
)

// TestConformance posts on ten accounts, whose last digits decide their fates.
func TestConformance(t *testing.T) {
	address := func(d int) string { return fmt.Sprintf("bank%d", d) }
	wrong := strings.ToUpper(sim.ConsumerSecret)
	config := func(endpoint, secret string) string {
		var b strings.Builder
		_, _ = fmt.Fprintf(&b, "base_url: %s\nconsumer_key: %s\nconsumer_secret: %s\naccounts:\n", endpoint, sim.ConsumerKey, secret)
		for d := range 10 {
			_, _ = fmt.Fprintf(&b, "  %s: {token: %s, token_secret: %s}\n", address(d), sim.Token(address(d)), sim.TokenSecret)
		}
		return b.String()
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       x.Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.ConsumerSecret) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"consumer_key", "consumer_secret", "accounts"},
		Secrets:    []string{sim.ConsumerKey, sim.ConsumerSecret, sim.TokenSecret, wrong},
		Address:    address,
		Refused:    channels.Rejected, // an account has no address that is wrong: posts are refused
		AckProof:   channels.Delivered,
		RetryAfter: true,
	})
}
