// Package sim is the far side of Twilio's Programmable Messaging: it takes messages as Twilio's API
// does, and reports on them with signed status callbacks.
//
// It was written from Twilio's pages "Messages resource"
// (https://www.twilio.com/docs/messaging/api/message-resource), "Outbound message status in status
// callbacks" (https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks),
// "Secure webhooks" (https://www.twilio.com/docs/usage/webhooks/webhooks-security) and the error
// dictionary (https://www.twilio.com/docs/api/errors), without Twilio's SDK, so that adapter and
// simulator check each other. It is strict: what Twilio would not understand is refused.
package sim

import (
	"net/http"
	"net/url"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The one account that exists, and its token, which is both password and signing key.
const (
	AccountSID = account.SID
	AuthToken  = account.Token
)

// Simulator describes the far side of the provider "twilio".
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "twilio",
		HTTP:     func(d *sandbox.Desk) http.Handler { return newProvider(d) },
		Address:  sandbox.FakePhone,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{
				"base_url": endpoint, "account_sid": AccountSID, "auth_token": AuthToken, "from": "+15005550006",
			}
		},
	}
}

// provider serves the API. Safe for concurrent use.
type provider struct {
	desk    *sandbox.Desk
	ids     *account.IDs
	history *history
}

func newProvider(d *sandbox.Desk) http.Handler {
	p := &provider{desk: d, ids: account.NewIDs("SM"), history: newHistory()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2010-04-01/Accounts/{sid}/Messages.json", account.Admitted(d, p.createMessage))
	mux.HandleFunc("GET /2010-04-01/Accounts/{sid}/Messages.json", account.Admitted(d, p.listMessages))
	mux.HandleFunc("GET /2010-04-01/Accounts/{sid}/Messages/{file}", account.Admitted(d, p.fetchMessage))
	account.Serve(mux, d)
	return mux
}

func (p *provider) createMessage(w http.ResponseWriter, r *http.Request) {
	if code, text := check(r.PostForm); code != 0 {
		account.Problem(w, http.StatusBadRequest, code, text)
		return
	}
	to := r.PostForm.Get("To")
	if p.desk.Fate(to).Dropped {
		panic(http.ErrAbortHandler) // ends the connection
	}
	fate := p.desk.Take(to, r.PostForm.Get("Body"))
	if fate.Refused {
		account.Problem(w, http.StatusBadRequest, 21211, "The 'To' number "+to+" is not a valid phone number.")
		return
	}
	m := p.newMessage(r.PostForm)
	p.history.keep(m, p.desk.Reports(fate))
	report := p.reporter(m, r.PostForm.Get("StatusCallback"))
	if fate.Unanswered {
		p.desk.Follow(to, fate, report)
		panic(http.ErrAbortHandler)
	}
	account.JSON(w, http.StatusCreated, m)
	_ = http.NewResponseController(w).Flush() // no callback before the answer is on its way
	p.desk.Follow(to, fate, report)
}

// check returns the code and the text of Twilio's complaint about a form, 0 if there is none.
func check(form url.Values) (code int, text string) {
	for name, values := range form {
		if !known(name) || len(values) != 1 {
			return 20001, "Unknown or repeated parameter: " + name
		}
	}
	from, service := form.Get("From"), form.Get("MessagingServiceSid")
	switch {
	case form.Get("To") == "":
		return 21604, "A 'To' phone number is required."
	case !account.IsE164(form.Get("To")):
		return 21211, "The 'To' number " + form.Get("To") + " is not a valid phone number."
	case from == "" && service == "":
		return 21603, "A 'From' phone number is required."
	case from != "" && !isSender(from):
		return 21212, "The 'From' number " + from + " is not a valid phone number, shortcode, or alphanumeric sender ID."
	case service != "" && (len(service) != 34 || service[:2] != "MG"):
		return 21705, "The Messaging Service Sid " + service + " is invalid."
	case form.Get("Body") == "":
		return 21602, "Message body is required."
	case tooLong(form.Get("Body")):
		return 21617, "The concatenated message body exceeds the 1600 character limit."
	case form.Has("ValidityPeriod") && !isValidity(form.Get("ValidityPeriod")):
		return 21624, "Invalid validity period value."
	case form.Has("StatusCallback") && !account.IsCallback(form.Get("StatusCallback")):
		return 21609, "The StatusCallback URL is not a valid URL."
	}
	return 0, ""
}
