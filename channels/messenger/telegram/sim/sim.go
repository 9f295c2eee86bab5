// Package sim is the far side of the Telegram adapter: as much of the Bot API as a bot needs that
// sends text, deletes it and is told of what people do. It follows https://core.telegram.org/bots/api, and is
// stricter than the original in one thing: a field that a method doesn't have is refused, not ignored.
// Nobody does anything here, so a webhook is taken, and never called.
package sim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// Token is the one bot's token that the simulator takes, which is the documentation's example.
const Token = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"

// One group has become a supergroup: messages to its old id are refused with the new one.
const (
	MigratedFrom = "-4012345"
	MigratedTo   = -1001234567891
)

// retryAfter is how many seconds a sender is asked to wait that is too fast.
const retryAfter = 1

// Simulator describes the simulated Telegram.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "telegram", HTTP: newServer, Address: sandbox.FakeChatID,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "token": Token}
		},
	}
}

type server struct {
	desk  *sandbox.Desk
	taken memory
}

func newServer(d *sandbox.Desk) http.Handler {
	now := func() time.Time { return time.Now().Add(time.Duration(d.Conduct().Clock)) }
	return &server{desk: d, taken: memory{clock: now}}
}

// ServeHTTP takes the paths /bot<token>/<method>.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large", nil)
		return
	}
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		refuse(w, http.StatusServiceUnavailable, "Service Unavailable", nil)
	case sandbox.RateLimited:
		refuse(w, http.StatusTooManyRequests, "Too Many Requests: retry after "+strconv.Itoa(retryAfter),
			&parameters{RetryAfter: retryAfter})
	default:
		s.route(w, r, body)
	}
}

func (s *server) route(w http.ResponseWriter, r *http.Request, body []byte) {
	token, method, found := strings.Cut(strings.TrimPrefix(r.URL.Path, "/bot"), "/")
	switch {
	case !found || !strings.Contains(token, ":"):
		refuse(w, http.StatusNotFound, "Not Found", nil)
	case token != Token:
		refuse(w, http.StatusUnauthorized, "Unauthorized", nil)
	case strings.EqualFold(method, "getMe"):
		answer(w, bot())
	case strings.EqualFold(method, "sendMessage") && r.Method == http.MethodPost:
		s.sendMessage(w, r, body)
	case strings.EqualFold(method, "deleteMessage") && r.Method == http.MethodPost:
		s.deleteMessage(w, r, body)
	case strings.EqualFold(method, "setWebhook") && r.Method == http.MethodPost:
		s.setWebhook(w, body)
	default:
		refuse(w, http.StatusNotFound, "Not Found", nil)
	}
}

// message is every field of sendMessage.
type message struct {
	BusinessConnectionID    string          `json:"business_connection_id"`
	ChatID                  json.RawMessage `json:"chat_id"`
	MessageThreadID         int64           `json:"message_thread_id"`
	DirectMessagesTopicID   int64           `json:"direct_messages_topic_id"`
	Text                    string          `json:"text"`
	ParseMode               string          `json:"parse_mode"`
	Entities                json.RawMessage `json:"entities"`
	LinkPreviewOptions      *linkPreview    `json:"link_preview_options"`
	DisableNotification     bool            `json:"disable_notification"`
	ProtectContent          bool            `json:"protect_content"`
	AllowPaidBroadcast      bool            `json:"allow_paid_broadcast"`
	MessageEffectID         string          `json:"message_effect_id"`
	SuggestedPostParameters json.RawMessage `json:"suggested_post_parameters"`
	ReplyParameters         json.RawMessage `json:"reply_parameters"`
	ReplyMarkup             json.RawMessage `json:"reply_markup"`
}

type linkPreview struct {
	IsDisabled       bool   `json:"is_disabled"`
	URL              string `json:"url"`
	PreferSmallMedia bool   `json:"prefer_small_media"`
	PreferLargeMedia bool   `json:"prefer_large_media"`
	ShowAboveText    bool   `json:"show_above_text"`
}

func (s *server) sendMessage(w http.ResponseWriter, r *http.Request, body []byte) {
	var m message
	if !decode(r, body, &m) {
		refuse(w, http.StatusBadRequest, "Bad Request: want a JSON object with fields of sendMessage only", nil)
		return
	}
	chat := plain(m.ChatID)
	if problem := check(m, chat); problem != "" {
		refuse(w, http.StatusBadRequest, "Bad Request: "+problem, nil)
		return
	}
	if chat == MigratedFrom {
		refuseMigrated(w)
		return
	}
	to, problem := s.replyTo(m, chat)
	if problem != "" {
		refuse(w, http.StatusBadRequest, "Bad Request: "+problem, nil)
		return
	}
	fate := s.desk.TakeReply(chat, m.Text, to)
	if fate.Refused {
		refuse(w, http.StatusForbidden, "Forbidden: bot was blocked by the user", nil)
		return
	}
	id, at := s.taken.add(chat)
	answer(w, sent{ID: id, From: bot(), Chat: chatOf(chat), Date: at.Unix(), Text: m.Text})
	s.desk.Follow(chat, fate, nil)
}

// plain is a chat's id or name, which come as a number or a string.
func plain(id json.RawMessage) string { return strings.Trim(string(id), `"`) }

// decode reads a method's parameters, and reports whether they are a JSON object with its fields only.
func decode(r *http.Request, body []byte, into any) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") && dec.Decode(into) == nil && !dec.More()
}

func refuseMigrated(w http.ResponseWriter) {
	refuse(w, http.StatusBadRequest, "Bad Request: group chat was upgraded to a supergroup chat", &parameters{MigrateToChatID: MigratedTo})
}

// checkChat says what the API would find wrong with a chat's id, "" if nothing.
func checkChat(chat string) string {
	_, notNumber := strconv.ParseInt(chat, 10, 64)
	switch {
	case chat == "":
		return "chat_id is empty"
	case notNumber != nil && (!strings.HasPrefix(chat, "@") || len(chat) < 2):
		return "chat not found"
	}
	return ""
}

// check says what the API would find wrong with a message, "" if nothing.
func check(m message, chat string) string {
	if problem := checkChat(chat); problem != "" {
		return problem
	}
	switch {
	case strings.TrimSpace(m.Text) == "":
		return "message text is empty"
	case len(utf16.Encode([]rune(m.Text))) > 4096:
		return "message is too long"
	}
	return ""
}
