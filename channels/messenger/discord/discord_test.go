package discord

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRequest pins what goes over the wire: nothing that Discord would take for markup or a mention.
func TestRequest(t *testing.T) {
	golden, err := os.ReadFile("testdata/request.json")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var got, want any
		if err := json.Unmarshal(golden, &want); err != nil || json.Unmarshal(body, &got) != nil {
			t.Errorf("%v: %s", err, body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		if r.Method != http.MethodPost || r.URL.RequestURI() != "/api/webhooks/1/secret?thread_id=7&wait=true" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		_, _ = io.WriteString(w, `{"id":"1234567890123456789","type":0}`)
	}))
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		into.(*Config).Webhooks = map[string]channels.Secret{"ops": channels.Secret(server.URL + "/api/webhooks/1/secret?thread_id=7")}
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	text := "@everyone: **cards** are <down> [now]\n# Плата 🔔 \\o/\nhttps://bank.example/a_b*c?d=[1] <@12>"
	ack, err := s.Send(context.Background(), channels.Message{Address: "ops", Text: text})
	if want := (channels.Ack{ID: "1/7/1234567890123456789", Proof: channels.Delivered}); err != nil || ack != want {
		t.Errorf("Ack = %+v, error %v", ack, err)
	}
	_, err = s.Send(context.Background(), channels.Message{Address: "ops", Text: strings.Repeat("*", maxText/2+1)})
	if e := channels.AsError(err); e.Class != channels.Rejected || e.Code != "too_long" {
		t.Errorf("error %v, want rejected (too_long)", err)
	}
}

// TestErrors has answers as https://discord.com/developers/docs/topics/opcodes-and-status-codes and
// https://discord.com/developers/docs/topics/rate-limits show them.
func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  channels.Class
		code   string
		after  time.Duration
	}{
		"gone":                 {404, `{"message":"Unknown Webhook","code":10015}`, channels.Rejected, "404 10015", 0},
		"another token":        {401, `{"message":"Invalid Webhook Token","code":50027}`, channels.Rejected, "401 50027", 0},
		"empty":                {400, `{"message":"Cannot send an empty message","code":50006}`, channels.Rejected, "400 50006", 0},
		"too fast":             {429, `{"message":"You are being rate limited.","retry_after":64.5,"global":false}`, channels.RateLimited, "429", 64500 * time.Millisecond},
		"too fast, by header":  {429, `error code: 1015`, channels.RateLimited, "429", 30 * time.Second},
		"too fast, for always": {429, `{"retry_after":1e300}`, channels.RateLimited, "429", 30 * time.Second},
		"out of order":         {503, ``, channels.Unavailable, "503", 0},
		"broken":               {500, `{"message":"500: Internal Server Error","code":0}`, channels.Unknown, "500", 0},
		"no message":           {200, `{}`, channels.Unknown, "200 unreadable", 0},
		"not waited for":       {204, ``, channels.Unknown, "204 unreadable", 0},
		"a page":               {200, `<html>`, channels.Unknown, "200 unreadable", 0},
	} {
		_, err := readAck(channels.Answer{Status: c.status, Header: http.Header{"Retry-After": {"30"}}, Body: []byte(c.body)})
		e := channels.AsError(err)
		if e.Class != c.class || e.Code != c.code || c.after != 0 && e.RetryAfter != c.after {
			t.Errorf("%s: error %v after %v, want %v (%s) after %v", name, err, e.RetryAfter, c.class, c.code, c.after)
		}
	}
}

func TestBadConfig(t *testing.T) {
	for url, want := range map[string]string{"http://discord.com/api/webhooks/1/secret": "webhooks: ops ", "https://discord.com/%zz/secret": "webhooks: ops is no URL"} {
		_, err := newSender(func(into any) error {
			into.(*Config).Webhooks = map[string]channels.Secret{"ops": channels.Secret(url)}
			return nil
		}, channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, want %q…", url, err, want)
		}
	}
}

