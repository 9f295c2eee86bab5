package inapp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/web/inapp"
	"github.com/tocsin-dev/tocsin/channels/web/inapp/sim"
)

func TestConformance(t *testing.T) {
	wrong := strings.Repeat("wrong", 8)
	config := func(key string) func(string) string {
		return func(endpoint string) string { return fmt.Sprintf("base_url: %s\nkey: %s\n", endpoint, key) }
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       inapp.Spec(),
		Simulator:  sim.Simulator(),
		Config:     config(sim.Key),
		BadConfig:  config(wrong),
		Required:   []string{"base_url", "key"},
		Secrets:    []string{sim.Key, wrong},
		Address:    func(d int) string { return fmt.Sprintf("app-customer-%d", d) },
		RetryAfter: true,
	})
}
