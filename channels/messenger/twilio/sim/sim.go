// Package sim is the far side of the messengers behind Twilio: it takes messages as Twilio's Messages
// resource does, and reports on them with signed status callbacks.
//
// It was written from Twilio's pages "Messages resource"
// (https://www.twilio.com/docs/messaging/api/message-resource), "Send templates created with the Content
// Template Builder" (https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder),
// "Outbound message status in status callbacks"
// (https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks) and the error
// dictionary (https://www.twilio.com/docs/api/errors), without Twilio's SDK. It is strict: a parameter
// that it doesn't know is refused. A recipient who can't be reached is refused in the answer, where the
// original says so in a status.
package sim

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The one account that exists, its senders, and the approved templates, with one variable each.
const (
	AccountSID = account.SID
	AuthToken  = account.Token

	Number = "+14155238886" // on WhatsApp
	Agent  = "sandbox_agent"

	TemplateEN = "HX00112233445566778899aabbccddee01"
	TemplateRO = "HX00112233445566778899aabbccddee02"
	TemplateRU = "HX00112233445566778899aabbccddee03"
)

// WhatsApp describes the far side of the provider "twilio_whatsapp". Nobody has written to its number in
// the last 24 hours: a text outside of templates is taken, and then reported as failed, with 63016, as in
// the original.
func WhatsApp() sandbox.Simulator {
	return simulator("twilio_whatsapp", messenger{
		name: "whatsapp", from: Number, templates: []string{TemplateEN, TemplateRO, TemplateRU}, window: true, unreachable: 63024,
	}, map[string]any{"templates": map[string]any{
		"en": map[string]string{"content_sid": TemplateEN},
		"ro": map[string]string{"content_sid": TemplateRO},
		"ru": map[string]string{"content_sid": TemplateRU},
	}})
}

// RCS describes the far side of the provider "twilio_rcs". Its sender is in no messaging service, so
// that nothing goes on to SMS by itself.
func RCS() sandbox.Simulator {
	return simulator("twilio_rcs", messenger{name: "rcs", from: Agent, unreachable: 63036}, map[string]any{"plain_text": true})
}

func simulator(provider string, m messenger, settings map[string]any) sandbox.Simulator {
	return sandbox.Simulator{
		Provider: provider,
		HTTP:     m.handler,
		Address:  sandbox.FakePhone,
		Settings: func(endpoint string) map[string]any {
			all := map[string]any{"base_url": endpoint, "account_sid": AccountSID, "auth_token": AuthToken, "from": m.from}
			for key, value := range settings {
				all[key] = value
			}
			return all
		},
	}
}

// messenger is one of the messengers behind Twilio.
type messenger struct {
	name        string // stands before numbers and the sender
	from        string
	templates   []string
	window      bool // a text is not delivered: its recipient has not written to us
	unreachable int  // the error code for a recipient who is refused
}

// provider serves the API for one messenger. Safe for concurrent use.
type provider struct {
	messenger
	desk *sandbox.Desk
	ids  *account.IDs
}

func (m messenger) handler(d *sandbox.Desk) http.Handler {
	p := &provider{messenger: m, desk: d, ids: account.NewIDs("SM")}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2010-04-01/Accounts/{sid}/Messages.json", account.Admitted(d, p.create))
	account.Serve(mux, d)
	return mux
}

func (p *provider) create(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	text, code := p.check(form)
	if code != 0 {
		account.Problem(w, http.StatusBadRequest, code, "The request can't be taken")
		return
	}
	number := strings.TrimPrefix(form.Get("To"), p.name+":")
	fate := p.desk.Take(number, text)
	if fate.Refused {
		account.Problem(w, http.StatusBadRequest, p.unreachable, "The recipient "+number+" can't be reached on this channel")
		return
	}
	sid := p.ids.Next()
	account.JSON(w, http.StatusCreated, created(sid, form))
	_ = http.NewResponseController(w).Flush() // no callback before the answer is on its way
	if p.window && !form.Has("ContentSid") {
		p.desk.Follow(number, sandbox.Fate{Lost: true}, func(ctx context.Context, _ string) { p.report(ctx, form, sid, "failed", "63016") })
		return
	}
	p.desk.Follow(number, fate, func(ctx context.Context, state string) { p.report(ctx, form, sid, state, "") })
}

// created is the Message resource right after its creation.
func created(sid string, form url.Values) any {
	now := time.Now().UTC().Format(time.RFC1123Z)
	return map[string]any{
		"sid": sid, "account_sid": AccountSID, "api_version": "2010-04-01", "status": "queued", "direction": "outbound-api",
		"to": form.Get("To"), "from": form.Get("From"), "body": form.Get("Body"),
		"date_created": now, "date_updated": now, "date_sent": nil, "error_code": nil, "error_message": nil,
		"num_segments": "1", "num_media": "0", "price": nil, "price_unit": nil, "messaging_service_sid": nil,
		"uri": account.Path + "/Messages/" + sid + ".json",
	}
}

// report tells a message's status to its callback.
func (p *provider) report(ctx context.Context, sent url.Values, sid, status, code string) {
	if !sent.Has("StatusCallback") {
		return
	}
	form := url.Values{
		"AccountSid": {AccountSID}, "ApiVersion": {"2010-04-01"}, "From": {sent.Get("From")}, "To": {sent.Get("To")},
		"MessageSid": {sid}, "SmsSid": {sid}, "MessageStatus": {status}, "SmsStatus": {status},
		"ChannelPrefix": {p.name}, "ChannelToAddress": {sent.Get("To")},
	}
	switch {
	case code != "":
		form.Set("ErrorCode", code)
	case status == "delivered", status == "read":
		form.Set("EventType", strings.ToUpper(status))
	}
	account.Post(ctx, p.desk, sent.Get("StatusCallback"), form)
}
