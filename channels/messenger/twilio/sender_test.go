package twilio

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

const (
	testAccount = "AC00112233445566778899aabbccddeeff"
	testToken   = "00112233445566778899aabbccddee00"
	testContent = "HX00112233445566778899aabbccddeeff"
)

// newTestSender makes a sender for a server that answers every request with the given handler.
func newTestSender(t testing.TB, name string, change func(*Config), h http.HandlerFunc) (*sender, error) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	m := Messenger{Name: name, CheckSender: func(from string) error {
		if from == "" {
			return errors.New("missing")
		}
		return nil
	}}
	s, err := New(m, func(into any) error {
		c := into.(*Config)
		c.AccountSID, c.AuthToken, c.BaseURL = testAccount, testToken, server.URL
		change(c)
		return nil
	}, channels.Env{HTTP: &http.Client{Transport: transport}, UserAgent: "tocsin/1"})
	if err != nil {
		return nil, err
	}
	return s.(*sender), nil
}

func mustSender(t testing.TB, name string, change func(*Config), h http.HandlerFunc) *sender {
	t.Helper()
	s, err := newTestSender(t, name, change, h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func withTemplate(c *Config) {
	c.From, c.Templates = "+14155238886", Templates{"en": {ContentSID: testContent, Variable: "notice"}}
}

func withText(c *Config) { c.From, c.PlainText = "bank_agent", true }

// form reads a form that is written down one field a line.
func form(t *testing.T, file string) url.Values {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	f := url.Values{}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if name == "Body" {
			value = strings.ReplaceAll(value, `\n`, "\n")
		}
		f.Set(name, value)
	}
	return f
}

func TestRequest(t *testing.T) {
	m := channels.Message{
		Ref: "a-1", Address: "+16505551234", Locale: "en-GB", Text: "Cards <down> & \"out\"\nUse cash. 🔔",
		Callback: "https://hooks.example.com/v1/receipts/whatsapp/twilio_whatsapp/a-1", UsefulFor: 90 * time.Minute,
	}
	for file, c := range map[string]struct {
		name   string
		change func(*Config)
	}{"request_template.txt": {"whatsapp", withTemplate}, "request_text.txt": {"rcs", withText}} {
		s := mustSender(t, c.name, c.change, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			if diff := cmp.Diff(form(t, file), r.PostForm); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
			user, password, _ := r.BasicAuth()
			if r.URL.Path != "/2010-04-01/Accounts/"+testAccount+"/Messages.json" || user != testAccount || password != testToken {
				t.Errorf("%s as %s", r.URL.Path, user)
			}
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"sid":"SM1","status":"queued"}`)
		})
		ack, err := s.Send(context.Background(), m)
		if want := (channels.Ack{ID: "SM1", Proof: channels.Accepted}); err != nil || ack != want {
			t.Errorf("%s: %+v, %v; want %+v", file, ack, err, want)
		}
	}
}

// TestRefusals: the codes are classified in package twilio; here are those that matter to messengers.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  channels.Class
	}{
		"not on WhatsApp":   {400, `{"code":63024,"message":"whatsapp:+16505551234"}`, channels.InvalidAddress},
		"not an RCS number": {400, `{"code":63036}`, channels.InvalidAddress},
		"outside of window": {400, `{"code":63016}`, channels.Rejected},
		"bad variables":     {400, `{"code":21656}`, channels.Rejected},
		"no such sender":    {400, `{"code":63007}`, channels.Auth},
		"too fast":          {429, `{"code":63018}`, channels.RateLimited},
		"out of order":      {503, ``, channels.Unavailable},
		"broken":            {500, `{"code":20500}`, channels.Unknown},
		"no id":             {201, `{}`, channels.Unknown},
	} {
		s := mustSender(t, "whatsapp", withTemplate, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		_, err := s.Send(context.Background(), channels.Message{Address: "+16505551234", Locale: "en", Text: "x"})
		if e := channels.AsError(err); err == nil || e.Class != c.class || strings.Contains(e.Error(), "+1650") {
			t.Errorf("%s: error %v, want class %v", name, err, c.class)
		}
	}
}

func TestNothingToAskFor(t *testing.T) {
	never := func(http.ResponseWriter, *http.Request) { t.Error("a request was made") }
	templates, text := mustSender(t, "whatsapp", withTemplate, never), mustSender(t, "rcs", withText, never)
	for _, c := range []struct {
		s    *sender
		m    channels.Message
		code string
	}{
		{templates, channels.Message{Locale: "ru", Text: "x"}, "no_template"},
		{templates, channels.Message{Locale: "en", Text: strings.Repeat("x", 1025)}, "too_long"},
		{text, channels.Message{Locale: "ru", Text: strings.Repeat("x", 1601)}, "too_long"},
	} {
		_, err := c.s.Send(context.Background(), c.m)
		if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != c.code {
			t.Errorf("error %v, want rejected (%s)", err, c.code)
		}
	}
}

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"account_sid":               func(c *Config) { c.AccountSID = "AC1" },
		"auth_token":                func(c *Config) { c.AuthToken = "" },
		"from: missing":             func(c *Config) { c.From = "" },
		"templates, plain_text":     func(c *Config) { c.PlainText = true },
		"plain_text: exactly one":   func(c *Config) { c.Templates = nil },
		"templates: ro: content_si": func(c *Config) { c.Templates["ro"] = Template{ContentSID: "HX1"} },
		"templates: ro: max_text":   func(c *Config) { c.Templates["ro"] = Template{ContentSID: testContent, MaxText: 1025} },
	} {
		_, err := newTestSender(t, "whatsapp", func(c *Config) { withTemplate(c); change(c) }, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that names %q", err, want)
		}
	}
}
