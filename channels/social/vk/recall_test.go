package vk

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestRecallRequest(t *testing.T) {
	want, err := os.ReadFile("testdata/delete.form")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	s := newTestSender(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		if got, _ := io.ReadAll(r.Body); string(got) != strings.TrimSpace(string(want)) {
			t.Errorf("request\n%s, want\n%s", got, want)
		}
		if r.Method+r.URL.String() != "POST/method/wall.delete" || r.Header.Get("Authorization") != "Bearer community-key" ||
			r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.UserAgent() != "tocsin/1" {
			t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
		}
		_, _ = io.WriteString(w, `{"response":1}`)
	})
	recaller := s.(channels.Recaller)
	if err := recaller.Recall(context.Background(), channels.Sent{Ref: "a", Address: "4711", ProviderID: "-4711_42"}); err != nil || asked != 1 {
		t.Errorf("%v after %d requests", err, asked)
	}
	for m, want := range map[channels.Sent]channels.Class{
		{Address: "4711", ProviderID: "-4711"}:           channels.Rejected,
		{Address: "4711", ProviderID: "-4711_0"}:         channels.Rejected,
		{Address: "4711", ProviderID: "-4711_42&v=1"}:    channels.Rejected,
		{Address: "4711", ProviderID: "-4712_42"}:        channels.Rejected,
		{Address: "4711", ProviderID: "4711_42"}:         channels.Rejected,
		{Address: "another", ProviderID: "-another_123"}: channels.InvalidAddress,
	} {
		err := recaller.Recall(context.Background(), m)
		if e := channels.AsError(err); err == nil || e.Class != want || asked != 1 {
			t.Errorf("%+v: %v after %d requests, want %v", m, err, asked, want)
		}
	}
}

const deleted channels.Class = 99

// recalls are answers to wall.delete, with the codes that it has of its own.
var recalls = map[string]struct {
	status int
	body   string
	class  channels.Class
	code   string
}{
	"deleted":         {200, `{"response":1}`, deleted, ""},
	"gone":            {200, `{"error":{"error_code":104,"error_msg":"Not found"}}`, deleted, ""},
	"a proxy's 404":   {404, `<html>Not Found</html>`, channels.Rejected, "404"},
	"not ours":        {200, `{"error":{"error_code":210,"error_msg":"Access to wall's post denied"}}`, channels.Rejected, "210"},
	"no access":       {200, `{"error":{"error_code":15}}`, channels.Rejected, "15"},
	"no right":        {200, `{"error":{"error_code":7}}`, channels.Rejected, "7"},
	"community's key": {200, `{"error":{"error_code":27,"error_msg":"Group authorization failed: method is unavailable with group auth."}}`, channels.Rejected, "27"},
	"no second step":  {200, `{"error":{"error_code":703}}`, channels.Rejected, "703"},
	"dead key":        {200, `{"error":{"error_code":5}}`, channels.Auth, "5"},
	"captcha":         {200, `{"error":{"error_code":14}}`, channels.Auth, "14"},
	"too fast":        {200, `{"error":{"error_code":6}}`, channels.RateLimited, "6"},
	"flood":           {200, `{"error":{"error_code":9}}`, channels.RateLimited, "9"},
	"inside":          {200, `{"error":{"error_code":10}}`, channels.Unknown, "10"},
	"out of order":    {503, `<html>`, channels.Unavailable, "503"},
	"not done":        {200, `{"response":0}`, channels.Unknown, "200 unreadable"},
	"something else":  {200, `{"response":{"post_id":1}}`, channels.Unknown, "200 unreadable"},
	"no JSON":         {200, `<html>`, channels.Unknown, "200 unreadable"},
	"both":            {200, `{"response":1,"error":{"error_code":5}}`, channels.Auth, "5"},
}

func TestRecallAnswers(t *testing.T) {
	for what, c := range recalls {
		err := readDeleted(channels.Answer{Status: c.status, Body: []byte(c.body)})
		if (err == nil) != (c.class == deleted) {
			t.Errorf("%s: %v", what, err)
		}
		if e := channels.AsError(err); err != nil && (e.Class != c.class || e.Code != c.code) {
			t.Errorf("%s: %v, want %v (%s)", what, err, c.class, c.code)
		}
	}
}
