package httpapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

const hook = "/v1/receipts/sms/acme"

func TestReceipts(t *testing.T) {
	signer := notification.NewSigner([]byte("key"))
	ours := signer.Ref(notification.ID{Notification: 7, Step: 1, Try: 2})
	forged := notification.NewSigner([]byte("other")).Ref(notification.ID{Notification: 7})
	mine := bus.Receipt{Notification: 7, Step: 1, Try: 2, State: channels.ReceiptDelivered, Code: "ok"}
	for _, tt := range []struct {
		name, path, body string
		status           int
		stored           []bus.Receipt
		result           string // of the metric
	}{
		{"one", hook + "/" + ours, ours, 200, []bus.Receipt{mine}, "stored"},
		{"several, one of them not ours", hook, ours + " " + forged + " " + ours, 200, []bus.Receipt{mine, mine}, "foreign"},
		{"by the provider's id", hook, "id sm-1", 200, []bus.Receipt{{
			ProviderID: "sm-1", State: channels.ReceiptFailed, Code: strings.Repeat("9", 128),
		}}, "stored"},
		{"an id that is too long", hook, "id " + strings.Repeat("x", 600), 404, nil, "foreign"},
		{"not ours", hook + "/" + forged, forged, 404, nil, "foreign"},
		{"nothing in it", hook, "", 200, nil, "empty"},
		{"forged", hook, "forged", 403, nil, "forged"},
		{"unreadable", hook, "unreadable", 400, nil, "unreadable"},
		{"too large", hook, strings.Repeat("x", 3<<20+1), 413, nil, ""},
		{"another provider", "/v1/receipts/sms/other", ours, 404, nil, ""},
		{"another channel", "/v1/receipts/viber/acme", ours, 404, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := newStage(t)
			resp, text := st.ask(t, "POST", tt.path, "", tt.body)
			if resp.StatusCode != tt.status {
				t.Errorf("status %d: %s", resp.StatusCode, text)
			}
			if diff := cmp.Diff(tt.stored, st.bus.stored()); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			st.checkCounted(t, tt.result)
		})
	}
}

func (st *stage) checkCounted(t *testing.T, result string) {
	t.Helper()
	families, err := st.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range families {
		if f.GetName() != "tocsin_http_receipts_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				seen[l.GetName()+"="+l.GetValue()] = true
			}
		}
	}
	if (result != "") != seen["result="+result] {
		t.Errorf("counted %v, want %q", seen, result)
	}
}

// TestWebhookTest: a provider that tests the webhook reads its challenge, as text.
func TestWebhookTest(t *testing.T) {
	st := newStage(t)
	resp, text := st.ask(t, "GET", hook+"?challenge=%3Cb%3E1158201444", "", "challenge")
	if resp.StatusCode != 200 || text != "<b>1158201444" {
		t.Errorf("status %d, body %q; want the challenge", resp.StatusCode, text)
	}
	if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("header %v, want plain text", resp.Header)
	}
	st.checkCounted(t, "")
}

// TestReceiptCall checks what the adapter is given: the public URL as the provider knows it, whatever
// the headers say, and everything else as it came.
func TestReceiptCall(t *testing.T) {
	st := newStage(t)
	for _, tt := range []struct{ method, path, url, ref string }{
		{"POST", hook + "/ref-1?a=1&b=%2F&a=2", "https://hooks.example.org/tocsin" + hook + "/ref-1?a=1&b=%2F&a=2", "ref-1"},
		{"GET", hook, "https://hooks.example.org/tocsin" + hook, ""},
		{"POST", hook + "/a%2Fb", "https://hooks.example.org/tocsin" + hook + "/a%2Fb", "a/b"},
		{"POST", hook + "?", "https://hooks.example.org/tocsin" + hook + "?", ""},
	} {
		st.ask(t, tt.method, tt.path, "", "", "X-Forwarded-Host", "evil.example", "X-Signature", "abc")
		c := st.parser.called()
		if c.URL.String() != tt.url || c.Ref != tt.ref || c.Method != tt.method || c.Header.Get("X-Signature") != "abc" {
			t.Errorf("%s %s: the adapter got %s %s, ref %q", tt.method, tt.path, c.Method, c.URL, c.Ref)
		}
	}
}

func TestReceiptsNotStored(t *testing.T) {
	st := newStage(t)
	st.bus.fail(errors.New("stream is full"))
	resp, text := st.ask(t, "POST", hook, "", "id sm-1")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || strings.Contains(text, "stream") {
		t.Errorf("%d %v: %s", resp.StatusCode, resp.Header, text)
	}
	st.checkCounted(t, "deferred")
	st.bus.fail(nil)
	if resp, _ := st.ask(t, "POST", hook, "", "id sm-1"); resp.StatusCode != 200 || len(st.bus.stored()) != 1 {
		t.Errorf("again: %d, stored %v", resp.StatusCode, st.bus.stored())
	}
}

func TestMetricsAreWellNamed(t *testing.T) {
	st := newStage(t)
	st.ask(t, "POST", hook, "", "id sm-1")
	st.ask(t, "GET", "/v1/nothing", adminToken, "")
	st.ask(t, "GET", "/v1/incidents/some/thing", adminToken, "")
	problems, err := testutil.GatherAndLint(st.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	resp, text := st.ask(t, "GET", "/metrics", "", "")
	for _, want := range []string{
		`tocsin_http_requests_total{code="404",route="/v1/incidents/{team}/{incident}"} 1`,
		`tocsin_http_requests_total{code="404",route="/v1/"} 1`,
		`tocsin_http_receipts_total{channel="sms",result="stored"} 1`,
	} {
		if resp.StatusCode != 200 || !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
}

func TestForgedReceiptsAreLoggedNowAndThen(t *testing.T) {
	var said strings.Builder
	st := newStage(t)
	st.registry = prometheus.NewRegistry() // its own server has the other
	o := st.options(t)
	o.Log = slog.New(slog.NewTextHandler(&said, nil))
	s, err := httpapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/v1/receipts/sms/acme", strings.NewReader("forged")))
	}
	if n := strings.Count(said.String(), "http.public_url"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, said.String())
	}
}

func TestReceiptsNotStoredAreLoggedNowAndThen(t *testing.T) {
	var said strings.Builder
	st := newStage(t)
	st.registry = prometheus.NewRegistry()
	o := st.options(t)
	o.Log = slog.New(slog.NewTextHandler(&said, nil))
	s, err := httpapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	st.bus.fail(bus.ErrFull)
	ours := st.signer.Ref(notification.ID{Notification: 7, Step: 1, Try: 2})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for range 5 {
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, httptest.NewRequest("POST", hook+"/"+ours, strings.NewReader(ours)))
		if answer.Code != 503 || answer.Header().Get("Retry-After") == "" {
			t.Errorf("status %d, headers %v", answer.Code, answer.Header())
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := strings.Count(said.String(), "receipts not stored"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, said.String())
	}
}
