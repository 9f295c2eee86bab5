package whatsapp_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/messenger/whatsapp"
	"github.com/tocsin-dev/tocsin/channels/messenger/whatsapp/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	const wrong = "EAAJBwrong9876543210"
	config := func(endpoint, token string) string {
		return fmt.Sprintf("phone_number_id: %q\naccess_token: %s\napp_secret: %s\nbase_url: %s\ntemplates: {en: {name: %s, language: en, max_text: 984}}\n",
			sim.PhoneNumberID, token, sim.AppSecret, endpoint, sim.TemplateName)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:      whatsapp.Spec(),
		Simulator: sim.Simulator(),
		Config:    func(endpoint string) string { return config(endpoint, sim.AccessToken) },
		BadConfig: func(endpoint string) string { return config(endpoint, wrong) },
		Required:  []string{"phone_number_id", "access_token", "app_secret", "templates"},
		Secrets:   []string{sim.AccessToken, sim.AppSecret, wrong},
		Address:   func(d int) string { return fmt.Sprintf("+3736900010%d", d) },
	})
}
