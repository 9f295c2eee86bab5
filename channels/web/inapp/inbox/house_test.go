package inbox_test

import (
	"bufio"
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

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/web/inapp"
	"github.com/tocsin-dev/tocsin/channels/web/inapp/inbox"
)

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
