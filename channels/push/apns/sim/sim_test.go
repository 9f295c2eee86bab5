package sim

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	d := sandbox.NewDesk(ctx, "apns", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func ownKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(PrivateKey))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*ecdsa.PrivateKey)
}

func token(t *testing.T, key *ecdsa.PrivateKey, head, claims string) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return "bearer " + input + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

const joseHeader = `{"alg":"ES256","kid":"ABC123DEFG"}`

func claims(age time.Duration) string {
	return fmt.Sprintf(`{"iss":"DEF123GHIJ","iat":%d}`, time.Now().Add(-age).Unix())
}

// documented is the request of
// https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns, with
// this sender's topic.
func documented(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/3/device/00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0",
		strings.NewReader(`{ "aps" : { "alert" : { "title" : "Game Request", "body" : "Bob wants to play poker" }, "sound":"bingbong.aiff" }, "gameID" : "12345678" }`))
	r.Header.Set("Authorization", token(t, ownKey(t), joseHeader, claims(0)))
	r.Header.Set("apns-push-type", "alert")
	r.Header.Set("apns-id", "eabeae54-14a8-11e5-b60b-1697f925ec7b")
	r.Header.Set("apns-expiration", "0")
	r.Header.Set("apns-priority", "10")
	r.Header.Set("apns-topic", Topic)
	return r
}

func TestDocumentedRequest(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	d.KeepMessages()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, documented(t))
	if w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("apns-id") != "eabeae54-14a8-11e5-b60b-1697f925ec7b" {
		t.Errorf("answer %d %q %v", w.Code, w.Body, w.Header())
	}
	if m := d.Messages(); len(m) != 1 || m[0].Text != "Bob wants to play poker" {
		t.Errorf("messages %+v", m)
	}
	r := documented(t)
	r.Header.Del("apns-id")
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, r); !canonical.MatchString(w.Header().Get("apns-id")) {
		t.Errorf("an apns-id of APNs' own: %q", w.Header().Get("apns-id"))
	}
}

func TestRefusals(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	signed := func(key *ecdsa.PrivateKey, head, claims string) func(*http.Request) {
		return header("Authorization", token(t, key, head, claims))
	}
	body := func(s string) func(*http.Request) {
		return func(r *http.Request) { r.Body = httptest.NewRequest("POST", "/", strings.NewReader(s)).Body }
	}
	path := func(p string) func(*http.Request) { return func(r *http.Request) { r.URL.Path = p } }
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		reason string
	}{
		"no token":           {header("Authorization", "x"), 403, "MissingProviderToken"},
		"another key":        {signed(other, joseHeader, claims(0)), 403, "InvalidProviderToken"},
		"malformed":          {header("Authorization", "bearer x"), 403, "InvalidProviderToken"},
		"another key's id":   {signed(ownKey(t), `{"alg":"ES256","kid":"XBC123DEFG"}`, claims(0)), 403, "InvalidProviderToken"},
		"another claim":      {signed(ownKey(t), joseHeader, strings.Replace(claims(0), "{", `{"exp":1,`, 1)), 403, "InvalidProviderToken"},
		"old token":          {signed(ownKey(t), joseHeader, claims(61*time.Minute)), 403, "ExpiredProviderToken"},
		"token of tomorrow":  {signed(ownKey(t), joseHeader, claims(-time.Hour)), 403, "ExpiredProviderToken"},
		"no topic":           {func(r *http.Request) { r.Header.Del("apns-topic") }, 400, "MissingTopic"},
		"another topic":      {header("apns-topic", "com.example"), 400, "TopicDisallowed"},
		"no push type":       {func(r *http.Request) { r.Header.Del("apns-push-type") }, 400, "InvalidPushType"},
		"bad id":             {header("apns-id", "1"), 400, "BadMessageId"},
		"bad expiration":     {header("apns-expiration", "soon"), 400, "BadExpirationDate"},
		"bad priority":       {header("apns-priority", "11"), 400, "BadPriority"},
		"long collapse id":   {header("apns-collapse-id", strings.Repeat("a", 65)), 400, "BadCollapseId"},
		"twice":              {func(r *http.Request) { r.Header.Add("apns-priority", "5") }, 400, "DuplicateHeaders"},
		"undocumented":       {header("apns-colour", "red"), 400, "BadPath"},
		"no device":          {path("/3/device/"), 400, "MissingDeviceToken"},
		"bad device":         {path("/3/device/xyz"), 400, "BadDeviceToken"},
		"device of zeros":    {path("/3/device/" + strings.Repeat("0", 64)), 400, "BadDeviceToken"},
		"elsewhere":          {path("/4/device/00"), 404, "BadPath"},
		"GET":                {func(r *http.Request) { r.Method = "GET" }, 405, "MethodNotAllowed"},
		"too large":          {body(strings.Repeat("a", 4097)), 413, "PayloadTooLarge"},
		"no alert":           {body(`{"aps":{}}`), 400, "PayloadEmpty"},
		"unknown key in aps": {body(`{"aps":{"alert":{"body":"a"},"text":"b"}}`), 400, "PayloadEmpty"},
		"no JSON":            {body(`aps`), 400, "PayloadEmpty"},
		"unregistered":       {path("/3/device/" + strings.Repeat("a", 63) + "9"), 410, "Unregistered"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
			r := documented(t)
			c.change(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), `"reason":"`+c.reason+`"`) || d.Total().Accepted != 0 {
				t.Errorf("answer %d %s, want %d %s", w.Code, w.Body, c.status, c.reason)
			}
		})
	}
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	for mode, want := range map[sandbox.Mode]int{sandbox.RateLimited: 429, sandbox.Unavailable: 503} {
		d.SetConduct(sandbox.Conduct{Mode: mode})
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, documented(t)); w.Code != want {
			t.Errorf("%s: %d", mode, w.Code)
		}
	}
}
