package apns

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// exampleConfig is the example's configuration, changed by f.
func exampleConfig(t *testing.T, f func(*Config)) func(any) error {
	t.Helper()
	return func(into any) error {
		if err := yaml.Unmarshal([]byte(example), into); err != nil {
			return err
		}
		f(into.(*Config))
		return nil
	}
}

// newTestSender makes a sender for a server that speaks HTTP/2 over TLS, as Apple's does.
func newTestSender(t *testing.T, h http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	s, err := newSender(exampleConfig(t, func(c *Config) { c.BaseURL = server.URL }), channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const device = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"

func jsonOf(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

func TestRequest(t *testing.T) {
	want, err := os.ReadFile("testdata/request.json")
	if err != nil {
		t.Fatal(err)
	}
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		if diff := cmp.Diff(jsonOf(t, want), jsonOf(t, got)); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		if r.ProtoMajor != 2 || r.Method != http.MethodPost || r.URL.Path != "/3/device/"+device {
			t.Errorf("%s %s %s", r.Proto, r.Method, r.URL.Path)
		}
		for name, value := range map[string]string{
			"apns-topic": "md.example.bank", "apns-push-type": "alert", "apns-priority": "10",
			"apns-collapse-id": "0123456789abcdef0123456789abcdef", "apns-id": uuid("0192-a-1-mac"),
		} {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %q, want %q", name, got, value)
			}
		}
		if !strings.HasPrefix(r.Header.Get("Authorization"), "bearer ey") {
			t.Errorf("Authorization: %q", r.Header.Get("Authorization"))
		}
		w.Header().Set("apns-id", r.Header.Get("apns-id"))
	})
	ack, err := s.Send(context.Background(), channels.Message{
		Ref: "0192-a-1-mac", Address: strings.ToUpper(device), Subject: "Cards", Text: "Cards <down> & \"out\"\nПлата 🔔",
		Topic: "0123456789abcdef0123456789abcdef", UsefulFor: time.Hour, News: &channels.News{Link: "https://status.bank.example/7"},
	})
	if want := (channels.Ack{ID: uuid("0192-a-1-mac"), Proof: channels.Accepted}); err != nil || ack != want {
		t.Errorf("Ack = %+v, error %v; want %+v", ack, err, want)
	}
}

func TestExpiration(t *testing.T) {
	s := &sender{topic: "a"}
	now := time.Unix(1_000_000_000, 0)
	for useful, want := range map[time.Duration]string{time.Hour: "1000003600", time.Millisecond: "1000000001", 0: "1002592000", 10000 * time.Hour: "1002592000"} {
		if got := s.header(channels.Message{UsefulFor: useful}, now).Get("apns-expiration"); got != want {
			t.Errorf("useful for %v: %s, want %s", useful, got, want)
		}
	}
	if h := s.header(channels.Message{}, now); h.Get("apns-collapse-id") != "" {
		t.Error("without a topic there is a collapse id")
	}
}

func TestUUID(t *testing.T) {
	got := uuid("0192-a-1-mac")
	if len(got) != 36 || got[14] != '8' || !strings.ContainsRune("89ab", rune(got[19])) || strings.Count(got, "-") != 4 {
		t.Errorf("%q is no UUID of version 8", got)
	}
	if got != uuid("0192-a-1-mac") || got == uuid("0192-a-2-mac") {
		t.Error("the id is not the attempt's own")
	}
}

// TestTokens: a token is used for 40 minutes, and renewed before only if APNs finds it too old and it may be.
func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Config
		if err := exampleConfig(t, func(*Config) {})(&c); err != nil {
			t.Fatal(err)
		}
		ts, err := newTokens(c)
		if err != nil {
			t.Fatal(err)
		}
		get := func() channels.Secret {
			got, err := ts.get()
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		first := get()
		time.Sleep(20*time.Minute - time.Second)
		if ts.expired(first); get() != first {
			t.Error("renewed before 20 minutes")
		}
		time.Sleep(time.Second)
		if ts.expired("another"); get() != first {
			t.Error("renewed for a token that was not in use")
		}
		ts.expired(first)
		second := get()
		if second == first {
			t.Error("not renewed though too old")
		}
		time.Sleep(40*time.Minute - time.Second)
		if get() != second {
			t.Error("renewed before 40 minutes")
		}
		time.Sleep(time.Second)
		if get() == second {
			t.Error("not renewed after 40 minutes")
		}
	})
}

func TestBadAddressAndTooLongCostNoRequest(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, err := s.Send(context.Background(), channels.Message{Address: device, Text: strings.Repeat("a", maxPayload)})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "too_long" {
		t.Errorf("error %v, want rejected (too_long)", err)
	}
	_, err = s.Send(context.Background(), channels.Message{Address: "../x", Text: "a"})
	if e := channels.AsError(err); e.Class != channels.InvalidAddress {
		t.Errorf("error %v, want class invalid_address", err)
	}
}

func TestProbe(t *testing.T) {
	var status atomic.Int32
	reasons := map[int32]string{400: badDeviceToken, 403: "InvalidProviderToken"}
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/"+strings.Repeat("0", 64)) {
			t.Errorf("probed with %s", r.URL.Path)
		}
		w.WriteHeader(int(status.Load()))
		_, _ = io.WriteString(w, `{"reason":"`+reasons[status.Load()]+`"}`)
	}).(channels.Prober)
	status.Store(400)
	if err := s.Probe(context.Background()); err != nil {
		t.Error(err)
	}
	status.Store(403)
	if err := s.Probe(context.Background()); channels.AsError(err).Class != channels.Auth {
		t.Errorf("error %v, want class auth", err)
	}
}

func TestCheckAddress(t *testing.T) {
	for s, want := range map[string]string{
		device: device, strings.ToUpper(device): device, "<00fc13ad ff785122 b4ad2880 9a342098>": "00fc13adff785122b4ad28809a342098",
		"": "", "00fc": "", device + "0": "", device[:63] + "g": "", strings.Repeat("00", 101): "", "../" + device: "",
	} {
		if got, err := CheckAddress(s); got != want || (err == nil) != (want != "") {
			t.Errorf("CheckAddress(%q) = %q, %v", s, got, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for key, spoil := range map[string]func(*Config){
		"key_id:":      func(c *Config) { c.KeyID = "abc" },
		"team_id:":     func(c *Config) { c.TeamID = "" },
		"topic:":       func(c *Config) { c.Topic = "a b" },
		"private_key:": func(c *Config) { c.PrivateKey = "geheim" },
		"link:":        func(c *Config) { c.Link = "a" },
		"base_url:":    func(c *Config) { c.BaseURL = "a" },
	} {
		_, err := newSender(exampleConfig(t, spoil), channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), key) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("error %v, want one about %s", err, key)
		}
	}
}
