package facebook_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/messenger/facebook"
	"github.com/tocsin-dev/tocsin/channels/messenger/facebook/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	const wrong = "EAACEwrong9876543210"
	config := func(endpoint, token string) string {
		return fmt.Sprintf("page_id: %q\napp_id: %q\naccess_token: %s\napp_secret: %q\nbase_url: %s\ntemplates: {en: {name: %s, language: en}}\n",
			sim.PageID, sim.AppID, token, sim.AppSecret, endpoint, sim.TemplateName)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       facebook.Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.PageToken) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"page_id", "app_id", "access_token", "app_secret", "templates"},
		Secrets:    []string{sim.PageToken, sim.AppSecret, wrong},
		Address:    func(d int) string { return fmt.Sprintf("2538171982814093%d", d) },
		RetryAfter: true,
	})
}
