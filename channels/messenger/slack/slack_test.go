package slack

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
		into.(*Config).Webhooks = map[string]channels.Secret{"ops": channels.Secret(server.URL + "/services/T0/B0/secret")}
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
		if r.Method != http.MethodPost || r.URL.Path != "/services/T0/B0/secret" || r.Header.Get("User-Agent") != "tocsin/1" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		_, _ = io.WriteString(w, "ok")
	})
	ack, err := s.Send(context.Background(), channels.Message{Address: "ops", Text: "Cards <down> & \"out\"\n*Плата* 🔔 &amp;"})
	if err != nil || ack != (channels.Ack{Proof: channels.Delivered}) {
		t.Errorf("Ack = %+v, error %v", ack, err)
	}
	_, err = s.Send(context.Background(), channels.Message{Address: "ops", Text: strings.Repeat("&", maxText/5+1)})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "too_long" {
		t.Errorf("error %v, want rejected (too_long)", err)
	}
}

// TestErrors has the errors of
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling-errors.
func TestErrors(t *testing.T) {
	for body, status := range map[string]int{
		"invalid_payload": 400, "no_text": 400, "too_many_attachments": 400, "user_not_found": 400, "channel_not_found": 404,
		"channel_is_archived": 410, "action_prohibited": 403, "posting_to_general_channel_denied": 403, "no_service": 404,
		"no_service_id": 404, "no_active_hooks": 404, "no_team": 404, "team_disabled": 403, "invalid_token": 403,
	} {
		_, err := readAck(channels.Answer{Status: status, Body: []byte(body + "\n")})
		if e := channels.AsError(err); e.Class != channels.Rejected || !strings.HasSuffix(e.Code, " "+body) {
			t.Errorf("%s: error %v, want class rejected", body, err)
		}
	}
	for name, c := range map[string]struct {
		status int
		body   string
		class  channels.Class
		code   string
	}{
		"too fast":       {429, "rate_limited", channels.RateLimited, "429 rate_limited"},
		"out of order":   {503, "service_unavailable", channels.Unavailable, "503 service_unavailable"},
		"broken":         {500, "rollup_error", channels.Unknown, "500 rollup_error"},
		"not ok":         {200, "no", channels.Unknown, "200 unreadable"},
		"a page":         {200, "<html>", channels.Unknown, "200 unreadable"},
		"prose":          {400, "The text Cards is bad", channels.Rejected, "400"},
		"took too long":  {408, "", channels.Unknown, "408"},
		"moved":          {302, "", channels.Unavailable, "302"},
		"no credentials": {401, "", channels.Rejected, "401"},
	} {
		_, err := readAck(channels.Answer{Status: c.status, Header: http.Header{"Retry-After": {"30"}}, Body: []byte(c.body)})
		e := channels.AsError(err)
		if e.Class != c.class || e.Code != c.code || (c.status == 429) != (e.RetryAfter == 30*time.Second && c.class == channels.RateLimited) {
			t.Errorf("%s: error %v after %v, want %v (%s)", name, err, e.RetryAfter, c.class, c.code)
		}
	}
}
