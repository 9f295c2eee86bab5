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

func TestHooks(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Content-Type")+" "+string(body))
	}))
	t.Cleanup(server.Close)
	urls := map[string]channels.Secret{"ops": channels.Secret(server.URL + "/T0/secret?sig=a%2Fb")}
	for base, prefix := range map[string]string{"": "", server.URL + "/sandbox": "/sandbox"} {
		h, err := NewHooks(urls, base, channels.Env{HTTP: server.Client()})
		if err != nil {
			t.Fatal(err)
		}
		a, err := h.Post(context.Background(), "ops", map[string]string{"text": "a"}, 12)
		if want := "POST " + prefix + `/T0/secret?sig=a%2Fb application/json {"text":"a"}`; err != nil || string(a.Body) != want {
			t.Errorf("%q, error %v; want %q", a.Body, err, want)
		}
		if _, err := h.Post(context.Background(), "ops", map[string]string{"text": "ab"}, 12); channels.AsError(err).Code != "too_long" {
			t.Errorf("error %v, want too_long", err)
		}
		if _, err := h.Post(context.Background(), "nobody", 1, 12); channels.AsError(err).Class != channels.Rejected || channels.AsError(err).Code != "no_such_webhook" {
			t.Errorf("error %v, want rejected (no_such_webhook)", err)
		}
	}
}

func TestHooksDelete(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" "+string(body))
	}))
	t.Cleanup(server.Close)
	urls := map[string]channels.Secret{"ops": channels.Secret(server.URL + "/T0/se%2Fcret?sig=a%2Fb&wait=true")}
	h, err := NewHooks(urls, server.URL+"/sandbox", channels.Env{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	for want, keep := range map[string][]string{"": nil, "?sig=a%2Fb": {"sig", "thread"}} {
		a, err := h.Delete(context.Background(), "ops", "messages/7", keep...)
		if want := "DELETE /sandbox/T0/se%2Fcret/messages/7" + want + " "; err != nil || string(a.Body) != want {
			t.Errorf("%q, error %v; want %q", a.Body, err, want)
		}
	}
	if _, err := h.Delete(context.Background(), "nobody", "messages/7"); channels.AsError(err).Code != "no_such_webhook" {
		t.Errorf("error %v, want no_such_webhook", err)
	}
}

func TestHooksConfig(t *testing.T) {
	env := channels.Env{HTTP: &http.Client{}}
	one := func(name, url string) map[string]channels.Secret {
		return map[string]channels.Secret{name: channels.Secret(url)}
	}
	for name, c := range map[string]struct {
		urls      map[string]channels.Secret
		base, key string
	}{
		"none":       {nil, "", "webhooks:"},
		"plain http": {one("ops", "http://hooks.example/secret"), "", "webhooks: ops"},
		"no name":    {one("Ops team", "https://hooks.example/secret"), "", "webhooks:"},
		"bad base":   {one("ops", "https://hooks.example/secret"), "sandbox", "base_url:"},
	} {
		_, err := NewHooks(c.urls, c.base, env)
		if err == nil || !strings.HasPrefix(err.Error(), c.key) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, want one about %s", name, err, c.key)
		}
	}
}
