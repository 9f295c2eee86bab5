package kannel

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func testConfig(baseURL string) Config {
	return Config{BaseURL: baseURL, Path: defaultPath, Username: "u", Password: "test-password", From: "Bank", MaxMessages: 3, InboundSecret: inboundSecret}
}

// inboundSecret is in the URL of the test's sms-service.
const inboundSecret = "a-secret-of-the-tests"

func newTestSender(t *testing.T, c Config) *sender {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s, err := newSender(func(into any) error { *into.(*Config) = c; return nil },
		channels.Env{HTTP: &http.Client{Transport: transport}, UserAgent: "tocsin/test"})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*sender)
}

// answering starts a Kannel that gives every request the same answer, and keeps the requests.
func answering(t *testing.T, status int, answer string) (baseURL string, requests <-chan string) {
	t.Helper()
	kept := make(chan string, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept <- dump(r)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, kept
}

// dump writes a request down in an order that is always the same.
func dump(r *http.Request) string {
	var lines []string
	for name, values := range r.Header {
		if name != "Accept-Encoding" && name != "Content-Length" {
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(lines)
	body, _ := io.ReadAll(r.Body)
	return r.Method + " " + r.URL.RequestURI() + "\n" + strings.Join(lines, "\n") + "\n\n" + string(body) + "\n"
}

// TestGoldenRequests pins what goes over the wire.
func TestGoldenRequests(t *testing.T) {
	base, requests := answering(t, http.StatusAccepted, "0: Accepted for delivery")
	c := testConfig(base)
	c.CallbackSecret, c.SMSC = "s", "operator-a"
	for file, tt := range map[string]struct {
		config  Config
		message channels.Message
	}{
		"request_gsm7.txt": {testConfig(base), channels.Message{Ref: "r", Address: "+37369000100", Text: "Cards are down [€5]  \n"}},
		"request_ucs2.txt": {c, channels.Message{Ref: "r", Address: "+37369000100", Text: "Карты не работают",
			Callback: "https://t.example/a%20b/r", UsefulFor: 90 * time.Minute}},
	} {
		ack, err := newTestSender(t, tt.config).Send(t.Context(), tt.message)
		if err != nil || ack != (channels.Ack{Proof: channels.Accepted}) {
			t.Errorf("%s: Ack %+v, error %v", file, ack, err)
		}
		want, err := os.ReadFile("testdata/" + file)
		if got := <-requests; err != nil || got != string(want) {
			t.Errorf("%s: %v, the request is\n%s", file, err, got)
		}
	}
}

func TestAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		answer string
		class  channels.Class
		code   string
	}{
		"wrong password":     {403, "Authorization failed for sendsms", channels.Auth, "authorization"},
		"no link for it":     {403, "Not routable. Do not try again.", channels.Rejected, "not_routable"},
		"another 403":        {403, "<html>", channels.Auth, "403"},
		"no receiver":        {400, "Missing receiver(s) number(s), rejected", channels.InvalidAddress, "no_receiver"},
		"an empty receiver":  {400, "Empty receiver number not allowed, rejected", channels.InvalidAddress, "empty_receiver"},
		"a denied receiver":  {400, "Number(s) has/have been denied by white- and/or black-lists.", channels.InvalidAddress, "denied_number"},
		"no sender":          {400, "Sender missing and no global set, rejected", channels.Auth, "no_sender"},
		"another version":    {400, "Invalid content-type", channels.Auth, "content_type"},
		"another 400":        {400, "Coding field misformed, rejected", channels.Rejected, "400"},
		"a wrong path":       {404, "Unknown request.", channels.Auth, "unknown_path"},
		"out of order":       {503, "Temporal failure, try again later.", channels.Unavailable, "temporal_failure"},
		"the proxy's 503":    {503, "<html>", channels.Unavailable, "503"},
		"the proxy's 502":    {502, "<html>", channels.Unknown, "502"},
		"the proxy's 429":    {429, "", channels.RateLimited, "429"},
		"a redirect":         {302, "", channels.Unavailable, "302"},
		"taken, strange":     {202, "4: Whatever", channels.Unknown, "202 unreadable"},
		"another success":    {200, "0: Accepted for delivery", channels.Unknown, "200 unreadable"},
		"an empty 202":       {202, "", channels.Unknown, "202 unreadable"},
		"queued is accepted": {202, "3: Queued for later delivery", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			base, _ := answering(t, tt.status, tt.answer)
			ack, err := newTestSender(t, testConfig(base)).Send(t.Context(), channels.Message{Address: "+37369000100", Text: "x"})
			if tt.code == "" {
				if err != nil || ack.Proof != channels.Accepted {
					t.Errorf("Ack %+v, error %v", ack, err)
				}
				return
			}
			if e := channels.AsError(err); err == nil || e.Class != tt.class || e.Code != tt.code {
				t.Errorf("error %v, want class %v and code %s", err, tt.class, tt.code)
			}
		})
	}
}

// TestWhatCostsNoRequest: what Kannel would cut off, or send to others too, never gets there.
func TestWhatCostsNoRequest(t *testing.T) {
	base, requests := answering(t, http.StatusAccepted, "0: Accepted for delivery")
	s := newTestSender(t, testConfig(base))
	for name, tt := range map[string]struct {
		message channels.Message
		class   channels.Class
	}{
		"more parts than Kannel sends": {channels.Message{Address: "+373", Text: strings.Repeat("a", 3*153+1)}, channels.Rejected},
		"the same in UCS-2":            {channels.Message{Address: "+373", Text: strings.Repeat("ж", 3*67+1)}, channels.Rejected},
		"two numbers":                  {channels.Message{Address: "+373 +374", Text: "a"}, channels.InvalidAddress},
		"a line end":                   {channels.Message{Address: "+373\r\nX-Kannel-From: x", Text: "a"}, channels.InvalidAddress},
		"no number":                    {channels.Message{Text: "a"}, channels.InvalidAddress},
	} {
		_, err := s.Send(t.Context(), tt.message)
		if e := channels.AsError(err); err == nil || e.Class != tt.class {
			t.Errorf("%s: error %v, want class %v", name, err, tt.class)
		}
	}
	if _, err := s.Send(t.Context(), channels.Message{Address: "+373", Text: strings.Repeat("ж", 3*67)}); err != nil {
		t.Errorf("three parts: %v", err)
	}
	if n := len(requests); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestValidity(t *testing.T) {
	for useful, want := range map[time.Duration]string{
		0: "", time.Millisecond: "1", 119 * time.Second: "1", 2 * time.Hour: "120", 20000 * time.Hour: "635040",
	} {
		if got := validity(useful); got != want {
			t.Errorf("validity(%v) = %q, want %q", useful, got, want)
		}
	}
}

func TestConfig(t *testing.T) {
	for key, change := range map[string]func(*Config){
		"username:":     func(c *Config) { c.Username = "" },
		"password:":     func(c *Config) { c.Password = "" },
		"max_messages:": func(c *Config) { c.MaxMessages = 256 },
		"path:":         func(c *Config) { c.Path = "cgi-bin/sendsms" },
		"from:":         func(c *Config) { c.From = "Банк" },
		"smsc:":         func(c *Config) { c.SMSC = "a\nb" },
		"base_url:":     func(c *Config) { c.BaseURL = "kannel:13013" },
	} {
		c := testConfig("http://kannel.internal:13013")
		change(&c)
		_, err := newSender(func(into any) error { *into.(*Config) = c; return nil }, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), key) {
			t.Errorf("error %v, want one about %s", err, key)
		}
	}
}
