package twilio

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testAccount = "AC00112233445566778899aabbccddeeff"
	testToken   = "00112233445566778899aabbccddee00"
)

func newTestAccount(t testing.TB, c Config) *Account {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	a, err := NewAccount(c, channels.Env{HTTP: &http.Client{Transport: transport}, UserAgent: "tocsin/test"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Config)
		want   string // what the error names; "" for none
	}{
		"good":                  {func(*Config) {}, ""},
		"own base URL":          {func(c *Config) { c.BaseURL = "http://127.0.0.1:1/twilio/" }, ""},
		"no account":            {func(c *Config) { c.AccountSID = "" }, "account_sid"},
		"an API key":            {func(c *Config) { c.AccountSID = "SK" + testAccount[2:] }, "account_sid"},
		"account of other text": {func(c *Config) { c.AccountSID = "AC" + strings.Repeat("x", 32) }, "account_sid"},
		"no token":              {func(c *Config) { c.AuthToken = "" }, "auth_token"},
		"base URL of no scheme": {func(c *Config) { c.BaseURL = "api.twilio.com" }, "base_url"},
		"base URL of a query":   {func(c *Config) { c.BaseURL = "https://x/?y=z" }, "base_url"},
	} {
		c := Config{AccountSID: testAccount, AuthToken: testToken}
		tt.change(&c)
		a, err := NewAccount(c, channels.Env{})
		if (err == nil) != (tt.want == "") || (err != nil && !strings.HasPrefix(err.Error(), tt.want+":")) {
			t.Errorf("%s: error %v, want one that names %q", name, err, tt.want)
		}
		if err == nil && (a.BaseURL == "" || strings.HasSuffix(a.BaseURL, "/")) {
			t.Errorf("%s: BaseURL = %q", name, a.BaseURL)
		}
	}
}

func TestProbe(t *testing.T) {
	for body, want := range map[string]string{
		`{"sid":"` + testAccount + `","status":"active"}`:    "",
		`{"sid":"` + testAccount + `","status":"suspended"}`: "account_suspended",
		`{"sid":`: "unreadable_answer",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != testAccount || password != testToken || r.URL.Path != "/2010-04-01/Accounts/"+testAccount+".json" {
				t.Errorf("asked for %s as %s", r.URL.Path, user)
			}
			_, _ = io.WriteString(w, body)
		}))
		err := newTestAccount(t, Config{AccountSID: testAccount, AuthToken: testToken, BaseURL: server.URL}).Probe(context.Background())
		if (err == nil) != (want == "") || (err != nil && channels.AsError(err).Code != want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
		server.Close()
	}
}

// TestDocumentedSignature verifies the example of "Secure webhooks".
func TestDocumentedSignature(t *testing.T) {
	const body = "Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE"
	called, err := url.Parse("https://mycompany.com/myapp.php?foo=1&bar=2")
	if err != nil {
		t.Fatal(err)
	}
	a := newTestAccount(t, Config{AccountSID: testAccount, AuthToken: "12345"})
	c := channels.Callback{URL: called, Body: []byte(body), Header: http.Header{"X-Twilio-Signature": {"RSOYDt4T1cUTdK1PDd93/VVr8B8="}}}
	if form, err := a.Verify(c); err != nil || form.Get("Digits") != "1234" {
		t.Errorf("Verify = %v, %v", form, err)
	}
	c.Body = append(c.Body, "&Digits=1"...)
	c.Body[7] = '2'
	if _, err := a.Verify(c); err == nil || channels.AsError(err).Class != channels.Auth {
		t.Errorf("a changed body: %v, want class auth", err)
	}
}
