package apns_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/push/apns"
	"github.com/tocsin-dev/tocsin/channels/push/apns/sim"
)

func TestConformance(t *testing.T) {
	config := func(endpoint, team string) string {
		key := strings.ReplaceAll(strings.TrimSpace(sim.PrivateKey), "\n", "\n  ")
		return fmt.Sprintf("key_id: %s\nteam_id: %s\ntopic: %s\nlink: https://status.bank.example/\nbase_url: %s\nprivate_key: |\n  %s\n",
			sim.KeyID, team, sim.Topic, endpoint, key)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:      apns.Spec(),
		Simulator: sim.Simulator(),
		Config:    func(endpoint string) string { return config(endpoint, sim.TeamID) },
		BadConfig: func(endpoint string) string { return config(endpoint, "WRONGTEAM0") },
		Required:  []string{"key_id", "team_id", "topic", "private_key"},
		Secrets:   []string{strings.Split(sim.PrivateKey, "\n")[1]},
		Address:   func(d int) string { return strings.Repeat("a0b1c2d3", 7) + "e4f5a6b" + fmt.Sprint(d) },
	})
}
