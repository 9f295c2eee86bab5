package telegram

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Answers as the API gives them: https://core.telegram.org/bots/api#making-requests, and the
// descriptions collected at https://github.com/TelegramBotAPI/errors.
var refusals = map[string]struct {
	status int
	body   string
	class  channels.Class
	code   string
	after  time.Duration
}{
	"blocked":      {403, `{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}`, channels.InvalidAddress, "403 blocked", 0},
	"deactivated":  {403, `{"ok":false,"error_code":403,"description":"Forbidden: user is deactivated"}`, channels.InvalidAddress, "403 deactivated", 0},
	"never wrote":  {403, `{"ok":false,"error_code":403,"description":"Forbidden: bot can't initiate conversation with a user"}`, channels.InvalidAddress, "403 not_started", 0},
	"kicked":       {403, `{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the supergroup chat"}`, channels.InvalidAddress, "403 kicked", 0},
	"other 403":    {403, `{"ok":false,"error_code":403,"description":"Forbidden: something new"}`, channels.InvalidAddress, "403", 0},
	"proxy's 403":  {403, `<html>Forbidden</html>`, channels.Auth, "403", 0},
	"no chat":      {400, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, channels.InvalidAddress, "400 chat_not_found", 0},
	"no peer":      {400, `{"ok":false,"error_code":400,"description":"Bad Request: PEER_ID_INVALID"}`, channels.InvalidAddress, "400 chat_not_found", 0},
	"no rights":    {400, `{"ok":false,"error_code":400,"description":"Bad Request: not enough rights to send text messages to the chat"}`, channels.InvalidAddress, "400 no_rights", 0},
	"migrated":     {400, `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}`, channels.InvalidAddress, "400 migrated", 0},
	"migrated, no": {400, `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat"}`, channels.InvalidAddress, "400 migrated", 0},
	"too long":     {400, `{"ok":false,"error_code":400,"description":"Bad Request: message is too long"}`, channels.Rejected, "400 too_long", 0},
	"other 400":    {400, `{"ok":false,"error_code":400,"description":"Bad Request: something new about 77712345"}`, channels.Rejected, "400", 0},
	"bad token":    {401, `{"ok":false,"error_code":401,"description":"Unauthorized"}`, channels.Auth, "401", 0},
	"no token":     {404, `{"ok":false,"error_code":404,"description":"Not Found"}`, channels.Auth, "404", 0},
	"wrong host":   {404, `nothing here`, channels.Auth, "404", 0},
	"too fast":     {429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`, channels.RateLimited, "429", 35 * time.Second},
	"proxy's 429":  {429, ``, channels.RateLimited, "429", 7 * time.Second},
	"broken":       {500, `{"ok":false,"error_code":500,"description":"Internal Server Error"}`, channels.Unknown, "500", 0},
	"bad gateway":  {502, `<html>502 Bad Gateway</html>`, channels.Unknown, "502", 0},
	"out of order": {503, `<html>`, channels.Unavailable, "503", 7 * time.Second},
	"gateway time": {504, ``, channels.Unknown, "504", 0},
	"moved":        {302, ``, channels.Unavailable, "302", 0},
	"no JSON":      {200, `hello`, channels.Unknown, "200 unreadable", 0},
	"cut off":      {200, `{"ok":true,"result":{"message_i`, channels.Unknown, "200 unreadable", 0},
	"no id":        {200, `{"ok":true,"result":{}}`, channels.Unknown, "200 unreadable", 0},
	"empty object": {200, `{}`, channels.Unknown, "200 unreadable", 0},
}

func TestRefusals(t *testing.T) {
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			if c.after > 0 {
				header.Set("Retry-After", "7")
			}
			_, err := readAck(channels.Answer{Status: c.status, Header: header, Body: []byte(c.body)})
			e := channels.AsError(err)
			if e.Class != c.class || e.Code != c.code || e.RetryAfter != c.after {
				t.Errorf("got %v after %v, want %v (%s) after %v", e, e.RetryAfter, c.class, c.code, c.after)
			}
			if strings.Contains(e.Error(), "77712345") {
				t.Errorf("%q quotes the description", e)
			}
		})
	}
}

func FuzzReadAck(f *testing.F) {
	for _, c := range refusals {
		f.Add(c.status, []byte(c.body))
	}
	f.Add(200, []byte(`{"ok":true,"result":{"message_id":1}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		ack, err := readAck(channels.Answer{Status: status, Body: body})
		if err == nil {
			if ack.ID == "" || ack.Proof != channels.Accepted {
				t.Errorf("Ack = %+v", ack)
			}
			return
		}
		e, ok := err.(*channels.Error)
		if !ok || e.Code == "" || e.RetryAfter < 0 || e.Class > channels.Unavailable {
			t.Errorf("error %#v", err)
		}
	})
}
