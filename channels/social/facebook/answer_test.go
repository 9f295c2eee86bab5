package facebook

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Answers as https://developers.facebook.com/docs/graph-api/guides/error-handling shows them, and what
// proxies put in front.
var refusals = map[string]struct {
	status int
	body   string
	class  channels.Class
	code   string
}{
	"expired":        {401, `{"error":{"message":"Error validating access token","type":"OAuthException","code":190,"error_subcode":463}}`, channels.Auth, "190/463"},
	"no session":     {400, `{"error":{"code":102}}`, channels.Auth, "102"},
	"permission":     {403, `{"error":{"code":200,"message":"(#200) Card payments"}}`, channels.Auth, "200"},
	"no permission":  {400, `{"error":{"code":10}}`, channels.Auth, "10"},
	"blocked":        {400, `{"error":{"code":368}}`, channels.Auth, "368"},
	"posts too fast": {400, `{"error":{"code":368,"error_subcode":1390008}}`, channels.RateLimited, "368/1390008"},
	"app's calls":    {400, `{"error":{"code":4}}`, channels.RateLimited, "4"},
	"user's calls":   {400, `{"error":{"code":17}}`, channels.RateLimited, "17"},
	"Page's calls":   {400, `{"error":{"code":32}}`, channels.RateLimited, "32"},
	"calls":          {400, `{"error":{"code":613}}`, channels.RateLimited, "613"},
	"Pages' calls":   {400, `{"error":{"code":80001}}`, channels.RateLimited, "80001"},
	"parameter":      {400, `{"error":{"code":100,"error_subcode":1349125}}`, channels.Rejected, "100/1349125"},
	"duplicate":      {400, `{"error":{"code":506}}`, channels.Rejected, "506"},
	"bad link":       {500, `{"error":{"code":1609005}}`, channels.Rejected, "1609005"},
	"unknown":        {500, `{"error":{"code":1}}`, channels.Unknown, "1"},
	"service":        {500, `{"error":{"code":2,"is_transient":true}}`, channels.Unknown, "2"},
	"out of order":   {503, `{"error":{"code":2}}`, channels.Unavailable, "2"},
	"another":        {400, `{"error":{"code":2500}}`, channels.Rejected, "2500"},
	"inside a 200":   {200, `{"error":{"code":2500}}`, channels.Unknown, "2500"},
	"proxy":          {502, `<html>`, channels.Unknown, "502"},
	"too fast":       {429, ``, channels.RateLimited, "429"},
	"no JSON":        {200, `<html>`, channels.Unknown, "200 unreadable"},
	"no id":          {200, `{}`, channels.Unknown, "200 unreadable"},
}

func TestRefusals(t *testing.T) {
	for what, c := range refusals {
		h := http.Header{"X-Business-Use-Case-Usage": {`{"1012":[{"estimated_time_to_regain_access":5},{"estimated_time_to_regain_access":3}]}`}}
		_, err := readID(channels.Answer{Status: c.status, Header: h, Body: []byte(c.body)})
		e := channels.AsError(err)
		if err == nil || e.Class != c.class || e.Code != c.code || strings.Contains(e.Error(), "Card") {
			t.Errorf("%s: %v, want %v (%s)", what, err, c.class, c.code)
		}
		if limited := c.code != "429" && e.Class == channels.RateLimited; limited && e.RetryAfter != 5*time.Minute {
			t.Errorf("%s: to be tried again after %v", what, e.RetryAfter)
		}
	}
}

func FuzzReadID(f *testing.F) {
	for _, c := range refusals {
		f.Add(c.status, []byte(c.body), `{"1":[{"estimated_time_to_regain_access":99999}]}`)
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, usage string) {
		a := channels.Answer{Status: status, Header: http.Header{"X-Business-Use-Case-Usage": {usage}}, Body: body}
		id, err := readID(a)
		if _, ok := err.(*channels.Error); err != nil && !ok || err == nil && id == "" {
			t.Errorf("%q, %v", id, err)
		}
		if e := refusal(a); e.Code == "" || e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour || e.Class > channels.Unavailable {
			t.Errorf("error %#v", e)
		}
		_, _ = readListed(a)
	})
}