// newTestSender makes a sender with the webhook "ops", whose id is 1234, at a server of a handler.
func newTestSender(t *testing.T, h http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	s, err := newSender(func(into any) error {
		into.(*Config).Webhooks = map[string]channels.Secret{"ops": channels.Secret(server.URL + "/api/webhooks/1234/secret?thread_id=7&with_components=true")}
		return nil
	}, channels.Env{HTTP: server.Client(), UserAgent: "tocsin/1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRecallRequest(t *testing.T) {
	asked := 0
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		body, _ := io.ReadAll(r.Body)
		if got, want := r.Method+" "+r.URL.RequestURI(), "DELETE /api/webhooks/1234/secret/messages/1234567890123456789?thread_id=7"; got != want || len(body) > 0 || r.UserAgent() != "tocsin/1" {
			t.Errorf("%s %q of %s, want %s without a body", got, body, r.UserAgent(), want)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	for m, code := range map[channels.Sent]string{
		{Address: "ops", ProviderID: "1234/7/1234567890123456789"}:    "",
		{Address: "ops", ProviderID: "1234/7/../1234567890123456789"}: "no_message_id",
		{Address: "ops", ProviderID: "1234/7/"}:                       "no_message_id",
		{Address: "ops", ProviderID: "1234567890123456789"}:           "other_webhook",
		{Address: "ops", ProviderID: "1233/7/1234567890123456789"}:    "other_webhook",
		{Address: "ops", ProviderID: "1234/8/1234567890123456789"}:    "other_webhook",
		{Address: "ops", ProviderID: "1234/1234567890123456789"}:      "other_webhook",
		{Address: "nobody", ProviderID: "/1234567890123456789"}:       "other_webhook",
		{Address: "nobody", ProviderID: "1234/7/1234567890123456789"}: "other_webhook",
	} {
		err := s.(channels.Recaller).Recall(context.Background(), m)
		if e := channels.AsError(err); (err == nil) != (code == "") || err != nil && (e.Class != channels.Rejected || e.Code != code) {
			t.Errorf("%+v: %v, want %q", m, err, code)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

// TestReadDeletion has answers of the pages that TestErrors names.
func TestReadDeletion(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  channels.Class
		code   string // "" for a message that isn't there any more
	}{
		"deleted":              {204, ``, 0, ""},
		"gone":                 {404, `{"message":"Unknown Message","code":10008}`, 0, ""},
		"no webhook":           {404, `{"message":"Unknown Webhook","code":10015}`, channels.Rejected, "404 10015"},
		"no thread":            {404, `{"message":"Unknown Channel","code":10003}`, channels.Rejected, "404 10003"},
		"no such path":         {404, `{"message":"404: Not Found","code":0}`, channels.Rejected, "404"},
		"a proxy's 404":        {404, `<html>Unknown Message 10008`, channels.Rejected, "404"},
		"another token":        {401, `{"message":"Invalid Webhook Token","code":50027}`, channels.Rejected, "401 50027"},
		"an archived thread":   {400, `{"message":"Thread is archived","code":50083}`, channels.Rejected, "400 50083"},
		"gone, but not so":     {400, `{"message":"Unknown Message","code":10008}`, channels.Rejected, "400 10008"},
		"too fast":             {429, `{"message":"You are being rate limited.","retry_after":64.5,"global":false}`, channels.RateLimited, "429"},
		"out of order":         {503, ``, channels.Unavailable, "503"},
		"broken":               {500, `{"message":"500: Internal Server Error","code":0}`, channels.Unknown, "500"},
		"bad gateway":          {502, ``, channels.Unknown, "502"},
		"moved":                {302, ``, channels.Unavailable, "302"},
		"a page":               {200, `<html>`, channels.Unknown, "200 unreadable"},
		"an answer with words": {200, `{"id":"1"}`, channels.Unknown, "200 unreadable"},
	} {
		err := readDeletion(channels.Answer{Status: c.status, Header: http.Header{}, Body: []byte(c.body)})
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v, want the message gone", name, err)
			}
			continue
		}
		if e := channels.AsError(err); e == nil || e.Class != c.class || e.Code != c.code {
			t.Errorf("%s: %v, want %v (%s)", name, err, c.class, c.code)
		}
	}
}

func TestPlaceOfMessages(t *testing.T) {
	for address, want := range map[string]string{
		"/api/webhooks/223704706495545344/SECRET":                       "223704706495545344",
		"/api/v10/webhooks/223704706495545344/SECRET?wait=true":         "223704706495545344",
		"/api/webhooks/223704706495545344/SECRET?wait=true&thread_id=7": "223704706495545344/7",
		"/api/webhooks/99999999999999999999/SECRET?thread_id=7":         "",
		"/api/webhooks/ops/SECRET":                                      "",
		"/hook":                                                         "",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := placeOf(u); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
