package webpush_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/push/webpush"
	"github.com/tocsin-dev/tocsin/channels/push/webpush/sim"
)

func TestConformance(t *testing.T) {
	const other = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
	config := func(endpoint, key string) string {
		return fmt.Sprintf("vapid_private_key: %s\ncontact: mailto:outages@bank.example\nlink: https://status.bank.example/\nbase_url: %s\n", key, endpoint)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:         webpush.Spec(),
		Simulator:    sim.Simulator(),
		Config:       func(endpoint string) string { return config(endpoint, sim.VAPIDPrivateKey) },
		BadConfig:    func(endpoint string) string { return config(endpoint, other) },
		Required:     []string{"vapid_private_key", "contact"},
		Secrets:      []string{sim.VAPIDPrivateKey, other},
		Address:      func(d int) string { return sim.Subscription(fmt.Sprintf("browser-%d", d)) },
		Witness:      func(address string) string { return address[strings.Index(address, "browser-"):][:len("browser-0")] },
		Unauthorized: channels.Rejected, // a subscription is bound to the key that it was made with
		RetryAfter:   true,
	})
}
