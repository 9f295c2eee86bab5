package smtp

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestConfigDefaults(t *testing.T) {
	for _, tt := range []struct {
		name, text, host, tls string
		port                  int
	}{
		{"host alone", "host: relay.example.com", "relay.example.com", startTLS, 587},
		{"implicit TLS", "host: relay.example.com\ntls: implicit", "relay.example.com", implicitTLS, 465},
		{"port", "host: relay.example.com\nport: 2525\ntls: none", "relay.example.com", noTLS, 2525},
		{"url", "url: smtp://relay.example.com:2525", "relay.example.com", startTLS, 2525},
		{"url without a port", "url: smtp://relay.example.com", "relay.example.com", startTLS, 587},
		{"url with implicit TLS", "url: smtps://relay.example.com", "relay.example.com", implicitTLS, 465},
		{"url of an IPv6 host", "url: smtp://[::1]:25", "::1", startTLS, 25},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := mustConfig(t, tt.text+"\nfrom: notices@example.com\n")
			if c.Host != tt.host || c.Port != tt.port || c.TLS != tt.tls {
				t.Errorf("host %q, port %d, tls %q; want %q, %d, %q", c.Host, c.Port, c.TLS, tt.host, tt.port, tt.tls)
			}
			if c.Auth != authPlain || c.IdleTimeout != 30*time.Second {
				t.Errorf("auth %q, idle_timeout %v; want plain and 30s", c.Auth, c.IdleTimeout)
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	const host, from = "host: relay.example.com\n", "from: notices@example.com\n"
	for _, tt := range []struct{ text, key string }{
		{from, "host"},
		{host, "from"},
		{host + "from: nobody", "from"},
		{host + "from: a@localhost", "from"},
		{host + "from: \"a@example.com, b@example.com\"", "from"},
		{host + from + "reply_to: help", "reply_to"},
		{host + from + "port: 70000", "port"},
		{host + from + "tls: maybe", "tls"},
		{host + from + "tls: none\nca_file: ca.pem", "ca_file"},
		{host + from + "url: smtp://other.example.com", "url"},
		{from + "url: http://relay.example.com", "url"},
		{from + "url: smtps://relay.example.com\ntls: starttls", "url"},
		{from + "url: smtp://tocsin:hunter2@relay.example.com", "url"},
		{from + "url: smtp://relay.example.com/hunter2", "url"},
		{from + "url: \"smtp://hunter2 @:x\"", "url"},
		{"host: \"relay example\"\n" + from, "host"},
		{host + from + "username: tocsin", "password"},
		{host + from + "password: hunter2", "username"},
		{host + from + "username: tocsin\npassword: hunter2\ntls: none", "username"},
		{host + from + "auth: ntlm", "auth"},
		{host + from + "bounce_address: bounces", "bounce_address"},
		{host + from + "bounce_domain: bounces", "bounce_domain"},
		{host + from + "bounce_address: b@example.com\nbounce_domain: b.example.com", "bounce_domain"},
		{host + from + "unsubscribe_url: http://example.com", "unsubscribe_url"},
		{host + from + "unsubscribe_url: \"https://example.com/>\"", "unsubscribe_url"},
		{host + from + "helo: \"a b\"", "helo"},
		{host + from + "idle_timeout: -1s", "idle_timeout"},
		{host + from + "hots: x", "hots"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			_, err := New(yamlDecoder(tt.text), channels.Env{})
			if err == nil || !strings.Contains(err.Error(), tt.key) {
				t.Fatalf("New = %v, want an error that names %q", err, tt.key)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q gives away the password", err)
			}
		})
	}
}
