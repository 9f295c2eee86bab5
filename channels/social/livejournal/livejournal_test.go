package livejournal

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// newTestSender makes a sender for a site that gives the challenge "c0:1", and answers every other call
// with what answer returns.
func newTestSender(t *testing.T, answer func(call string) string) channels.Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, _ := io.ReadAll(r.Body)
		if r.Method+r.URL.String() != "POST/interface/xmlrpc" || r.Header.Get("Content-Type") != "text/xml; charset=utf-8" {
			t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
		}
		if strings.Contains(string(call), "LJ.XMLRPC.getchallenge") {
			_, _ = io.WriteString(w, result("<struct>"+field("challenge", "c0:1")+"</struct>"))
			return
		}
		_, _ = io.WriteString(w, answer(string(call)))
	}))
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		c := into.(*Config)
		c.BaseURL, c.Accounts = server.URL, map[string]Account{"Bank": {Password: "pass-word"}, "town": {"bank", "pass-word"}}
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func result(value string) string {
	return "<?xml version='1.0'?><methodResponse><params><param><value>" + value + "</value></param></params></methodResponse>"
}

func field(name, value string) string {
	return "<member><name>" + name + "</name><value>" + value + "</value></member>"
}

func faulty(code string) string {
	return "<methodResponse><fault><value><struct>" + field("faultString", "<string>Card payments</string>") + field("faultCode", code) +
		"</struct></value></fault></methodResponse>"
}

