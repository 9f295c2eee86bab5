package inbox_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/web/inapp/inbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNoticeIsReadAndReported is the whole way: sent, fetched, shown, reported.
func TestNoticeIsReadAndReported(t *testing.T) {
	h := newHouse(t, file(t), nil)
	ack := h.send(h.message(1))
	if again := h.send(h.message(1)); again != ack || ack.Proof != channels.Accepted {
		t.Errorf("Ack %+v, then %+v for the same attempt", ack, again)
	}
	if others := h.inbox("customer-2"); len(others) != 0 {
		t.Errorf("another customer sees %+v", others)
	}
	all := h.inbox("customer-1")
	if len(all) != 1 || all[0].ID != ack.ID || all[0].Title != "Cardurile nu merg 1" || all[0].Text != "Căutăm cauza.\n<b>&" || all[0].Shown {
		t.Fatalf("inbox %+v", all)
	}
	if r := h.receipt(); r.Ref != "attempt-1" || r.State != channels.ReceiptDelivered || r.ProviderID != ack.ID {
		t.Errorf("receipt %+v, want it delivered", r)
	}
	// Another customer can't say that it was shown.
	h.do(h.request(http.MethodPost, "/v1/shown", "customer-2", `{"ids":["`+ack.ID+`"]}`), http.StatusNoContent)
	for range 2 { // said twice, reported once
		h.do(h.request(http.MethodPost, "/v1/shown", "customer-1", `{"ids":["`+ack.ID+`"]}`), http.StatusNoContent)
	}
	if r := h.receipt(); r.Ref != "attempt-1" || r.State != channels.ReceiptRead {
		t.Errorf("receipt %+v, want it read", r)
	}
	if all := h.inbox("customer-1"); len(all) != 1 || !all[0].Shown {
		t.Errorf("inbox %+v, want it shown", all)
	}
	if len(h.receipts) != 0 {
		t.Error("more is reported than happened")
	}
}

func TestStream(t *testing.T) {
	h := newHouse(t, file(t), nil)
	first := h.send(h.message(1))
	next, hangUp := h.listen("customer-1", "")
	if id, data := next(); id != first.ID || !strings.Contains(data, "Cardurile nu merg 1") {
		t.Errorf("event %s %s, want what was there", id, data)
	}
	if r := h.receipt(); r.State != channels.ReceiptDelivered {
		t.Errorf("receipt %+v", r)
	}
	second := h.send(h.message(2))
	if id, data := next(); id != second.ID || !strings.Contains(data, "Cardurile nu merg 2") {
		t.Errorf("event %s %s, want what came", id, data)
	}
	hangUp()
	third := h.send(h.message(3))
	next, hangUp = h.listen("customer-1", second.ID)
	if id, _ := next(); id != third.ID {
		t.Errorf("event %s after %s, want %s", id, second.ID, third.ID)
	}
	hangUp()
}

// TestStreamsEndWithTheServer: a server that stops lets its streams go.
func TestStreamsEndWithTheServer(t *testing.T) {
	h := newHouse(t, file(t), nil)
	h.send(h.message(1))
	next, hangUp := h.listen("customer-1", "")
	defer hangUp()
	next()
	h.stop()
	if id, _ := next(); id != "" {
		t.Errorf("event %s from a server that has stopped", id)
	}
}

func TestTooManyStreams(t *testing.T) {
	h := newHouse(t, file(t), func(o *inbox.Options) { o.MaxStreams = 2 })
	h.send(h.message(1))
	for range 2 {
		next, hangUp := h.listen("customer-1", "")
		next()
		defer hangUp()
	}
	h.do(h.request(http.MethodGet, "/v1/stream", "customer-2", ""), http.StatusTooManyRequests)
}

// TestKept: another process goes on with what is in the file, reports too.
func TestKept(t *testing.T) {
	path := file(t)
	h := newHouse(t, path, nil)
	ack := h.send(h.message(1))
	h.stop()
	h = newHouse(t, path, nil)
	if all := h.inbox("customer-1"); len(all) != 1 || all[0].ID != ack.ID {
		t.Errorf("inbox %+v, want what was there", all)
	}
}

func TestNoticesEnd(t *testing.T) {
	h := newHouse(t, file(t), func(o *inbox.Options) { o.PerCustomer = 3 })
	short := h.message(0)
	short.UsefulFor = time.Millisecond
	h.send(short)
	h.pass(2 * time.Second)
	if all := h.inbox("customer-1"); len(all) != 0 {
		t.Errorf("inbox %+v, want what is over gone", all)
	}
	for n := 1; n <= 5; n++ {
		h.send(h.message(n))
	}
	if all := h.inbox("customer-1"); len(all) != 3 || all[0].Title != "Cardurile nu merg 3" {
		t.Errorf("inbox %+v, want the newest three", all)
	}
}

// TestReportsComeAgain: a report that isn't taken is posted again, later.
func TestReportsComeAgain(t *testing.T) {
	h := newHouse(t, file(t), nil)
	h.busy = 1
	h.send(h.message(1))
	h.inbox("customer-1")
	<-h.refused
	for n := 2; n < 12; n++ { // each further report has the server look for what is due again
		h.pass(time.Minute)
		h.send(h.message(n))
		h.inbox("customer-1")
		for {
			r := h.receipt()
			if r.Ref == "attempt-1" && r.State == channels.ReceiptDelivered {
				return
			}
			if r.Ref == fmt.Sprintf("attempt-%d", n) {
				break
			}
		}
	}
	t.Error("the report that was not taken doesn't come again")
}

