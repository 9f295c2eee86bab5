// Package sim is the far side of RCS through Twilio: package twiliosim, which names the pages that it
// follows, with one sender.
//
// The sender is in no messaging service, so that nothing goes on to SMS by itself.
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
	From       = "sandbox_agent"
)

// Simulator describes the far side of the provider "twilio_rcs".
func Simulator() sandbox.Simulator {
	m := twiliosim.Messenger{Name: "rcs", From: From, Unreachable: 63036}
	return sandbox.Simulator{
		Provider: "twilio_rcs",
		HTTP:     func(d *sandbox.Desk) http.Handler { return m.Handler(d) },
		Settings: func(endpoint string) map[string]any {
			return map[string]any{
				"base_url": endpoint, "account_sid": AccountSID, "auth_token": AuthToken, "from": From,
				"plain_text": true,
			}
		},
	}
}
