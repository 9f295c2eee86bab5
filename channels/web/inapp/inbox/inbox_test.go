package inbox_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/web/inapp"
	"github.com/tocsin-dev/tocsin/channels/web/inapp/inbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key    = "key-key-key-key-key-key-key-key-key-key"
	secret = "secret-secret-secret-secret-secret-secret"
	origin = "https://app.meridian.example"
)

// house is an inbox, the adapter that sends to it, and the place where its reports arrive.
type house struct {
	t        *testing.T
	url      string
	sender   channels.Sender
	receipts chan channels.Callback
	refused  chan struct{} // a report was answered with 503
	public   string
	stop     func() // ends the inbox

	mu   sync.Mutex
	now  time.Time
	busy int // how many reports are still answered with 503
}

func newHouse(t *testing.T, path string, change func(*inbox.Options)) *house {
	t.Helper()
	h := &house{t: t, receipts: make(chan channels.Callback, 100), refused: make(chan struct{}, 100), now: time.Now()}
	taker := httptest.NewServer(http.HandlerFunc(h.takeReport))
	h.public = taker.URL
	o := inbox.Options{Path: path, Key: key, Secret: secret, Origins: []string{origin}, Now: h.clock, Client: taker.Client()}
	if change != nil {
		change(&o)
	}
	server, err := inbox.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	front := httptest.NewServer(server)
	h.url = front.URL
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		front.Close()
		taker.Close()
		if err := server.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		h.sender.(interface{ Close() error }).Close()
		http.DefaultClient.CloseIdleConnections()
	})
	t.Cleanup(h.stop)
	h.sender = h.newSender(key)
	return h
}

func (h *house) newSender(key string) channels.Sender {
	h.t.Helper()
	s, err := inapp.Spec().New(func(into any) error {
		c := into.(*inapp.Config)
		c.BaseURL, c.Key = h.url, channels.Secret(key)
		return nil
	}, channels.Env{HTTP: http.DefaultClient, UserAgent: "test/1"})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) takeReport(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	busy := h.busy > 0
	h.busy--
	h.mu.Unlock()
	if busy {
		w.WriteHeader(http.StatusServiceUnavailable)
		h.refused <- struct{}{}
		return
	}
	u, _ := url.Parse(h.public + r.URL.RequestURI())
	h.receipts <- channels.Callback{Method: r.Method, URL: u, Ref: strings.TrimPrefix(r.URL.Path, "/"), Header: r.Header, Body: body}
}

func (h *house) message(n int) channels.Message {
	ref := fmt.Sprintf("attempt-%d", n)
	return channels.Message{
		Ref: ref, Address: "customer-1", Locale: "ro", Subject: fmt.Sprintf("Cardurile nu merg %d", n), Text: "Căutăm cauza.\n<b>&", Topic: strings.Repeat("a", 32),
		Callback: h.public + "/" + ref, UsefulFor: time.Hour, News: &channels.News{Kind: "outage", Status: "investigating", Impact: "major", At: h.clock()},
	}
}

func (h *house) send(m channels.Message) channels.Ack {
	h.t.Helper()
	ack, err := h.sender.Send(h.t.Context(), m)
	if err != nil {
		h.t.Fatalf("Send: %v", err)
	}
	return ack
}

// request is made in the name of a customer.
func (h *house) request(method, path, customer, body string) *http.Request {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+inbox.Token(secret, customer, h.clock().Add(time.Hour)))
	req.Header.Set("Origin", origin)
	return req
}

func (h *house) do(req *http.Request, status int) []byte {
	h.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		h.t.Fatalf("%s %s: status %d %s, %v; want %d", req.Method, req.URL.Path, resp.StatusCode, body, err, status)
	}
	return body
}

type shownNotice struct {
	ID, Locale, Title, Text, Topic string
	Shown                          bool
}

func (h *house) inbox(customer string) []shownNotice {
	h.t.Helper()
	var body struct{ Notices []shownNotice }
	if err := json.Unmarshal(h.do(h.request(http.MethodGet, "/v1/inbox", customer, ""), http.StatusOK), &body); err != nil {
		h.t.Fatal(err)
	}
	return body.Notices
}

// receipt waits for the next report, and has the adapter verify and read it.
func (h *house) receipt() channels.Receipt {
	h.t.Helper()
	select {
	case c := <-h.receipts:
		heard, err := h.sender.(channels.CallbackParser).ParseCallback(c)
		if err != nil || len(heard.Receipts) != 1 {
			h.t.Fatalf("ParseCallback: %+v, %v", heard, err)
		}
		return heard.Receipts[0]
	case <-time.After(20 * time.Second):
		h.t.Fatal("no report comes")
	}
	return channels.Receipt{}
}

func file(t *testing.T) string { return filepath.Join(t.TempDir(), "inbox.db") }

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

// listen opens a customer's stream.
func (h *house) listen(customer, last string) (next func() (id, data string), closeStream func()) {
	h.t.Helper()
	req := h.request(http.MethodGet, "/v1/stream", customer, "")
	ctx, cancel := context.WithCancel(req.Context())
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req.WithContext(ctx))
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		h.t.Fatalf("stream: %+v, %v", resp, err)
	}
	lines := bufio.NewScanner(resp.Body)
	next = func() (id, data string) {
		for lines.Scan() {
			if after, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = after
			}
			if after, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return id, after
			}
		}
		return "", ""
	}
	return next, func() { cancel(); _ = resp.Body.Close() }
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
	if len(script) > 3<<10 {
		t.Errorf("%d bytes, want at most 3 KiB", len(script))
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
