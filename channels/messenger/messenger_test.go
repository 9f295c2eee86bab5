package messenger

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestLength(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "Țară": 4, "плата": 5, "🔔": 2, "👩‍🚒": 5, "a\u0301": 2, "\xff": 1,
	} {
		if got := Length(text); got != want {
			t.Errorf("Length(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestCheckLength(t *testing.T) {
	if err := CheckLength(strings.Repeat("🔔", 5), 10); err != nil {
		t.Errorf("a text as long as the limit: %v", err)
	}
	err := CheckLength(strings.Repeat("🔔", 5)+"a", 10)
	if err == nil || channels.AsError(err).Class != channels.Rejected {
		t.Errorf("a longer text: %v, want class rejected", err)
	}
}

func TestPostJSON(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type = %q", got)
		}
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	api, err := channels.NewAPI(server.URL, channels.Env{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	a, err := PostJSON(context.Background(), api, "/echo", nil, map[string]string{"text": "1 < 2"})
	if err != nil || string(a.Body) != `{"text":"1 \u003c 2"}` {
		t.Errorf("the server got %q, error %v", a.Body, err)
	}
	if _, err := PostJSON(context.Background(), api, "/echo", nil, func() {}); channels.AsError(err).Class != channels.Rejected {
		t.Errorf("a body that is no JSON: %v, want class rejected", err)
	}
}
