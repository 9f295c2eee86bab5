package whatsapp_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/messenger/twilio/sim"
	"github.com/tocsin-dev/tocsin/channels/messenger/twilio/whatsapp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	const wrong = "ffffffffffffffffffffffffffffffff"
	config := func(endpoint, token string) string {
		return fmt.Sprintf("account_sid: %s\nauth_token: %q\nfrom: %q\nbase_url: %s\ntemplates: {en: {content_sid: %s, max_text: 984}}\n",
			sim.AccountSID, token, sim.Number, endpoint, sim.TemplateEN)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       whatsapp.Spec(),
		Simulator:  sim.WhatsApp(),
		Config:     func(endpoint string) string { return config(endpoint, sim.AuthToken) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"account_sid", "auth_token", "from", "templates"},
		Secrets:    []string{sim.AuthToken, wrong},
		Address:    func(d int) string { return fmt.Sprintf("+3736900010%d", d) },
		RetryAfter: true,
	})
}
