package teams

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTestSender(t *testing.T, h http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		into.(*Config).Webhooks = map[string]channels.Secret{"ops": channels.Secret(server.URL + "/workflows/1?sp=%2Ftriggers&sig=secret")}
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

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
		if r.Method != http.MethodPost || r.URL.RequestURI() != "/workflows/1?sp=%2Ftriggers&sig=secret" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	ack, err := s.Send(context.Background(), channels.Message{
		Address: "ops", Locale: "ru", Text: "Cards <down> & \"out\"\r\n\n**Плата** [x](y) 🔔, https://status.bank.example/i?a=1&b=2.\n",
	})
	if err != nil || ack != (channels.Ack{Proof: channels.Accepted}) {
		t.Errorf("Ack = %+v, error %v", ack, err)
	}
	_, err = s.Send(context.Background(), channels.Message{Address: "ops", Text: strings.Repeat("a", maxBody)})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "too_long" {
		t.Errorf("error %v, want rejected (too_long)", err)
	}
}

// TestRuns checks that cutting a line into links and the rest loses nothing of it.
func TestRuns(t *testing.T) {
	for line, links := range map[string][]string{
		"no link":                       nil,
		"https://a.example":             {"https://a.example"},
		"(https://a.example/b), then":   {"https://a.example/b"},
		"see https://a.example/b?c=d.":  {"https://a.example/b?c=d"},
		"https://a.example https://b/!": {"https://a.example", "https://b/"},
		"http://a.example https://":     nil,
	} {
		var whole strings.Builder
		var got []string
		for _, r := range runs(line) {
			whole.WriteString(r.Text)
			if r.Action != nil {
				got = append(got, r.Action.URL)
			}
		}
		if diff := cmp.Diff(links, got); diff != "" || whole.String() != line {
			t.Errorf("%q becomes %q, links (-want +got):\n%s", line, whole.String(), diff)
		}
	}
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  channels.Class
		code   string
	}{
		"disabled":      {400, `{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"x"}}`, channels.Rejected, "400 WorkflowTriggerIsNotEnabled"},
		"wrong sig":     {401, `{"error":{"code":"AuthorizationFailed"}}`, channels.Rejected, "401 AuthorizationFailed"},
		"not allowed":   {403, ``, channels.Rejected, "403"},
		"not there":     {404, `{"error":{"code":"WorkflowNotFound"}}`, channels.Rejected, "404 WorkflowNotFound"},
		"too large":     {413, ``, channels.Rejected, "413"},
		"too fast":      {429, `{"error":{"code":"WorkflowTriggerThrottled"}}`, channels.RateLimited, "429 WorkflowTriggerThrottled"},
		"broken":        {500, `<html>`, channels.Unknown, "500"},
		"no response":   {502, `{"error":{"code":"NoResponse"}}`, channels.Unknown, "502 NoResponse"},
		"out of order":  {503, ``, channels.Unavailable, "503"},
		"took too long": {504, `{"error":{"code":"GatewayTimeout"}}`, channels.Unknown, "504 GatewayTimeout"},
		"prose":         {400, `{"error":{"code":"the card of ops is bad"}}`, channels.Rejected, "400"},
		"other success": {204, ``, channels.Unknown, "204 unreadable"},
	} {
		_, err := readAck(channels.Answer{Status: c.status, Header: http.Header{"Retry-After": {"7"}}, Body: []byte(c.body)})
		e := channels.AsError(err)
		if e.Class != c.class || e.Code != c.code || (c.status == 429 && e.RetryAfter != 7*time.Second) {
			t.Errorf("%s: error %v after %v, want %v (%s)", name, err, e.RetryAfter, c.class, c.code)
		}
	}
	for _, status := range []int{200, 202} {
		if ack, err := readAck(channels.Answer{Status: status}); err != nil || ack.Proof != channels.Accepted {
			t.Errorf("%d: %+v, %v", status, ack, err)
		}
	}
}

func FuzzRuns(f *testing.F) {
	f.Add("see https://a.example/b, or https://c")
	f.Fuzz(func(t *testing.T, line string) {
		whole := ""
		for _, r := range runs(line) {
			if whole += r.Text; r.Text == "" {
				t.Error("an empty run")
			}
		}
		if whole != line {
			t.Errorf("%q becomes %q", line, whole)
		}
	})
}
