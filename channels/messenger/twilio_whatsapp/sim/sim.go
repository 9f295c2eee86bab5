// Package sim is the far side of WhatsApp through Twilio: package twiliosim, which names the pages that it
// follows, with one sender.
//
// Nobody has written to the sender in the last 24 hours: a text outside of templates is taken, and then
// reported as failed, with 63016, as in the original.
package sim

import (
	"net/http"

	"github.com/tocsin-dev/tocsin/channels/messenger/internal/twiliosim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The one account that exists, and its sender.
const (
	AccountSID = twiliosim.AccountSID
	AuthToken  = twiliosim.AuthToken
	From       = "+14155238886"
)

// The approved templates: one variable each.
const (
	TemplateEN = "HX00112233445566778899aabbccddee01"
	TemplateRO = "HX00112233445566778899aabbccddee02"
	TemplateRU = "HX00112233445566778899aabbccddee03"
)

// Simulator describes the far side of the provider "twilio_whatsapp".
func Simulator() sandbox.Simulator {
	m := twiliosim.Messenger{Name: "whatsapp", From: From, Templates: []string{TemplateEN, TemplateRO, TemplateRU}, Window: true, Unreachable: 63024}
	return sandbox.Simulator{
		Provider: "twilio_whatsapp",
		HTTP:     func(d *sandbox.Desk) http.Handler { return m.Handler(d) },
		Settings: func(endpoint string) map[string]any {
			return map[string]any{
				"base_url": endpoint, "account_sid": AccountSID, "auth_token": AuthToken, "from": From,
				"templates": map[string]any{
					"en": map[string]string{"content_sid": TemplateEN}, "ro": map[string]string{"content_sid": TemplateRO}, "ru": map[string]string{"content_sid": TemplateRU},
				},
			}
		},
	}
}
