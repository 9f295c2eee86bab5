package standard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/webhook/standard"
	"github.com/tocsin-dev/tocsin/channels/webhook/standard/sim"
)

func name(d int) string { return fmt.Sprintf("partner-%d", d) }

func harness(config func(endpoint string, wrong bool) string) channeltest.Harness {
	return channeltest.Harness{
		Spec:         standard.Spec(),
		Simulator:    sim.Simulator(),
		Config:       func(endpoint string) string { return config(endpoint, false) },
		BadConfig:    func(endpoint string) string { return config(endpoint, true) },
		AckProof:     channels.Delivered,
		Unauthorized: channels.Rejected, // one partner's secret says nothing of the others'
		RetryAfter:   true,
	}
}

// TestConformance reaches partners by name, each with a secret of its own.
func TestConformance(t *testing.T) {
	wrong := sim.Secret("somebody else")
	h := harness(func(endpoint string, bad bool) string {
		var b strings.Builder
		_, _ = fmt.Fprintf(&b, "base_url: %s\npartners:\n", endpoint)
		for d := range 10 {
			secret := sim.Secret(name(d))
			if bad {
				secret = wrong
			}
			_, _ = fmt.Fprintf(&b, "  %s: {url: %s, secrets: [%s]}\n", name(d), sim.URL(name(d)), secret)
		}
		return b.String()
	})
	h.Address = name
	h.Required = []string{"partners"}
	h.Secrets = []string{wrong, sim.Secret(name(0)), sim.Secret(name(9))}
	channeltest.Run(t, h)
}

// TestConformanceByURL reaches them by URL, with one asymmetric key.
func TestConformanceByURL(t *testing.T) {
	const wrong = "whsk_V0VCSE9PS0FTWU1NRVRSSUNURVNUUFJJVkFURUtFWTE="
	h := harness(func(endpoint string, bad bool) string {
		key := sim.SigningKey
		if bad {
			key = wrong
		}
		return fmt.Sprintf("base_url: %s\nsigning_keys: [%s]\n", endpoint, key)
	})
	h.Address = func(d int) string { return sim.URL(name(d)) }
	h.Witness = func(address string) string { return strings.TrimPrefix(address, sim.URL("")) }
	h.Required = []string{"signing_keys"}
	h.Secrets = []string{wrong, sim.SigningKey}
	channeltest.Run(t, h)
}
