package facebook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/social/facebook"
	"github.com/tocsin-dev/tocsin/channels/social/facebook/sim"
)

// TestConformance posts on ten Pages, whose last digits decide their fates.
func TestConformance(t *testing.T) {
	address := func(d int) string { return fmt.Sprintf("10123456%d", d) }
	wrong := strings.ToUpper(sim.AppSecret)
	config := func(endpoint, secret string) string {
		var b strings.Builder
		_, _ = fmt.Fprintf(&b, "base_url: %s\ngraph_version: v25.0\napp_secret: %s\naccounts:\n", endpoint, secret)
		for d := range 10 {
			_, _ = fmt.Fprintf(&b, "  %q: %s\n", address(d), sim.Token(address(d)))
		}
		return b.String()
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       facebook.Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.AppSecret) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"accounts"},
		Secrets:    []string{sim.AppSecret, sim.Token(""), wrong},
		Address:    address,
		Refused:    channels.Rejected, // a Page has no address that is wrong: posts are refused
		AckProof:   channels.Delivered,
		RetryAfter: true,
	})
}
