package sim

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
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
	d := sandbox.NewDesk(ctx, "webpush", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func decoded(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// message was encrypted for the subscription browser-1 by version 3.6.7 of npm's web-push.
func message(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/message.txt")
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, string(b))
}

// TestRFC8291 decrypts the example of RFC 8291, section 5.
func TestRFC8291(t *testing.T) {
	private, err := ecdh.P256().NewPrivateKey(decoded(t, "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := decrypt(keys{private, decoded(t, "BTBZMqHH6r4Tts7J_aSIgg")}, decoded(t,
		"DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"+
			"yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"))
	if err != nil || string(plain) != "When I grow up, I want to be a watermelon" {
		t.Errorf("%q, error %v", plain, err)
	}
}

func TestMessageOfAnotherLibrary(t *testing.T) {
	plain, err := decrypt(keysOf("browser-1"), message(t))
	if err != nil || string(plain) != `{"title":"Cards","body":"Плата 🔔"}` {
		t.Errorf("%q, error %v", plain, err)
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"another browser's": func(b []byte) []byte { b[0]++; return b },
		"cut":               func(b []byte) []byte { return b[:90] },
		"small records":     func(b []byte) []byte { b[18], b[19] = 0, 20; return b },
		"no key":            func(b []byte) []byte { b[21] = 9; return b },
		"key length":        func(b []byte) []byte { b[20] = 64; return b },
	} {
		if plain, err := decrypt(keysOf("browser-1"), spoil(message(t))); err == nil {
			t.Errorf("%s: %q", name, plain)
		}
	}
}

// claims are those of a good token.
func claims() string {
	return fmt.Sprintf(`{"aud":"%s","exp":%d,"sub":"mailto:a@bank.example"}`, Origin, time.Now().Add(time.Hour).Unix())
}

// authorization signs claims with the subscriptions' key, or with another.
func authorization(t *testing.T, raw []byte, head, claims string) string {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return "vapid t=" + input + "." + base64.RawURLEncoding.EncodeToString(signature) + ", k=" + base64.RawURLEncoding.EncodeToString(public)
}

const joseHeader = `{"typ":"JWT","alg":"ES256"}`

func request(t *testing.T) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/p/browser-1", bytes.NewReader(message(t)))
	r.Header.Set("TTL", "60")
	r.Header.Set("Content-Encoding", "aes128gcm")
	r.Header.Set("Authorization", authorization(t, decoded(t, VAPIDPrivateKey), joseHeader, claims()))
	return r
}

func TestPush(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	d.KeepMessages()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(t))
	if w.Code != http.StatusCreated || !strings.HasPrefix(w.Header().Get("Location"), Origin+"/m/") {
		t.Fatalf("answer %d %q, Location %q", w.Code, w.Body, w.Header().Get("Location"))
	}
	if m := d.Messages(); len(m) != 1 || m[0].Address != "browser-1" || m[0].Text != "Плата 🔔" {
		t.Errorf("messages %+v", m)
	}
}

func TestRefusals(t *testing.T) {
	own := decoded(t, VAPIDPrivateKey)
	other := decoded(t, "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
	authorized := func(raw []byte, head, claims string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", authorization(t, raw, head, claims)) }
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	later := fmt.Sprint(time.Now().Add(25 * time.Hour).Unix())
	soon := fmt.Sprint(time.Now().Add(time.Hour).Unix())
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"no token":         {header("Authorization", "WebPush x"), 401},
		"malformed":        {header("Authorization", "vapid t=a.b,k=c"), 401},
		"another origin":   {authorized(own, joseHeader, strings.Replace(claims(), Origin, "https://example.com", 1)), 401},
		"too long a token": {authorized(own, joseHeader, strings.Replace(claims(), soon, later, 1)), 401},
		"past":             {authorized(own, joseHeader, strings.Replace(claims(), soon, "1", 1)), 401},
		"no contact":       {authorized(own, joseHeader, strings.Replace(claims(), "mailto:", "", 1)), 401},
		"another claim":    {authorized(own, joseHeader, strings.Replace(claims(), "{", `{"iss":"a",`, 1)), 401},
		"another alg":      {authorized(own, `{"alg":"none"}`, claims()), 401},
		"another key":      {authorized(other, joseHeader, claims()), 403},
		"forged": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(authorization(t, other, joseHeader, claims()), "k=", "k="+vapidPublicKey+",x=", 1))
		}, 401},
		"no TTL":          {func(r *http.Request) { r.Header.Del("TTL") }, 400},
		"negative TTL":    {header("TTL", "-1"), 400},
		"old encoding":    {header("Content-Encoding", "aesgcm"), 400},
		"long topic":      {header("Topic", strings.Repeat("a", 33)), 400},
		"urgency":         {header("Urgency", "urgent"), 400},
		"another browser": {func(r *http.Request) { r.URL.Path = "/p/browser-2" }, 400},
		"no subscription": {func(r *http.Request) { r.URL.Path = "/x" }, 404},
		"no id":           {func(r *http.Request) { r.URL.Path = "/p/" }, 404},
		"GET":             {func(r *http.Request) { r.Method = http.MethodGet }, 405},
		"too large":       {func(r *http.Request) { r.Body = http.NoBody; *r = *large(t, r) }, 413},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newTestServer(t, sandbox.Conduct{})
			r := request(t)
			c.change(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if n := d.Total().Accepted; w.Code != c.status || n != 0 {
				t.Errorf("answer %d %q, %d accepted; want %d", w.Code, w.Body, n, c.status)
			}
		})
	}
}

// large gives a request a body of a byte more than is taken.
func large(t *testing.T, r *http.Request) *http.Request {
	t.Helper()
	big := httptest.NewRequest(r.Method, r.URL.Path, bytes.NewReader(make([]byte, maxBody+1)))
	big.Header = r.Header
	return big
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{Refuse: 1})
	for mode, want := range map[sandbox.Mode]int{sandbox.RateLimited: 429, sandbox.Unavailable: 503, sandbox.Working: 410} {
		d.SetConduct(sandbox.Conduct{Mode: mode, Refuse: 1})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(t))
		if w.Code != want || (want != 410 && w.Header().Get("Retry-After") == "") {
			t.Errorf("%s: %d, Retry-After %q; want %d", mode, w.Code, w.Header().Get("Retry-After"), want)
		}
	}
}

func TestUnreadableForServiceWorker(t *testing.T) {
	for plain, readable := range map[string]bool{
		`{"body":"a"}`: true, `{"title":"t","body":"a","tag":"x","lang":"ro","url":"https://a"}`: true,
		`{"body":""}`: false, `{"body":"a","text":"b"}`: false, `text`: false, `{"body":"a"} {}`: false,
	} {
		if _, problem := shown([]byte(plain)); (problem == "") != readable {
			t.Errorf("%s: %q", plain, problem)
		}
	}
}
