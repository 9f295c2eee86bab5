// Package sim is the far side of the Messenger adapter: as much of the Messenger Platform as a Page
// needs that sends utility messages and takes deliveries. It follows Meta's pages "Send a utility message"
// (https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/utility-messages),
// "message_deliveries Webhook Event Reference" (…/messenger-platform/webhooks/webhook-events/message-deliveries),
// "message_reads Webhook Event Reference" (…/message-reads), "Common Error Codes" (…/messenger-platform/error-codes),
// https://developers.facebook.com/docs/graph-api/reference/app/subscriptions and
// https://developers.facebook.com/docs/graph-api/reference/page/subscribed_apps.
//
// Nobody has written to the Page in the last 24 hours: a message that is no utility message is refused.
// One template is approved, in three languages. Reads are told with a watermark only, as in the
// original, and deliveries with ids and one.
package sim

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	metasim "github.com/tocsin-dev/tocsin/channels/internal/meta/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// What the one Page and its app have.
const (
	PageToken = "EAACE0123456789sandboxpage"
	AppSecret = "00112233445566778899aabbccddeeff"
	PageID    = "1909458034523498"
	AppID     = "188559381496048"
	appToken  = AppID + "|" + AppSecret
)

// Simulator describes the simulated Messenger Platform.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "facebook_messenger", HTTP: newServer, Address: sandbox.FakeChatID,
		Settings: func(endpoint string) map[string]any {
			templates := map[string]any{}
			for _, code := range []string{"en", "ro", "ru"} {
				templates[code] = map[string]any{"name": TemplateName, "language": code}
			}
			return map[string]any{
				"base_url": endpoint, "access_token": PageToken, "app_secret": AppSecret,
				"page_id": PageID, "app_id": AppID, "templates": templates,
			}
		},
	}
}

type server struct {
	app     *metasim.App
	webhook atomic.Pointer[subscription] // the app's, nil while none is set
	fields  atomic.Pointer[string]       // what of the Page the app is told, nil for nothing
}

type subscription struct {
	Object string `json:"object"`
	URL    string `json:"callback_url"`
	Token  string `json:"verify_token"`
	Fields string `json:"fields"`
}

func newServer(d *sandbox.Desk) http.Handler {
	return &server{app: &metasim.App{Desk: d, Secret: AppSecret, Busy: func(w http.ResponseWriter) {
		w.Header().Set("X-Business-Use-Case-Usage", `{"`+PageID+`":[{"type":"messenger","call_count":100,"estimated_time_to_regain_access":1}]}`)
		metasim.Fail(w, http.StatusBadRequest, 613, 0, "(#613) Calls to this API have exceeded the rate limit.")
	}}}
}

// ServeHTTP takes the calls of one app for one Page.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, body, ok := s.app.Admit(w, r)
	if !ok {
		return
	}
	token := PageToken
	if strings.HasPrefix(path, AppID+"/") {
		token = appToken
	}
	if !s.app.Knows(w, r, token) {
		return
	}
	switch r.Method + " " + path {
	case "POST " + PageID + "/messages":
		s.send(w, r, body)
	case "POST " + AppID + "/subscriptions":
		s.subscribe(w, r, body)
	case "POST " + PageID + "/subscribed_apps":
		s.subscribePage(w, r, body)
	case "GET " + PageID:
		metasim.Write(w, http.StatusOK, map[string]string{"id": PageID})
	default:
		metasim.Fail(w, http.StatusBadRequest, 100, 33, "Unsupported request. Object with ID does not exist")
	}
}

func (s *server) subscribe(w http.ResponseWriter, r *http.Request, body []byte) {
	var sub subscription
	if !metasim.Decode(w, r, body, &sub) {
		return
	}
	if sub.Object != "page" || sub.Fields == "" {
		metasim.Fail(w, http.StatusBadRequest, 100, 0, "(#100) Param object must be one of {page}, with fields")
		return
	}
	if !s.app.Handshake(r.Context(), sub.URL, sub.Token) {
		metasim.Fail(w, http.StatusBadRequest, 2200, 0, "(#2200) Callback verification failed")
		return
	}
	s.webhook.Store(&sub)
	metasim.Write(w, http.StatusOK, map[string]bool{"success": true})
}

func (s *server) subscribePage(w http.ResponseWriter, r *http.Request, body []byte) {
	var p struct {
		Fields string `json:"subscribed_fields"`
	}
	if !metasim.Decode(w, r, body, &p) {
		return
	}
	s.fields.Store(&p.Fields)
	metasim.Write(w, http.StatusOK, map[string]bool{"success": true})
}

func (s *server) send(w http.ResponseWriter, r *http.Request, body []byte) {
	var m message
	if !metasim.Decode(w, r, body, &m) {
		return
	}
	if p := m.check(); p.code != 0 {
		metasim.Fail(w, http.StatusBadRequest, p.code, p.subcode, p.text)
		return
	}
	to := m.Recipient.ID
	fate := s.app.Desk.Take(to, m.Message.Template.Components[0].Parameters[0].Text)
	if fate.Refused {
		metasim.Fail(w, http.StatusBadRequest, 551, 1545041, "(#551) This person isn't available right now.")
		return
	}
	id := "m_" + rand.Text() + rand.Text()
	metasim.Write(w, http.StatusOK, map[string]string{"recipient_id": to, "message_id": id})
	s.app.Desk.Follow(to, fate, func(ctx context.Context, state string) { s.report(ctx, to, id, state) })
}

// report tells the webhook of a delivery or a read. There is no event for a message that has only left.
func (s *server) report(ctx context.Context, person, id, state string) {
	now := time.Now().UnixMilli()
	event := map[string]any{
		"sender": map[string]string{"id": person}, "recipient": map[string]string{"id": PageID}, "timestamp": now,
	}
	field := ""
	switch state {
	case "delivered":
		field = "message_deliveries"
		event["delivery"] = map[string]any{"mids": []string{id}, "watermark": now}
	case "read":
		field = "message_reads"
		event["read"] = map[string]any{"watermark": now}
	}
	hook, page := s.webhook.Load(), s.fields.Load()
	if field == "" || hook == nil || page == nil || !has(hook.Fields, field) || !has(*page, field) {
		return
	}
	s.app.Tell(ctx, hook.URL, map[string]any{
		"object": "page",
		"entry":  []any{map[string]any{"id": PageID, "time": now, "messaging": []any{event}}},
	})
}

func has(fields, field string) bool { return strings.Contains(","+fields+",", ","+field+",") }