// TestRefused is who and what is not let in.
func TestRefused(t *testing.T) {
	h := newHouse(t, file(t), nil)
	good := `{"ref":"r","customer":"c","locale":"en","title":"t","text":"x"}`
	tocsin := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }
	for name, c := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
		status             int
	}{
		"a token instead of the key": {"POST", "/v1/notices", good, func(*http.Request) {}, 401},
		"no key":                     {"GET", "/v1/ready", "", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"the key instead of a token": {"GET", "/v1/inbox", "", tocsin, 401},
		"no token":                   {"GET", "/v1/stream", "", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"an unknown field":           {"POST", "/v1/notices", strings.Replace(good, "ref", "reff", 1), tocsin, 422},
		"no customer":                {"POST", "/v1/notices", strings.Replace(good, `"c"`, `""`, 1), tocsin, 422},
		"no title":                   {"POST", "/v1/notices", strings.Replace(good, `"t"`, `""`, 1), tocsin, 422},
		"a callback to a file":       {"POST", "/v1/notices", strings.Replace(good, `{`, `{"callback":"file:///etc/passwd",`, 1), tocsin, 422},
		"a negative time":            {"POST", "/v1/notices", strings.Replace(good, `{`, `{"valid_for":-1,`, 1), tocsin, 422},
		"a withdrawal by token":      {"DELETE", "/v1/notices/1?ref=r", "", func(*http.Request) {}, 401},
		"a withdrawal without ref":   {"DELETE", "/v1/notices/1", "", tocsin, 422},
		"a withdrawal and more":      {"DELETE", "/v1/notices/1?ref=r&all=1", "", tocsin, 422},
		"a withdrawal of a word":     {"DELETE", "/v1/notices/x%2Fy?ref=r", "", tocsin, 404},
		"more than a notice":         {"POST", "/v1/notices", good + good, tocsin, 422},
		"too much":                   {"POST", "/v1/notices", strings.Replace(good, `"x"`, `"`+strings.Repeat("x", 1<<17)+`"`, 1), tocsin, 422},
		"good":                       {"POST", "/v1/notices", good, tocsin, 201},
		"no number":                  {"POST", "/v1/shown", `{"ids":["x"]}`, func(*http.Request) {}, 422},
		"no JSON":                    {"POST", "/v1/shown", `ids=1`, func(*http.Request) {}, 422},
	} {
		req := h.request(c.method, c.path, name, c.body)
		c.change(req)
		t.Log(name)
		h.do(req, c.status)
	}
}

// TestWrongKey: what the adapter says when the inbox doesn't know it.
func TestWrongKey(t *testing.T) {
	h := newHouse(t, file(t), nil)
	stranger := h.newSender(strings.Repeat("x", 40))
	if _, err := stranger.Send(t.Context(), h.message(1)); channels.AsError(err).Class != channels.Auth {
		t.Errorf("Send: %v, want class auth", err)
	}
	if err := stranger.(channels.Prober).Probe(t.Context()); channels.AsError(err).Class != channels.Auth {
		t.Errorf("Probe: %v, want class auth", err)
	}
	if err := h.sender.(channels.Prober).Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
}

func TestTooFast(t *testing.T) {
	h := newHouse(t, file(t), nil)
	for range 20 {
		h.do(h.request(http.MethodGet, "/v1/inbox", "hasty", ""), http.StatusOK)
	}
	h.do(h.request(http.MethodGet, "/v1/inbox", "hasty", ""), http.StatusTooManyRequests)
	h.do(h.request(http.MethodGet, "/v1/inbox", "another", ""), http.StatusOK)
	h.pass(time.Second)
	h.do(h.request(http.MethodGet, "/v1/inbox", "hasty", ""), http.StatusOK)
}

// TestOrigins: pages of the allowed origins may read answers, others may not.
func TestOrigins(t *testing.T) {
	h := newHouse(t, file(t), nil)
	for from, want := range map[string]string{origin: origin, "https://evil.example": "", "null": "", origin + ".evil.example": ""} {
		for _, method := range []string{http.MethodOptions, http.MethodGet} {
			req := h.request(method, "/v1/inbox", "c", "")
			req.Header.Set("Origin", from)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s from %s: allowed for %q, want %q", method, from, got, want)
			}
		}
	}
}

// TestScript: it is small, needs nothing else, and is for all pages.
func TestScript(t *testing.T) {
	h := newHouse(t, file(t), nil)
	script := h.do(h.request(http.MethodGet, "/v1/embed.js", "c", ""), http.StatusOK)
	if len(script) > 7<<9 {
		t.Errorf("%d bytes, want at most 3.5 KiB", len(script))
	}
	for _, bad := range []string{"innerHTML", "eval(", "import ", "http://", "https://", "cookie", "localStorage"} {
		if bytes.Contains(script, []byte(bad)) {
			t.Errorf("the script has %q", bad)
		}
	}
}

func TestBadOptions(t *testing.T) {
	good := inbox.Options{Path: file(t), Key: key, Secret: secret}
	for want, change := range map[string]func(*inbox.Options){
		"path":   func(o *inbox.Options) { o.Path = "" },
		"key":    func(o *inbox.Options) { o.Key = "short" },
		"secret": func(o *inbox.Options) { o.Secret = "short" },
		"same":   func(o *inbox.Options) { o.Secret = o.Key },
		"origin": func(o *inbox.Options) { o.Origins = []string{"https://app.example/path"} },
	} {
		o := good
		change(&o)
		if _, err := inbox.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), key) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}
