package sim

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strconv"
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
	d := sandbox.NewDesk(ctx, "webhook", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

const body = `{"type":"incident.update","timestamp":"2026-03-01T12:00:00Z","data":{"text":"Cards are down","news":{"kind":"outage"}}}`

// request is a webhook for a partner, signed as the standard says.
func request(partner, id, body string, at time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hooks/"+partner, strings.NewReader(body))
	seconds := strconv.FormatInt(at.Unix(), 10)
	secret, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(Secret(partner), "whsec_"))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + seconds + "." + body))
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", seconds)
	r.Header.Set("webhook-signature", "v1,AAAA v2,x v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}

func serve(h http.Handler, r *http.Request) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestTakenOnce(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	for _, id := range []string{"msg_1", "msg_1", "msg_2"} {
		if code := serve(h, request("a", id, body, time.Now())); code != http.StatusNoContent {
			t.Errorf("%s: %d", id, code)
		}
	}
	if n := d.Total(); n.Accepted != 2 {
		t.Errorf("counted %+v, want two accepted", n)
	}
}

// TestStandardsVector is the asymmetric example of the standard's libraries, which is about key and content.
func TestStandardsVector(t *testing.T) {
	signature, err := base64.StdEncoding.DecodeString("tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==")
	if err != nil {
		t.Fatal(err)
	}
	content := []byte(`msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}`)
	if !signedBy("v1a", "any", content, signature) || signedBy("v1a", "any", content[1:], signature) || signedBy("v1", "any", content, signature) {
		t.Error("not verified, or too much is")
	}
}

func TestRefusals(t *testing.T) {
	now := time.Now()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		id, body string
		at       time.Time
		change   func(*http.Request)
		status   int
	}{
		"old":               {"m", body, now.Add(-6 * time.Minute), nil, 401},
		"of the future":     {"m", body, now.Add(6 * time.Minute), nil, 401},
		"another body":      {"m", body, now, func(r *http.Request) { r.Body = http.NoBody }, 401},
		"another id":        {"m", body, now, header("webhook-id", "n"), 401},
		"id with a dot":     {"m.1", body, now, nil, 401},
		"another time":      {"m", body, now, header("webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10)), 401},
		"no time":           {"m", body, now, header("webhook-timestamp", ""), 401},
		"no signature":      {"m", body, now, header("webhook-signature", ""), 401},
		"another partner's": {"m", body, now, func(r *http.Request) { r.URL.Path = "/hooks/b" }, 401},
		"unknown field":     {"m", strings.Replace(body, `"text"`, `"x":1,"text"`, 1), now, nil, 400},
		"another type":      {"m", strings.Replace(body, `incident.update`, `user.created`, 1), now, nil, 400},
		"no text":           {"m", strings.Replace(body, `Cards are down`, ``, 1), now, nil, 400},
		"no JSON":           {"m", "x", now, nil, 400},
		"elsewhere":         {"m", body, now, func(r *http.Request) { r.URL.Path = "/x" }, 404},
		"GET":               {"m", body, now, func(r *http.Request) { r.Method = http.MethodGet }, 405},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newTestServer(t, sandbox.Conduct{})
			r := request("a", c.id, c.body, c.at)
			if c.change != nil {
				c.change(r)
			}
			if code := serve(h, r); code != c.status || d.Total().Accepted != 0 {
				t.Errorf("%d, want %d", code, c.status)
			}
		})
	}
}

func TestModes(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	for mode, want := range map[sandbox.Mode]int{sandbox.RateLimited: 429, sandbox.Unavailable: 503, sandbox.Working: 410} {
		d.SetConduct(sandbox.Conduct{Mode: mode, Refuse: 1})
		if code := serve(h, request("a", "m", body, time.Now())); code != want {
			t.Errorf("%s: %d, want %d", mode, code, want)
		}
	}
}
