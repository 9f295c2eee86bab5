// Package sim is the far side of the WhatsApp adapter: as much of the Cloud API as a business needs
// that sends templates and takes statuses. It follows Meta's pages "Messages API"
// (https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api),
// "Webhook overrides" (…/whatsapp/webhooks/override), "Status messages webhook reference"
// (…/whatsapp/webhooks/reference/messages/status) and "Error codes" (…/whatsapp/support/error-codes).
//
// Nobody has written to the business in the last 24 hours: a text outside of templates is taken, and
// then reported as failed, with 131047, as in the original. One template is approved, in three
// languages. A recipient who can't be reached is refused in the answer, where the original may also
// say so in a status. Statuses go to the number's own webhook, and to nobody while it has none.
package sim

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	metasim "github.com/tocsin-dev/tocsin/channels/internal/meta/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// What the one business has.
const (
	AccessToken   = "EAAJB0123456789sandboxwhatsapp"
	AppSecret     = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	PhoneNumberID = "106540352242922"

	businessID = "102290129340398"
	display    = "15550783881"
)

// Simulator describes the simulated Cloud API.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "whatsapp", HTTP: newServer, Address: sandbox.FakePhone,
		Settings: func(endpoint string) map[string]any {
			templates := map[string]any{}
			for _, code := range []string{"en", "ro", "ru"} {
				templates[code] = map[string]any{"name": TemplateName, "language": code}
			}
			return map[string]any{
				"base_url": endpoint, "access_token": AccessToken, "app_secret": AppSecret,
				"phone_number_id": PhoneNumberID, "templates": templates,
			}
		},
	}
}

type server struct {
	app     *metasim.App
	webhook atomic.Pointer[string] // nil while none is set
}

func newServer(d *sandbox.Desk) http.Handler {
	return &server{app: &metasim.App{Desk: d, Secret: AppSecret, Busy: func(w http.ResponseWriter) {
		metasim.Fail(w, http.StatusBadRequest, 130429, 0, "(#130429) Rate limit hit")
	}}}
}

// ServeHTTP takes the calls of one phone number: GET and POST on itself, POST on its messages.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, body, ok := s.app.Admit(w, r)
	if !ok || !s.app.Knows(w, r, AccessToken) {
		return
	}
	switch r.Method + " " + path {
	case "POST " + PhoneNumberID + "/messages":
		s.send(w, r, body)
	case "POST " + PhoneNumberID:
		s.override(w, r, body)
	case "GET " + PhoneNumberID:
		metasim.Write(w, http.StatusOK, map[string]string{"id": PhoneNumberID})
	default:
		metasim.Fail(w, http.StatusBadRequest, 100, 33, "Unsupported request. Object with ID does not exist")
	}
}

func (s *server) override(w http.ResponseWriter, r *http.Request, body []byte) {
	var o struct {
		Webhook struct {
			URL   string `json:"override_callback_uri"`
			Token string `json:"verify_token"`
		} `json:"webhook_configuration"`
	}
	if !metasim.Decode(w, r, body, &o) {
		return
	}
	if !s.app.Handshake(r.Context(), o.Webhook.URL, o.Webhook.Token) {
		metasim.Fail(w, http.StatusBadRequest, 2200, 0, "(#2200) Callback verification failed")
		return
	}
	s.webhook.Store(&o.Webhook.URL)
	metasim.Write(w, http.StatusOK, map[string]bool{"success": true})
}

func (s *server) send(w http.ResponseWriter, r *http.Request, body []byte) {
	var m message
	if !metasim.Decode(w, r, body, &m) {
		return
	}
	if p := m.check(); p.code != 0 {
		metasim.Fail(w, p.status, p.code, 0, p.text)
		return
	}
	fate := s.app.Desk.Take(m.To, m.said())
	if fate.Refused {
		metasim.Fail(w, http.StatusBadRequest, 131026, 0, "(#131026) Message undeliverable")
		return
	}
	id := "wamid." + rand.Text()
	metasim.Write(w, http.StatusOK, sent(m.To, id))
	if m.Type == "text" {
		s.app.Desk.Follow(m.To, sandbox.Fate{Lost: true}, func(ctx context.Context, _ string) { s.report(ctx, m, id, "failed", 131047) })
		return
	}
	s.app.Desk.Follow(m.To, fate, func(ctx context.Context, state string) { s.report(ctx, m, id, state, 0) })
}

// report tells the webhook one status of a message.
func (s *server) report(ctx context.Context, m message, id, state string, code int) {
	hook := s.webhook.Load()
	if hook == nil {
		return
	}
	status := map[string]any{
		"id": id, "status": state, "recipient_id": digits(m.To),
		"timestamp": strconv.FormatInt(time.Now().Unix(), 10),
	}
	if m.Data != "" {
		status["biz_opaque_callback_data"] = m.Data
	}
	if code != 0 {
		status["errors"] = []any{map[string]any{"code": code, "title": "Re-engagement message", "message": "Re-engagement message"}}
	}
	s.app.Tell(ctx, *hook, map[string]any{
		"object": "whatsapp_business_account",
		"entry": []any{map[string]any{"id": businessID, "changes": []any{map[string]any{
			"field": "messages",
			"value": map[string]any{
				"messaging_product": "whatsapp",
				"metadata":          map[string]string{"display_phone_number": display, "phone_number_id": PhoneNumberID},
				"statuses":          []any{status},
			},
		}}}},
	})
}
