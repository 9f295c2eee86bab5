package kannel

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// written is what smsbox 1.4.5 posts for a customer's message.
func written(key, from, contentType, body string) channels.Callback {
	return channels.Callback{
		Method: http.MethodPost, URL: &url.URL{Path: "/v1/receipts/sms/kannel", RawQuery: url.Values{"key": {key}}.Encode()}, Body: []byte(body),
		Header: http.Header{"X-Kannel-From": {from}, "X-Kannel-To": {"1234"}, "X-Kannel-Coding": {"0"}, "Content-Type": {contentType}},
	}
}

func TestInbound(t *testing.T) {
	const from, plain, wide = "+37369000100", `text/plain; charset="UTF-8"`, `text/plain; charset="UTF-16BE"`
	s := &sender{config: Config{InboundSecret: inboundSecret}}
	said := func(text string) []channels.Inbound { return []channels.Inbound{{Address: from, Text: text}} }
	get := written(inboundSecret, from, plain, "STOP")
	get.Method = http.MethodGet
	for _, tt := range []struct {
		name  string
		s     *sender
		call  channels.Callback
		want  []channels.Inbound
		class channels.Class
	}{
		{"a word", s, written(inboundSecret, from, plain, "STOP"), said("STOP"), 0},
		{"in UTF-16", s, written(inboundSecret, from, wide, "\x04\x21\xd8\x3d\xdd\x14"), said("С🔔"), 0},
		{"half a character", s, written(inboundSecret, from, wide, "\x04"), nil, 0},
		{"no text", s, written(inboundSecret, from, "application/octet-stream", "\xff\x00"), nil, 0},
		{"broken text", s, written(inboundSecret, from, plain, "\xff"), nil, 0},
		{"a sender with a name", s, written(inboundSecret, "Bank", plain, "STOP"), nil, 0},
		{"no sender", s, written(inboundSecret, "", plain, "STOP"), nil, channels.Rejected},
		{"no message", s, get, nil, channels.Rejected},
		{"another key", s, written(inboundSecret[:19], from, plain, "STOP"), nil, channels.Auth},
		{"no key", s, written("", from, plain, "STOP"), nil, channels.Auth},
		{"no secret", &sender{}, written("", from, plain, "STOP"), nil, channels.Auth},
	} {
		heard, err := tt.s.ParseCallback(tt.call)
		if diff := cmp.Diff(tt.want, heard.Inbound); diff != "" || len(heard.Receipts) > 0 {
			t.Errorf("%s: heard (-want +got):\n%s", tt.name, diff)
		}
		if (err != nil) != (tt.class != channels.Unknown) || err != nil && channels.AsError(err).Class != tt.class {
			t.Errorf("%s: error %v, want class %v", tt.name, err, tt.class)
		}
	}
}

// TestInboundIsNoReceipt: the key for customers' messages proves nothing of attempts, nor the other way round.
func TestInboundIsNoReceipt(t *testing.T) {
	s := &sender{config: Config{InboundSecret: inboundSecret, CallbackSecret: "s"}}
	for name, c := range map[string]channels.Callback{
		"a report with the key for messages": called(t, "r", "type=1&key="+inboundSecret),
		"a message with an attempt's key":    called(t, "", "type=1&key="+inboundSecret[1:]),
	} {
		if _, err := s.ParseCallback(c); err == nil || channels.AsError(err).Class != channels.Auth {
			t.Errorf("%s: %v, want class auth", name, err)
		}
	}
}

func TestShortInboundSecret(t *testing.T) {
	c := testConfig("http://127.0.0.1:9")
	c.InboundSecret = "short"
	if err := c.check(); err == nil || !strings.HasPrefix(err.Error(), "inbound_secret: ") || strings.Contains(err.Error(), "short") {
		t.Errorf("error %v", err)
	}
}

func FuzzInbound(f *testing.F) {
	f.Add("+37369000100", "text/plain; charset=UTF-8", []byte("STOP"))
	f.Add("37369000100", `text/plain; charset="UTF-16BE"`, []byte("\xd8\x00\xdc"))
	f.Add("x", "text/plain;;", []byte{0})
	s := &sender{config: Config{InboundSecret: inboundSecret}}
	f.Fuzz(func(t *testing.T, from, contentType string, body []byte) {
		heard, err := s.ParseCallback(written(inboundSecret, from, contentType, string(body)))
		for _, in := range heard.Inbound {
			if err != nil || !isNumber(in.Address) || !utf8.ValidString(in.Text) {
				t.Errorf("%+v, %v", in, err)
			}
		}
	})
}
