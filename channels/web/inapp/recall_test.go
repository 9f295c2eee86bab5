package inapp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestRecallRequest is the request as the inbox gets it.
func TestRecallRequest(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) > 0 || r.Header.Get("Content-Type") != "" {
			t.Errorf("body %q of type %q, %v; want none", body, r.Header.Get("Content-Type"), err)
		}
		got = append(got, r.Method+" "+r.RequestURI+" "+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	s := newTestSender(t, server.URL+"/in")
	for id, want := range map[string]string{
		"7":         "DELETE /in/v1/notices/7?ref=0123-abcd Bearer " + testKey,
		"a/../b? é": "DELETE /in/v1/notices/a%2F..%2Fb%3F%20%C3%A9?ref=0123-abcd Bearer " + testKey,
	} {
		got = nil
		if err := s.Recall(t.Context(), channels.Sent{Ref: "0123-abcd", Address: "customer-1", ProviderID: id}); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	got = nil
	for _, m := range []channels.Sent{{Ref: "0123-abcd"}, {ProviderID: "7"}} {
		if err := s.Recall(t.Context(), m); err == nil || channels.AsError(err).Class != channels.Rejected {
			t.Errorf("%+v: %v, want class rejected", m, err)
		}
	}
	if len(got) != 0 {
		t.Errorf("asked %q, want nothing asked", got)
	}
}

// TestRecallAnswers is what each answer means: only the inbox itself knows that a notice is gone.
func TestRecallAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		class  channels.Class
		code   string // "" for what is gone
	}{
		{204, ``, 0, ""},
		{404, `{"error":"unknown_notice"}`, 0, ""},
		{404, `{"error":"unknown_customer"}`, channels.Rejected, "404"},
		{404, `404 page not found`, channels.Rejected, "404"},
		{404, ``, channels.Rejected, "404"},
		{410, `{"error":"unknown_notice"}`, channels.Rejected, "410"},
		{405, `Method Not Allowed`, channels.Rejected, "405"},
		{422, `{"error":"ref"}`, channels.Rejected, "422"},
		{200, `<html>`, channels.Unknown, "200 unreadable"},
		{302, ``, channels.Unavailable, "302"},
		{401, `{"error":"key"}`, channels.Auth, "401"},
		{429, `{"error":"too_fast"}`, channels.RateLimited, "429"},
		{500, ``, channels.Unknown, "500"},
		{503, `{"error":"unavailable"}`, channels.Unavailable, "503"},
	} {
		err := withdrawn(channels.Answer{Status: c.status, Body: []byte(c.body)})
		if c.code == "" {
			if err != nil {
				t.Errorf("%d %s: %v, want it gone", c.status, c.body, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%d %s: gone, want %v (%s)", c.status, c.body, c.class, c.code)
			continue
		}
		if e := channels.AsError(err); e.Class != c.class || e.Code != c.code {
			t.Errorf("%d %s: %v, want %v (%s)", c.status, c.body, e, c.class, c.code)
		}
	}
}
