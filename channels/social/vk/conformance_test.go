package vk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/social/vk"
	"github.com/tocsin-dev/tocsin/channels/social/vk/sim"
)

// TestConformance posts on the walls of ten communities, whose last digits decide their fates, with the keys
// of users who manage them.
func TestConformance(t *testing.T) {
	address := func(d int) string { return fmt.Sprintf("12345678%d", d) }
	wrong := func(community string) string { return strings.ToUpper(sim.UserToken(community)) }
	config := func(endpoint string, token func(string) string) string {
		var b strings.Builder
		_, _ = fmt.Fprintf(&b, "base_url: %s\naccounts:\n", endpoint)
		for d := range 10 {
			_, _ = fmt.Fprintf(&b, "  %q: %s\n", address(d), token(address(d)))
		}
		return b.String()
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:      vk.Spec(),
		Simulator: sim.Simulator(),
		Config:    func(endpoint string) string { return config(endpoint, sim.UserToken) },
		BadConfig: func(endpoint string) string { return config(endpoint, wrong) },
		Required:  []string{"accounts"},
		Secrets:   []string{sim.UserToken(""), wrong("")},
		Address:   address,
		Refused:   channels.Rejected, // a community has no address that is wrong: posts are refused
		AckProof:  channels.Delivered,
	})
}
