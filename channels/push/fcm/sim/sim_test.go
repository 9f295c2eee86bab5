package sim

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTestServer(t *testing.T, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "fcm", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func post(h http.Handler, path, contentType, authorization, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// assertion signs claims with the service account's key.
func assertion(t *testing.T, head, claims string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(PrivateKey))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	digest := sha256.Sum256([]byte(input))
	s, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(s)
}

// claims are those of the documentation's example
// (https://developers.google.com/identity/protocols/oauth2/service-account#httprest), for this account.
func claims() string {
	now := time.Now().Unix()
	return fmt.Sprintf(`{"iss":"%s","scope":"https://www.googleapis.com/auth/firebase.messaging","aud":"%s","exp":%d,"iat":%d}`,
		ClientEmail, TokenURI, now+3600, now)
}

const joseHeader = `{"alg":"RS256","typ":"JWT","kid":"4f1e"}`

func form(assertion string) string {
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}.Encode()
}

const formType = "application/x-www-form-urlencoded"

func bearer(t *testing.T, h http.Handler) string {
	t.Helper()
	w := post(h, "/token", formType, "", form(assertion(t, joseHeader, claims())))
	var granted struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		TokenType   string `json:"token_type"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &granted); err != nil || w.Code != 200 || granted.ExpiresIn != 3599 || granted.TokenType != "Bearer" {
		t.Fatalf("answer %d %s", w.Code, w.Body)
	}
	return "Bearer " + granted.AccessToken
}

// documented is made of the examples of
// https://firebase.google.com/docs/cloud-messaging/send/v1-api and
// https://firebase.google.com/docs/cloud-messaging/customize-messages/set-message-type.
const documented = `{
  "message": {
    "token": "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1",
    "notification": {"title": "Match update", "body": "Arsenal goal in added time, score is now 3-0"},
    "data": {"Nick": "Mario", "Room": "PortugalVSDenmark"},
    "android": {"ttl": "86400s", "priority": "HIGH", "collapse_key": "score", "notification": {"tag": "score"}},
    "apns": {"headers": {"apns-priority": "5", "apns-expiration": "4102444800"}, "payload": {"aps": {"category": "NEW_MESSAGE_CATEGORY"}}},
    "webpush": {"headers": {"TTL": "86400", "Urgency": "high"}, "fcm_options": {"link": "https://example.com"}}
  }
}`

func TestSend(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	auth := bearer(t, h)
	w := post(h, sendPath, "application/json", auth, documented)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"name":"projects/example-bank/messages/`) {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	check := strings.Replace(documented, `"message"`, `"validate_only":true,"message"`, 1)
	if w := post(h, sendPath, "application/json", auth, check); w.Code != 200 || d.Total().Accepted != 1 {
		t.Errorf("only checked: answer %d %s, %d accepted", w.Code, w.Body, d.Total().Accepted)
	}
	for _, authorization := range []string{"", "Bearer x", strings.TrimPrefix(auth, "Bearer ")} {
		if w := post(h, sendPath, "application/json", authorization, documented); w.Code != 401 {
			t.Errorf("with %q: %d", authorization, w.Code)
		}
	}
}

func TestRefusedAssertions(t *testing.T) {
	good := assertion(t, joseHeader, claims())
	change := func(old, new string) string {
		return form(assertion(t, joseHeader, strings.Replace(claims(), old, new, 1)))
	}
	for name, c := range map[string]struct{ contentType, body, code string }{
		"JSON":             {"application/json", form(good), "invalid_request"},
		"no assertion":     {formType, "grant_type=urn", "invalid_request"},
		"one more":         {formType, form(good) + "&x=1", "invalid_request"},
		"another grant":    {formType, strings.Replace(form(good), "jwt-bearer", "saml2-bearer", 1), "unsupported_grant_type"},
		"changed":          {formType, form(good[:len(good)-8] + "AAAAAAAA"), "invalid_grant"},
		"no token":         {formType, form("a"), "invalid_grant"},
		"another alg":      {formType, form(assertion(t, `{"alg":"HS256"}`, claims())), "invalid_grant"},
		"another account":  {formType, change(ClientEmail, "a@b"), "invalid_grant"},
		"another scope":    {formType, change("firebase.messaging", "drive"), "invalid_grant"},
		"another audience": {formType, change(TokenURI, "https://example.com"), "invalid_grant"},
		"another claim":    {formType, change("{", `{"x":1,`), "invalid_grant"},
		"too long":         {formType, change(`"iat":`, `"iat":1,"nbf":`), "invalid_grant"},
	} {
		_, h := newTestServer(t, sandbox.Conduct{})
		if w := post(h, "/token", c.contentType, "", c.body); w.Code != 400 || !strings.Contains(w.Body.String(), `"error":"`+c.code+`"`) {
			t.Errorf("%s: answer %d %s, want %s", name, w.Code, w.Body, c.code)
		}
	}
}

func TestRefusedMessages(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		status   int
		code     string
	}{
		"unknown field":    {`"token"`, `"to":"a","token"`, 400, "INVALID_ARGUMENT"},
		"no JSON":          {`{`, `(`, 400, "INVALID_ARGUMENT"},
		"bad token":        {`bk3RN`, `b k3RN`, 400, "The registration token is not a valid FCM registration token"},
		"two recipients":   {`"token"`, `"topic":"a","token"`, 400, "message"},
		"bad TTL":          {`"86400s"`, `"86400"`, 400, "message.android.ttl"},
		"long TTL":         {`"86400s"`, `"2419201s"`, 400, "message.android.ttl"},
		"bad priority":     {`"HIGH"`, `"URGENT"`, 400, "message.android.priority"},
		"reserved key":     {`"Nick"`, `"google.x"`, 400, "message.data"},
		"bad expiration":   {`"4102444800"`, `"1h"`, 400, "apns-expiration"},
		"unknown header":   {`"apns-priority"`, `"apns-color"`, 400, "apns-color"},
		"unknown header 2": {`"TTL"`, `"Ttl2"`, 400, "Ttl2"},
		"too big":          {`Arsenal`, strings.Repeat("a", 4096), 400, "too big"},
		"unregistered":     {`UdFQ3P1`, `UdFQ3P9`, 404, "UNREGISTERED"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
			w := post(h, sendPath, "application/json", bearer(t, h), strings.Replace(documented, c.old, c.new, 1))
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.code) || d.Total().Accepted != 0 {
				t.Errorf("answer %d %s, want %d with %s", w.Code, w.Body, c.status, c.code)
			}
		})
	}
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	auth := bearer(t, h)
	for mode, want := range map[sandbox.Mode]int{sandbox.RateLimited: 429, sandbox.Unavailable: 503} {
		d.SetConduct(sandbox.Conduct{Mode: mode})
		if w := post(h, sendPath, "application/json", auth, documented); w.Code != want || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q", mode, w.Code, w.Header().Get("Retry-After"))
		}
	}
	for path, want := range map[string]int{"/v1/projects/other/messages:send": 404, "/": 404} {
		if w := post(h, path, "application/json", auth, documented); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
