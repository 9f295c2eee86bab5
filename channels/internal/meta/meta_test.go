package meta

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// signature was computed with: printf '{"object":"page"}' | openssl dgst -sha256 -hmac test-secret.
const signature = "703eda4acf6d31d5b4fdd07887302c53639dcde8453f05f71727ea203f0166c1"

func TestSignature(t *testing.T) {
	a := Account{AppSecret: "test-secret"}
	w := a.Webhook()
	for name, c := range map[string]struct {
		header, body string
		ok           bool
	}{
		"good":              {"sha256=" + signature, `{"object":"page"}`, true},
		"in upper case":     {"sha256=" + strings.ToUpper(signature), `{"object":"page"}`, true},
		"another body":      {"sha256=" + signature, `{"object":"pagE"}`, false},
		"without its name":  {signature, `{"object":"page"}`, false},
		"of the older kind": {"sha1=" + signature, `{"object":"page"}`, false},
		"cut":               {"sha256=" + signature[:32], `{"object":"page"}`, false},
		"no hex":            {"sha256=zz", `{"object":"page"}`, false},
		"empty":             {"sha256=", `{"object":"page"}`, false},
		"none":              {"", `{"object":"page"}`, false},
	} {
		header := http.Header{"X-Hub-Signature-256": {c.header}}
		_, err := w.Open(channels.Callback{Method: http.MethodPost, Header: header, Body: []byte(c.body)})
		if (err == nil) != c.ok || (err != nil && channels.AsError(err).Class != channels.Auth) {
			t.Errorf("a signature that is %s: error %v, want ok %v", name, err, c.ok)
		}
	}
}

func TestHandshake(t *testing.T) {
	const good = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock"
	a := Account{AppSecret: "test-secret", VerifyToken: "meatyhamhock"}
	for query, want := range map[string]string{
		good: "1158201444",
		strings.Replace(good, "meaty", "bony", 1):                        "",
		strings.Replace(good, "=subscribe", "=unsubscribe", 1):           "",
		strings.Replace(good, "1158201444", "", 1):                       "",
		strings.Replace(good, "1158201444", strings.Repeat("1", 257), 1): "",
		strings.Replace(good, "hub.verify_token=meatyhamhock", "x=y", 1): "",
		"": "",
	} {
		c := channels.Callback{Method: http.MethodGet, URL: &url.URL{RawQuery: query}, Header: http.Header{}}
		got, err := a.Webhook().Open(c)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: challenge %q, error %v; want %q", query, got, err, want)
		}
	}
}

// TestTokens: without a token in the configuration there is one all the same, which is not the secret.
func TestTokens(t *testing.T) {
	one, other := Account{AppSecret: "a"}, Account{AppSecret: "b"}
	first := one.Webhook().Token()
	if first == "" || first == other.Webhook().Token() || first != one.Webhook().Token() || first == one.AppSecret {
		t.Errorf("tokens %q, %q", first.Reveal(), other.Webhook().Token().Reveal())
	}
}

func TestFailure(t *testing.T) {
	own := func(code, subcode int) (channels.Class, bool) {
		return channels.InvalidAddress, code == 100 && subcode == 2018001
	}
	usage := http.Header{"X-Business-Use-Case-Usage": {`{"1":[{"type":"messenger","estimated_time_to_regain_access":3},{"estimated_time_to_regain_access":7}]}`}}
	absurd := http.Header{"X-Business-Use-Case-Usage": {`{"1":[{"estimated_time_to_regain_access":99999999}]}`}}
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
		class  channels.Class
		code   string
		after  time.Duration
	}{
		"the product's":       {400, nil, `{"error":{"code":100,"error_subcode":2018001}}`, channels.InvalidAddress, "100/2018001", 0},
		"the Graph API's":     {400, nil, `{"error":{"code":100}}`, channels.Rejected, "100", 0},
		"a secret of another": {400, nil, `{"error":{"code":100,"message":"Invalid appsecret_proof provided in the API argument"}}`, channels.Auth, "100 appsecret_proof", 0},
		"a token of nobody":   {401, nil, `{"error":{"code":0}}`, channels.Auth, "0", 0},
		"too many calls":      {400, usage, `{"error":{"code":80006}}`, channels.RateLimited, "80006", 7 * time.Minute},
		"for very long":       {400, absurd, `{"error":{"code":4}}`, channels.RateLimited, "4", 24 * time.Hour},
		"with Retry-After":    {429, http.Header{"Retry-After": {"5"}}, `{"error":{"code":613}}`, channels.RateLimited, "613", 5 * time.Second},
		"no time for others":  {400, usage, `{"error":{"code":100}}`, channels.Rejected, "100", 0},
		"unknown error":       {400, nil, `{"error":{"code":1}}`, channels.Unknown, "1", 0},
		"out of order":        {503, nil, `{"error":{"code":2}}`, channels.Unavailable, "2", 0},
		"broken":              {500, nil, `{"error":{"code":2}}`, channels.Unknown, "2", 0},
		"no JSON":             {503, nil, `<html>`, channels.Unavailable, "503", 0},
		"no error":            {400, nil, `{}`, channels.Rejected, "400", 0},
		"not this one":        {200, nil, `{"recipient_id":"1"}`, channels.Unknown, "200 unreadable", 0},
	} {
		e := Failure(channels.Answer{Status: c.status, Header: c.header, Body: []byte(c.body)}, own)
		if e.Class != c.class || e.Code != c.code || e.RetryAfter != c.after {
			t.Errorf("%s: %v after %v, want %v (%s) after %v", name, e, e.RetryAfter, c.class, c.code, c.after)
		}
	}
}

func FuzzFailure(f *testing.F) {
	f.Add(400, "", []byte(`{"error":{"code":131026,"error_subcode":1}}`))
	f.Add(429, `{"1":[{"estimated_time_to_regain_access":3}]}`, []byte(`{"error":{"code":4}}`))
	f.Fuzz(func(t *testing.T, status int, usage string, body []byte) {
		a := channels.Answer{Status: status, Header: http.Header{"X-Business-Use-Case-Usage": {usage}}, Body: body}
		e := Failure(a, func(int, int) (channels.Class, bool) { return 0, false })
		if e.Code == "" || e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour || e.Class > channels.Unavailable {
			t.Errorf("%#v", e)
		}
	})
}
