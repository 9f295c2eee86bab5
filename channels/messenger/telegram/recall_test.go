package telegram

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestRecallRequest pins what goes over the wire.
func TestRecallRequest(t *testing.T) {
	for want, m := range map[string]channels.Sent{
		`{"chat_id":77712345,"message_id":9007199254740993}`: {Address: "77712345", ProviderID: markOf("42", "77712345") + "9007199254740993"},
		`{"chat_id":-4012345,"message_id":7}`:                {Address: "-4012345", ProviderID: markOf("42", "-4012345") + "7"},
		`{"chat_id":-1001234567891,"message_id":7}`:          {Address: "-4012345", ProviderID: markOf("42", "-4012345") + "-1001234567891/7"},
		`{"chat_id":"@bank_notices","message_id":7}`:         {Address: "@bank_notices", ProviderID: markOf("42", "@bank_notices") + "7"},
	} {
		s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
			got, _ := io.ReadAll(r.Body)
			if string(got) != want || r.Method != http.MethodPost || r.URL.Path != "/bot"+testToken+"/deleteMessage" {
				t.Errorf("%s %s %s, want %s", r.Method, r.URL.Path, got, want)
			}
			if r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != "tocsin/1" {
				t.Errorf("header %v", r.Header)
			}
			_, _ = io.WriteString(w, `{"ok":true,"result":true}`)
		})
		if err := s.(channels.Recaller).Recall(context.Background(), m); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

// TestRecallOfWhatIsNoMessage: another bot, or in another chat, would not find it, or would find another one.
func TestRecallOfWhatIsNoMessage(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for _, id := range []string{"", "7", ":7", markOf("43", "77712345") + "7", markOf("42", "77712346") + "7", "0" + markOf("42", "77712345") + "7"} {
		err := s.(channels.Recaller).Recall(context.Background(), channels.Sent{Address: "77712345", ProviderID: id})
		if e := channels.AsError(err); e == nil || e.Class != channels.Rejected || e.Code != "other_chat" {
			t.Errorf("%q: error %v, want rejected (other_chat)", id, err)
		}
	}
	for _, id := range []string{"", "0", "-7", "+7", "07", "7.0", "7/7", "-1001234567891/", "-1001234567891/0", "@bank/7", "99999999999999999999", "9999999999999999999"} {
		err := s.(channels.Recaller).Recall(context.Background(), channels.Sent{Address: "77712345", ProviderID: markOf("42", "77712345") + id})
		if e := channels.AsError(err); e == nil || e.Class != channels.Rejected || e.Code != "no_message_id" {
			t.Errorf("%q: error %v, want rejected (no_message_id)", id, err)
		}
	}
}

