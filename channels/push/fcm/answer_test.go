package fcm

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// fcmError is an error as https://firebase.google.com/docs/cloud-messaging/error-codes shows it.
func fcmError(status, code string) string {
	return `{"error":{"code":400,"message":"for token abc","status":"` + status +
		`","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"` + code + `"}]}}`
}

// TestErrors has every code of https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode.
func TestErrors(t *testing.T) {
	const badField = `{"error":{"code":400,"message":"Invalid value","status":"INVALID_ARGUMENT","details":[` +
		`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"FIELD","description":"Invalid"}]},` +
		`{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"INVALID_ARGUMENT"}]}}`
	for name, c := range map[string]struct {
		status int
		body   string
		class  channels.Class
		code   string
	}{
		"unregistered":      {404, fcmError("NOT_FOUND", "UNREGISTERED"), channels.InvalidAddress, "404 UNREGISTERED"},
		"no such project":   {404, `{"error":{"code":404,"status":"NOT_FOUND"}}`, channels.Rejected, "404"},
		"bad message":       {400, fcmError("INVALID_ARGUMENT", "INVALID_ARGUMENT"), channels.Rejected, "400 INVALID_ARGUMENT"},
		"bad token":         {400, strings.Replace(fcmError("INVALID_ARGUMENT", "INVALID_ARGUMENT"), "for token abc", "The registration token is not a valid FCM registration token", 1), channels.InvalidAddress, "400 INVALID_ARGUMENT"},
		"bad token's field": {400, strings.Replace(badField, "FIELD", "message.token", 1), channels.InvalidAddress, "400 INVALID_ARGUMENT"},
		"bad field":         {400, strings.Replace(badField, "FIELD", "message.data[0].value", 1), channels.Rejected, "400 INVALID_ARGUMENT"},
		"other sender's":    {403, fcmError("PERMISSION_DENIED", "SENDER_ID_MISMATCH"), channels.Rejected, "403 SENDER_ID_MISMATCH"},
		"not allowed":       {403, `{"error":{"code":403,"status":"PERMISSION_DENIED"}}`, channels.Auth, "403"},
		"no token":          {401, `{"error":{"code":401,"status":"UNAUTHENTICATED"}}`, channels.Auth, "401"},
		"Apple's":           {401, fcmError("UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), channels.Rejected, "401 THIRD_PARTY_AUTH_ERROR"},
		"quota":             {429, fcmError("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), channels.RateLimited, "429 QUOTA_EXCEEDED"},
		"too fast":          {429, ``, channels.RateLimited, "429"},
		"out of order":      {503, fcmError("UNAVAILABLE", "UNAVAILABLE"), channels.Unavailable, "503 UNAVAILABLE"},
		"broken":            {500, fcmError("INTERNAL", "INTERNAL"), channels.Unknown, "500 INTERNAL"},
		"bad gateway":       {502, `<!DOCTYPE html>`, channels.Unknown, "502"},
		"unspecified":       {400, fcmError("", "UNSPECIFIED_ERROR"), channels.Rejected, "400"},
		"no name":           {200, `{}`, channels.Unknown, "200 unreadable"},
		"no JSON":           {200, `<html>`, channels.Unknown, "200 unreadable"},
	} {
		_, err := readName(channels.Answer{Status: c.status, Header: http.Header{}, Body: []byte(c.body)})
		if e := channels.AsError(err); e.Class != c.class || e.Code != c.code || strings.Contains(e.Error(), "abc") {
			t.Errorf("%s: error %v, want %v (%s)", name, err, c.class, c.code)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		status int
		header string
		want   time.Duration
	}{{429, "7", 7 * time.Second}, {429, "", time.Minute}, {503, "7", 7 * time.Second}, {503, "", 0}} {
		code := map[int]string{429: "QUOTA_EXCEEDED", 503: "UNAVAILABLE"}[c.status]
		_, err := readName(channels.Answer{Status: c.status, Header: http.Header{"Retry-After": {c.header}}, Body: []byte(fcmError("", code))})
		if e := channels.AsError(err); e.RetryAfter != c.want {
			t.Errorf("%d with %q: after %v, want %v", c.status, c.header, e.RetryAfter, c.want)
		}
	}
}

func FuzzReadName(f *testing.F) {
	f.Add(200, []byte(`{"name":"projects/p/messages/1"}`))
	f.Add(404, []byte(fcmError("NOT_FOUND", "UNREGISTERED")))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		name, err := readName(channels.Answer{Status: status, Header: http.Header{}, Body: body})
		if err == nil {
			if name == "" || status != 200 {
				t.Errorf("status %d is taken with the name %q", status, name)
			}
			return
		}
		if e, ok := err.(*channels.Error); !ok || e.Code == "" || e.Class > channels.Unavailable {
			t.Errorf("error %#v", err)
		}
	})
}