// TestRequests compares entries in one's own journal and in a community as they go over the wire. The
// response to the challenge is md5("c0:1" + md5("pass-word")).
func TestRequests(t *testing.T) {
	when := regexp.MustCompile(`(<name>(?:year|mon|day|hour|min)</name><value><int>)[0-9]+<`)
	for name, address := range map[string]string{"own": "bank", "community": "town"} {
		want, err := os.ReadFile("testdata/" + name + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		s := newTestSender(t, func(call string) string {
			if d := cmp.Diff(string(want), when.ReplaceAllString(call, "${1}0<")); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
			return result("<struct>" + field("itemid", "<int>42</int>") + field("anum", "<int>7</int>") + "</struct>")
		})
		m := channels.Message{Ref: "a-1", Address: address, Text: "Cards <down> & \"out\"\nhttps://a.example/?b=1&c=2, Плата 🔔"}
		ack, err := s.Send(context.Background(), m)
		if want := (channels.Ack{ID: address + "/42", Proof: channels.Delivered}); err != nil || ack != want {
			t.Errorf("%s: %+v, %v; want %+v", name, ack, err, want)
		}
	}
}

func TestRefusedAtOnce(t *testing.T) {
	s := newTestSender(t, func(call string) string { t.Errorf("called with %s", call); return "" })
	for code, m := range map[string]channels.Message{
		"no_such_account": {Address: "other", Text: "a"},
		"too_long":        {Address: "bank", Text: strings.Repeat("&", 20000)},
	} {
		_, err := s.Send(context.Background(), m)
		if e := channels.AsError(err); err == nil || e.Code != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

// refusals are answers as the site's protocol has them, and what proxies put in front.
var refusals = map[string]struct {
	body  string
	class channels.Class
	code  string
}{
	"user":        {faulty("<int>100</int>"), channels.Auth, "100"},
	"password":    {faulty("<int>101</int>"), channels.Auth, "101"},
	"challenge":   {faulty("<i4>105</i4>"), channels.Unavailable, "105"},
	"banned":      {faulty("<int>151</int>"), channels.Auth, "151"},
	"argument":    {faulty("<int>203</int>"), channels.Rejected, "203"},
	"a new one":   {faulty("<int>315</int>"), channels.Rejected, "315"},
	"read-only":   {faulty("<int>306</int>"), channels.Unavailable, "306"},
	"log-ins":     {faulty("<int>402</int>"), channels.RateLimited, "402"},
	"frequency":   {faulty("<string>405</string>"), channels.RateLimited, "405"},
	"repeated":    {faulty("406"), channels.RateLimited, "406"},
	"too large":   {faulty("<int>409</int>"), channels.Rejected, "409"},
	"inside":      {faulty("<int>500</int>"), channels.Unknown, "500"},
	"database":    {faulty("<int>501</int>"), channels.Unknown, "501"},
	"no database": {faulty("<int>502</int>"), channels.Unavailable, "502"},
	"far away":    {faulty("<int>999</int>"), channels.Unknown, "999"},
	"no code":     {faulty("<string>x</string>"), channels.Unknown, "fault"},
	"no XML":      {"<html>", channels.Unknown, "200 unreadable"},
	"nothing":     {"", channels.Unknown, "200 unreadable"},
	"no value":    {"<methodResponse><params></params></methodResponse>", channels.Unknown, "200 unreadable"},
	"no number":   {result("<struct></struct>"), channels.Unknown, "no_itemid"},
}

func TestRefusals(t *testing.T) {
	for what, c := range refusals {
		s := newTestSender(t, func(string) string { return c.body })
		_, err := s.Send(context.Background(), channels.Message{Address: "bank", Text: "a"})
		e := channels.AsError(err)
		if err == nil || e.Class != c.class || e.Code != c.code || strings.Contains(e.Error(), "Card") {
			t.Errorf("%s: %v, want %v (%s)", what, err, c.class, c.code)
		}
	}
}

func entryOf(id int, at, event string) string {
	return "<value><struct>" + field("itemid", fmt.Sprintf("<int>%d</int>", id)) + field("eventtime", at) + field("event", event) + "</struct></value>"
}

// TestFind: what isn't among the last entries is absent only if these go back far enough.
func TestFind(t *testing.T) {
	const same = "<base64>0J/Qu9Cw0YLQsCDQuCAm\nYW1wOw==</base64>" // "Плата и &amp;"
	others := strings.Repeat(entryOf(1, "2026-11-22 10:00:00", "other"), lastEntries-1)
	list := func(entries string) string {
		return result("<struct>" + field("events", "<array><data>"+entries+"</data></array>") + "</struct>")
	}
	for name, tt := range map[string]struct {
		answer string
		state  channels.ReceiptState
		id     string
	}{
		"found":          {list(others + entryOf(7, "2026-11-22 10:00:00", same)), channels.ReceiptDelivered, "bank/7"},
		"none":           {list(""), channels.ReceiptAbsent, ""},
		"few":            {list(entryOf(1, "2026-11-22 10:00:00", "other")), channels.ReceiptAbsent, ""},
		"another's":      {list(entryOf(9, "2026-11-22 10:00:00", same)), channels.ReceiptAbsent, ""},
		"back enough":    {list(others + entryOf(7, "2026-11-22 08:00:00", "other")), channels.ReceiptAbsent, ""},
		"many":           {list(others + entryOf(7, "2026-11-22 09:30:00", "other")), "", ""},
		"something else": {result("<int>1</int>"), "", ""},
		"a fault":        {faulty("<int>500</int>"), "", ""},
	} {
		s := newTestSender(t, func(string) string { return tt.answer })
		q := channels.Inquiry{Ref: "a", Address: "bank", Text: "Плата и &", SentAfter: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Others: []string{"bank/9"}}
		r, err := s.(channels.Inquirer).Inquire(context.Background(), q)
		if (err != nil) != (tt.state == "") {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if err == nil && (r.State != tt.state || r.ProviderID != tt.id || r.Ref != "a") {
			t.Errorf("%s: %+v, want %s %s", name, r, tt.state, tt.id)
		}
	}
}

func TestConfig(t *testing.T) {
	for key, spoil := range map[string]func(*Config){
		"base_url":       func(c *Config) { c.BaseURL = "x" },
		"zone":           func(c *Config) { c.Zone = "Mars/Base" },
		"accounts: b":    func(c *Config) { c.Accounts["b"] = Account{} },
		"accounts: miss": func(c *Config) { c.Accounts = nil },
	} {
		_, err := newSender(func(into any) error {
			c := into.(*Config)
			c.Accounts = map[string]Account{"a": {Password: "secret-p"}}
			spoil(c)
			return nil
		}, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), key) || strings.Contains(err.Error(), "secret-") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range refusals {
		f.Add([]byte(c.body))
	}
	f.Add([]byte(result("<struct>" + field("event", "<base64>0J/Q</base64>") + "</struct>")))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := read(channels.Answer{Status: 200, Body: body})
		if _, ok := err.(*channels.Error); err != nil && !ok {
			t.Errorf("error %#v", err)
		}
		for _, i := range v.member("events").items() {
			_ = i.member("event").text()
		}
	})
}
