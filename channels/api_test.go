package channels

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestNewAPIRefusesBaseURL(t *testing.T) {
	for _, base := range []string{
		"", "api.example.com", "/api", "ftp://example.com", "https://", "https://u:p@example.com",
		"https://example.com/?a=b", "https://example.com/#x", "https://exa mple.com", "://",
	} {
		_, err := NewAPI(base, Env{HTTP: &http.Client{}})
		if err == nil || !strings.Contains(err.Error(), "base_url") {
			t.Errorf("NewAPI(%q): error %v, want one that names base_url", base, err)
		}
	}
}

func TestAPICall(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", r.Method+" "+r.URL.Path+" "+r.UserAgent()+" "+r.Header.Get("X-Key")+" "+string(body))
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("short and stout"))
	}))
	defer server.Close()
	api, err := NewAPI(server.URL+"/v1/", Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := api.Call(context.Background(), http.MethodPost, "/pot", http.Header{"X-Key": {"k"}}, []byte("tea"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.Header.Get("X-Saw"), "POST /v1/pot tocsin/1 k tea"; got != want {
		t.Errorf("the server saw %q, want %q", got, want)
	}
	if a.Status != http.StatusTeapot || string(a.Body) != "short and stout" {
		t.Errorf("answer %d %q", a.Status, a.Body)
	}
}

func TestAPIFollowsNoRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	api, err := NewAPI(server.URL, Env{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	a, err := api.Call(context.Background(), http.MethodPost, "/send", nil, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if e := a.Refusal(); e.Class != Unavailable || e.Code != "307" {
		t.Errorf("refusal %v, want unavailable (307)", e)
	}
}

func TestRefusal(t *testing.T) {
	for status, want := range map[int]Class{
		200: Unknown, 204: Unknown, 302: Unavailable, 400: Rejected, 401: Auth, 403: Auth, 404: Rejected,
		408: Unknown, 422: Rejected, 429: RateLimited, 500: Unknown, 502: Unknown, 503: Unavailable, 504: Unknown,
	} {
		if e := (Answer{Status: status}).Refusal(); e.Class != want {
			t.Errorf("status %d has class %v, want %v", status, e.Class, want)
		}
	}
}

func TestRefusalComparesWithProvidersClock(t *testing.T) {
	a := Answer{Status: 503, Header: http.Header{
		"Date":        {"Sat, 01 Jan 2000 00:00:00 GMT"},
		"Retry-After": {"Sat, 01 Jan 2000 00:00:30 GMT"},
	}}
	if got := a.Refusal().RetryAfter; got != 30*time.Second {
		t.Errorf("RetryAfter = %v, want 30s", got)
	}
}
