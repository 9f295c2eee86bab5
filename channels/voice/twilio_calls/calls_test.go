package twiliocalls

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
)

const (
	testAccount = "AC00112233445566778899aabbccddeeff"
	testToken   = "00112233445566778899aabbccddee00"
)

func testConfig() config {
	return config{Config: twilio.Config{AccountSID: testAccount, AuthToken: testToken}, From: "+15005550006", RingTimeout: defaultRing}
}

func newTestSender(t testing.TB, c config) *sender {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s, err := newSender(func(into any) error { *into.(*config) = c; return nil },
		channels.Env{HTTP: &http.Client{Transport: transport}, UserAgent: "tocsin/test"})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*sender)
}

// answering starts a Twilio that gives every request the same answer, and keeps the forms.
func answering(t *testing.T, status int, answer string) (baseURL string, forms <-chan url.Values) {
	t.Helper()
	kept := make(chan url.Values, 4)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if r.URL.Path != "/2010-04-01/Accounts/"+testAccount+"/Calls.json" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		kept <- r.PostForm
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, kept
}

// TestGoldenRequest pins what goes over the wire.
func TestGoldenRequest(t *testing.T) {
	base, forms := answering(t, http.StatusCreated, `{"sid":"CA1","status":"queued"}`)
	c := testConfig()
	c.BaseURL, c.DetectMachines, c.RingTimeout = base, true, 45*time.Second
	ack, err := newTestSender(t, c).Send(t.Context(), channels.Message{
		Ref: "r", Address: "+37369000100", Locale: "ro-MD", Text: "Cardurile <nu> merg & \"atât\"", Callback: "https://t.example/r",
	})
	if err != nil || ack != (channels.Ack{ID: "CA1", Proof: channels.Accepted}) {
		t.Fatalf("Send = %+v, %v", ack, err)
	}
	want, err := os.ReadFile("testdata/request.txt")
	if got := strings.ReplaceAll((<-forms).Encode(), "&", "\n") + "\n"; err != nil || got != string(want) {
		t.Errorf("%v, the request is\n%s", err, got)
	}
}

// TestSmallestRequest: nothing is asked for that wasn't wanted.
func TestSmallestRequest(t *testing.T) {
	p, err := newTestSender(t, testConfig()).params(channels.Message{Address: "+373", Locale: "en", Text: "x", UsefulFor: time.Hour})
	if err != nil || p.StatusCallback != nil || p.StatusCallbackEvent != nil || p.MachineDetection != nil || *p.Timeout != 30 {
		t.Errorf("parameters %+v, error %v", p, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		class  channels.Class
		code   string
	}{
		{400, `{"code":21211}`, channels.InvalidAddress, "21211"},
		{400, `{"code":13224}`, channels.InvalidAddress, "13224"},
		{400, `{"code":21215}`, channels.Rejected, "21215"},
		{400, `{"code":13227}`, channels.Rejected, "13227"},
		{400, `{"code":21210}`, channels.Auth, "21210"},
		{400, `{"code":10005}`, channels.Auth, "10005"},
		{429, `{"code":10004}`, channels.RateLimited, "10004"},
		{429, `{"code":20429}`, channels.RateLimited, "20429"},
		{503, `<html>`, channels.Unavailable, "503"},
		{500, `{"code":20500}`, channels.Unknown, "20500"},
		{201, `{"status":"queued"}`, channels.Unknown, "unreadable_answer"},
	} {
		base, _ := answering(t, tt.status, tt.body)
		c := testConfig()
		c.BaseURL = base
		_, err := newTestSender(t, c).Send(t.Context(), channels.Message{Address: "+37369000100", Locale: "en", Text: "x"})
		if e := channels.AsError(err); err == nil || e.Class != tt.class || e.Code != tt.code {
			t.Errorf("%d %s: error %v, want class %v and code %s", tt.status, tt.body, err, tt.class, tt.code)
		}
	}
}

func TestVoices(t *testing.T) {
	c := &config{Voices: map[string]voice{"uk": {"uk-UA", "U"}, "ro-MD": {"ro-RO", "M"}, "en": {"en-GB", "E"}}}
	for locale, want := range map[string]string{
		"ru": "Polly.Tatyana", "ru-RU": "Polly.Tatyana", "ro": "Polly.Carmen", "ro-MD": "M", "ro-RO": "Polly.Carmen", "uk-UA": "U", "en-US": "E",
		"zh-Hant-TW": "", "": "", "r": "",
	} {
		if v, known := c.voiceFor(locale); v.Voice != want || known != (want != "") {
			t.Errorf("%q is read by %q (%v), want %q", locale, v.Voice, known, want)
		}
	}
	_, err := newTestSender(t, testConfig()).Send(t.Context(), channels.Message{Address: "+373", Locale: "ka", Text: "x"})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "language" {
		t.Errorf("a language without a voice: %v, want rejected (language)", err)
	}
}

func TestTwiml(t *testing.T) {
	v := voice{"ro-RO", "Polly.Carmen"}
	for name, tt := range map[string]struct {
		text   string
		says   int // how many <Say> there are, 0 for an error
		looped bool
	}{
		"short":                        {"Cards are down", 2, false},
		"as long as twice goes":        {strings.Repeat("a", 1850), 2, false},
		"too long for that":            {strings.Repeat("a", 1950), 1, true},
		"as long as it goes":           {strings.Repeat("ж", 3850), 1, true},
		"too long":                     {strings.Repeat("a", 3950), 0, false},
		"too long because of escaping": {strings.Repeat("&", 1000), 0, false},
		"all that needs escaping":      {"<Hangup/> & </Say> ]]> \"'\x00\xff", 2, false},
	} {
		got, err := twiml(v, tt.text)
		if tt.says == 0 {
			if e := channels.AsError(err); err == nil || e.Class != channels.Rejected || e.Code != "too_long" {
				t.Errorf("%s: error %v, want rejected (too_long)", name, err)
			}
			continue
		}
		if err != nil || strings.Count(got, "<Say ") != tt.says || strings.Contains(got, "loop") != tt.looped || len([]rune(got)) > maxTwiml {
			t.Errorf("%s: %.200s, error %v", name, got, err)
		}
		if err := xml.Unmarshal([]byte(got), new(struct{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for key, change := range map[string]func(*config){
		"account_sid:":  func(c *config) { c.AccountSID = "x" },
		"from:":         func(c *config) { c.From = "Bank" },
		"ring_timeout:": func(c *config) { c.RingTimeout = 11 * time.Minute },
		"voices.uk:":    func(c *config) { c.Voices = map[string]voice{"uk": {Language: "uk-UA"}} },
	} {
		c := testConfig()
		change(&c)
		_, err := newSender(func(into any) error { *into.(*config) = c; return nil }, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), key) {
			t.Errorf("error %v, want one about %s", err, key)
		}
	}
}

func FuzzTwiml(f *testing.F) {
	f.Add("Cards are down")
	f.Add("<Say>&\x00\xff]]>")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := twiml(voice{"ro-RO", "Polly.Carmen"}, text)
		if err != nil {
			return
		}
		var read struct {
			Say []string `xml:"Say"`
		}
		if err := xml.Unmarshal([]byte(got), &read); err != nil || len(read.Say) == 0 || len([]rune(got)) > maxTwiml {
			t.Errorf("%q: %v", got, err)
		}
	})
}
