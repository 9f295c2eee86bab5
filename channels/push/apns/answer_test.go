package apns

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestReasons holds every reason of
// https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns to
// its class.
func TestReasons(t *testing.T) {
	seen := 0
	for class, byStatus := range map[channels.Class]map[int][]string{
		channels.InvalidAddress: {410: {"ExpiredToken", "Unregistered"}},
		channels.Rejected: {
			400: {"BadCollapseId", "BadDeviceToken", "BadExpirationDate", "BadMessageId", "BadPriority", "DeviceTokenNotForTopic",
				"DuplicateHeaders", "InvalidPushType", "MissingDeviceToken", "PayloadEmpty"},
			404: {"BadPath"}, 405: {"MethodNotAllowed"}, 413: {"PayloadTooLarge"},
		},
		channels.Auth: {
			400: {"BadTopic", "MissingTopic", "TopicDisallowed"},
			403: {"BadCertificate", "BadCertificateEnvironment", "BadEnvironmentKeyIdInToken", "ExpiredProviderToken", "Forbidden",
				"InvalidProviderToken", "MissingProviderToken", "UnrelatedKeyIdInToken"},
		},
		channels.RateLimited: {429: {"TooManyProviderTokenUpdates", "TooManyRequests"}},
		channels.Unavailable: {400: {"IdleTimeout"}, 503: {"ServiceUnavailable", "Shutdown"}},
		channels.Unknown:     {500: {"InternalServerError"}},
	} {
		for status, all := range byStatus {
			for _, reason := range all {
				seen++
				_, err := readAck(channels.Answer{Status: status, Header: http.Header{}, Body: []byte(`{"reason":"` + reason + `"}`)})
				if e := channels.AsError(err); e.Class != class || !strings.HasSuffix(e.Code, " "+reason) {
					t.Errorf("%d %s: error %v, want class %v", status, reason, err, class)
				}
			}
		}
	}
	if want := len(reasons()); seen != want {
		t.Errorf("%d reasons tested, want %d", seen, want)
	}
}

func TestOtherAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  channels.Class
		code   string
	}{
		"gone":            {410, ``, channels.InvalidAddress, "410"},
		"a new reason":    {400, `{"reason":"BadMood"}`, channels.Rejected, "400 BadMood"},
		"gone, new":       {410, `{"reason":"Moved"}`, channels.InvalidAddress, "410 Moved"},
		"prose":           {400, `{"reason":"device 00fc13ad is bad"}`, channels.Rejected, "400"},
		"no JSON":         {403, `<html>`, channels.Auth, "403"},
		"bad gateway":     {502, ``, channels.Unknown, "502"},
		"another success": {204, ``, channels.Unknown, "204 unreadable"},
	} {
		_, err := readAck(channels.Answer{Status: c.status, Header: http.Header{}, Body: []byte(c.body)})
		if e := channels.AsError(err); e.Class != c.class || e.Code != c.code {
			t.Errorf("%s: error %v, want %v (%s)", name, err, c.class, c.code)
		}
	}
	_, err := readAck(channels.Answer{Status: 429, Header: http.Header{"Retry-After": {"3"}}, Body: []byte(`{"reason":"TooManyRequests"}`)})
	if e := channels.AsError(err); e.RetryAfter != 3*time.Second {
		t.Errorf("Retry-After is read as %v", e.RetryAfter)
	}
}

func FuzzReadAck(f *testing.F) {
	f.Add(200, []byte(``))
	f.Add(410, []byte(`{"reason":"Unregistered","timestamp":1}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		_, err := readAck(channels.Answer{Status: status, Header: http.Header{}, Body: body})
		if status == 200 {
			if err != nil {
				t.Errorf("error %v", err)
			}
			return
		}
		if e, ok := err.(*channels.Error); !ok || e.Code == "" || len(e.Code) > 80 {
			t.Errorf("error %#v", err)
		}
	})
}
