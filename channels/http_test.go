package channels

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// exchange sends a request with an account and a token in its URL, which no error may show.
func exchange(ctx context.Context, client *http.Client, base string) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/account-4711/token-4711", strings.NewReader("text"))
	if err != nil {
		return 0, nil, nil, err
	}
	return Exchange(client, req)
}

func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// classified fails the test unless err is an *Error of a class and code that shows no URL.
func classified(t *testing.T, err error, class Class, code string) *Error {
	t.Helper()
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("error %v is a %T, want an *Error", err, err)
	}
	if e.Class != class || e.Code != code {
		t.Errorf("error %v; want class %v and code %q", e, class, code)
	}
	if strings.Contains(e.Error(), "4711") {
		t.Errorf("error %q gives the URL away", e)
	}
	return e
}

func TestExchange(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "b")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "answer")
	}))
	t.Cleanup(server.Close)
	status, header, body, err := exchange(t.Context(), newClient(t), server.URL)
	if err != nil || status != http.StatusTeapot || header.Get("X-A") != "b" || string(body) != "answer" {
		t.Errorf("Exchange = %d, %v, %q, %v", status, header, body, err)
	}
}

// TestExchangeKeepsConnections: the next request uses the connection of the one before, also after
// an error status.
func TestExchangeKeepsConnections(t *testing.T) {
	connections := make(chan string, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections <- r.RemoteAddr
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
	}))
	t.Cleanup(server.Close)
	client := newClient(t)
	for range 3 {
		if _, _, _, err := exchange(t.Context(), client, server.URL); err != nil {
			t.Fatal(err)
		}
	}
	first := <-connections
	for range 2 {
		if next := <-connections; next != first {
			t.Errorf("one request came over %s, the next over %s", first, next)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, _, err = exchange(t.Context(), newClient(t), "http://"+addr)
	classified(t, err, Unavailable, "connect")
}

// TestCertificateOfAnotherAuthority: nothing is told to a server that can't prove who it is.
func TestCertificateOfAnotherAuthority(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request came through") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of our hanging up
	server.StartTLS()
	t.Cleanup(server.Close)
	_, _, _, err := exchange(t.Context(), newClient(t), server.URL)
	if e := AsError(err); e.Class != Unavailable || e.Code != "certificate" {
		t.Errorf("a certificate that nobody vouches for: %v, want unavailable", err)
	}
}

func TestNoSuchHost(t *testing.T) {
	client := newClient(t)
	client.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "provider.invalid", IsNotFound: true}
	}
	_, _, _, err := exchange(t.Context(), client, "http://provider.invalid")
	classified(t, err, Unavailable, "dns")
}

func TestNoAnswerInTime(t *testing.T) {
	read := make(chan struct{})
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(read)
		<-over
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-read
		cancel()
	}()
	_, _, _, err := exchange(ctx, newClient(t), server.URL)
	if e := classified(t, err, Unknown, "timeout"); !errors.Is(e, context.Canceled) {
		t.Errorf("the cause of %v is lost", e)
	}
}

// TestConnectionLost breaks the connection before and within the answer.
func TestConnectionLost(t *testing.T) {
	for name, written := range map[string]string{
		"no answer":       "",
		"half an answer":  "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"no HTTP answer":  "SSH-2.0-x\r\n\r\n",
		"half the header": "HTTP/1.1 200 OK\r\nContent-",
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, written)
				_ = conn.Close()
			}))
			t.Cleanup(server.Close)
			_, _, _, err := exchange(t.Context(), newClient(t), server.URL)
			classified(t, err, Unknown, "connection_lost")
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"0.5":                           500 * time.Millisecond,
		"0":                             0,
		"-3":                            0,
		"soon":                          0,
		"1e300":                         24 * time.Hour,
		"Inf":                           24 * time.Hour,
		"NaN":                           0,
		"Sun, 22 Nov 3026 05:00:30 GMT": 24 * time.Hour,
		"Sun, 22 Nov 2026 05:00:30 GMT": 30 * time.Second,
		"Sun, 22 Nov 2026 04:59:30 GMT": 0,
	} {
		h := http.Header{}
		if value != "" {
			h.Set("Retry-After", value)
		}
		if got := RetryAfter(h, now); got != want {
			t.Errorf("RetryAfter of %q = %v, want %v", value, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "1", "1e300", "NaN", "Inf", "Sun, 22 Nov 2026 05:00:30 GMT"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if got := RetryAfter(http.Header{"Retry-After": {value}}, now); got < 0 || got > 24*time.Hour {
			t.Errorf("RetryAfter of %q = %v", value, got)
		}
	})
}