// TestRecallStaysInItsChat: in a supergroup the id that a message had in the group is another message's.
func TestRecallStaysInItsChat(t *testing.T) {
	asked := 0
	s := newTestSender(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567891}}`)
	})
	err := s.(channels.Recaller).Recall(context.Background(), channels.Sent{Address: "-4012345", ProviderID: markOf("42", "-4012345") + "7"})
	if e := channels.AsError(err); asked != 1 || e == nil || e.Class != channels.InvalidAddress || e.Code != "400 migrated" {
		t.Errorf("asked %d times, error %v; want one request and an invalid address (400 migrated)", asked, err)
	}
}

// Answers to deleteMessage, as https://github.com/tdlib/telegram-bot-api (Client.cpp) gives them.
var deletions = map[string]struct {
	status int
	body   string
	class  channels.Class
	code   string // "" for a message that isn't there any more
	after  time.Duration
}{
	"deleted":        {200, `{"ok":true,"result":true}`, 0, "", 0},
	"gone":           {400, `{"ok":false,"error_code":400,"description":"Bad Request: message to delete not found"}`, 0, "", 0},
	"too old":        {400, `{"ok":false,"error_code":400,"description":"Bad Request: message can't be deleted for everyone"}`, channels.Rejected, "400 not_deletable", 0},
	"forbidden":      {400, `{"ok":false,"error_code":400,"description":"Bad Request: message can't be deleted"}`, channels.Rejected, "400 not_deletable", 0},
	"no rights":      {400, `{"ok":false,"error_code":400,"description":"Bad Request: not enough rights"}`, channels.Rejected, "400 no_rights", 0},
	"no id":          {400, `{"ok":false,"error_code":400,"description":"Bad Request: message identifier is not specified"}`, channels.Rejected, "400", 0},
	"other 400":      {400, `{"ok":false,"error_code":400,"description":"Bad Request: something new"}`, channels.Rejected, "400", 0},
	"a page's words": {400, `<html>message to delete not found`, channels.Rejected, "400", 0},
	"no chat":        {400, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, channels.InvalidAddress, "400 chat_not_found", 0},
	"kicked":         {403, `{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the channel chat"}`, channels.InvalidAddress, "403 kicked", 0},
	"not a member":   {403, `{"ok":false,"error_code":403,"description":"Forbidden: bot is not a member of the channel chat"}`, channels.InvalidAddress, "403 not_member", 0},
	"deactivated":    {403, `{"ok":false,"error_code":403,"description":"Forbidden: user is deactivated"}`, channels.InvalidAddress, "403 deactivated", 0},
	"bad token":      {401, `{"ok":false,"error_code":401,"description":"Unauthorized"}`, channels.Auth, "401", 0},
	"no token":       {404, `{"ok":false,"error_code":404,"description":"Not Found"}`, channels.Auth, "404", 0},
	"wrong host":     {404, `message to delete not found`, channels.Auth, "404", 0},
	"too fast":       {429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`, channels.RateLimited, "429", 35 * time.Second},
	"broken":         {500, `{"ok":false,"error_code":500,"description":"Internal Server Error"}`, channels.Unknown, "500", 0},
	"bad gateway":    {502, `<html>`, channels.Unknown, "502", 0},
	"out of order":   {503, `<html>`, channels.Unavailable, "503", 0},
	"moved":          {302, ``, channels.Unavailable, "302", 0},
	"not deleted":    {200, `{"ok":true,"result":false}`, channels.Unknown, "200 unreadable", 0},
	"something else": {200, `{"ok":true,"result":{"message_id":7}}`, channels.Unknown, "200 unreadable", 0},
	"no JSON":        {200, `hello`, channels.Unknown, "200 unreadable", 0},
	"cut off":        {200, `{"ok":true,"result":tr`, channels.Unknown, "200 unreadable", 0},
}

func TestReadDeletion(t *testing.T) {
	for name, c := range deletions {
		err := readDeletion(channels.Answer{Status: c.status, Header: http.Header{}, Body: []byte(c.body)})
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v, want the message gone", name, err)
			}
			continue
		}
		if e := channels.AsError(err); e == nil || e.Class != c.class || e.Code != c.code || e.RetryAfter != c.after {
			t.Errorf("%s: %v, want %v (%s) after %v", name, err, c.class, c.code, c.after)
		}
	}
}

func FuzzReadDeletion(f *testing.F) {
	for _, c := range deletions {
		f.Add(c.status, []byte(c.body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		err := readDeletion(channels.Answer{Status: status, Body: body})
		if e, ok := err.(*channels.Error); err != nil && (!ok || e.Code == "" || e.RetryAfter < 0 || e.Class > channels.Unavailable) {
			t.Errorf("error %#v", err)
		}
	})
}

// TestMarks: ids are stored, so what they begin with must stay as it is.
func TestMarks(t *testing.T) {
	for _, c := range [][3]string{{"42", "77712345", "42.e095:"}, {"42", "77712346", "42.0411:"}, {"43", "77712345", "43.141c:"}} {
		if got := markOf(c[0], c[1]); got != c[2] {
			t.Errorf("of bot %s to %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
