package twilio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// listed is a message as the tests' Twilio lists it.
type listed map[string]any

// began is when the message in question was given to Twilio; its answer was lost ten seconds later.
var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func entry(sid, body string, after time.Duration, change func(listed)) listed {
	at := began.Add(after).Format(time.RFC1123Z)
	m := listed{"sid": sid, "body": body, "date_created": at, "date_sent": at, "direction": "outbound-api", "status": "delivered", "error_code": nil}
	if change != nil {
		change(m)
	}
	return m
}

func inquiry() channels.Inquiry {
	return channels.Inquiry{Ref: "r", Address: "+37369000100", Text: "t", SentAfter: began, SentBefore: began.Add(10 * time.Second), Others: []string{"SMother"}}
}

// listing starts a Twilio that has the messages given, in pages of two.
func listing(t *testing.T, all []listed) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if query.Get("To") != "+37369000100" || query.Has("DateSent") || query.Has("DateSent>") || query.Has("DateSent<") {
			t.Errorf("asked for %v", query)
		}
		from := 0
		if token := query.Get("PageToken"); token != "" {
			_, _ = fmt.Sscanf(token, "from-%d", &from)
		}
		to := min(from+2, len(all))
		answer := map[string]any{"messages": all[from:to], "next_page_uri": nil}
		if to < len(all) {
			answer["next_page_uri"] = "/x.json?" + url.Values{"Page": {"1"}, "PageToken": {fmt.Sprintf("from-%d", to)}}.Encode()
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestSearch(t *testing.T) {
	waits := func(m listed) { m["date_sent"], m["status"] = nil, "queued" }
	incoming := func(m listed) { m["direction"] = "inbound" }
	old := entry("SMold", "t", -time.Hour, nil)
	for name, tt := range map[string]struct {
		messages []listed
		state    channels.ReceiptState
		code     string // of the receipt, or of the error
	}{
		"none":                      {[]listed{}, channels.ReceiptAbsent, "not_found"},
		"only older ones":           {[]listed{old}, channels.ReceiptAbsent, "not_found"},
		"only newer ones":           {[]listed{entry("SM1", "t", time.Hour, nil)}, channels.ReceiptAbsent, "not_found"},
		"the one":                   {[]listed{entry("SM1", "t", 5*time.Second, nil), old}, channels.ReceiptDelivered, "delivered"},
		"the one still waits":       {[]listed{entry("SM1", "t", 5*time.Second, waits), old}, channels.ReceiptAccepted, "queued"},
		"the one came late":         {[]listed{entry("SM1", "t", 30*time.Second, nil)}, channels.ReceiptDelivered, "delivered"},
		"clocks differ":             {[]listed{entry("SM1", "t", -50*time.Second, nil)}, channels.ReceiptDelivered, "delivered"},
		"it failed":                 {[]listed{entry("SM1", "t", 0, func(m listed) { m["status"], m["error_code"] = "undelivered", 30003 })}, channels.ReceiptFailed, "30003"},
		"on the second page":        {[]listed{entry("SM3", "u", time.Hour, nil), entry("SM2", "u", time.Hour, nil), entry("SM1", "t", 0, nil)}, channels.ReceiptDelivered, "delivered"},
		"another attempt's":         {[]listed{entry("SMother", "t", 0, nil)}, channels.ReceiptAbsent, "not_found"},
		"another's and the one":     {[]listed{entry("SMother", "t", 0, nil), entry("SM1", "t", 0, nil)}, channels.ReceiptDelivered, "delivered"},
		"from the recipient":        {[]listed{entry("SM1", "t", 0, incoming)}, channels.ReceiptAbsent, "not_found"},
		"two of the same text":      {[]listed{entry("SM1", "t", 0, nil), entry("SM2", "t", 0, nil)}, "", "ambiguous"},
		"another text":              {[]listed{entry("SM1", "u", 0, nil)}, "", "other_text"},
		"another text and the one":  {[]listed{entry("SM2", "u", 0, nil), entry("SM1", "t", 0, nil)}, channels.ReceiptDelivered, "delivered"},
		"the text was redacted":     {[]listed{entry("SM1", "", 0, nil)}, "", "other_text"},
		"a status of later days":    {[]listed{entry("SM1", "t", 0, func(m listed) { m["status"] = "pondered" })}, "", "unreadable_answer"},
		"a message without a date":  {[]listed{entry("SM1", "t", 0, func(m listed) { delete(m, "date_created") })}, "", "unreadable_answer"},
		"more than a number can be": {many(), "", "too_many"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := newTestSender(t, listing(t, tt.messages)).Inquire(t.Context(), inquiry())
			if tt.state == "" {
				if e := channels.AsError(err); err == nil || e.Code != tt.code || e.Class == channels.InvalidAddress {
					t.Errorf("receipt %+v, error %v; want an error with the code %s", r, err, tt.code)
				}
				return
			}
			if err != nil || r.State != tt.state || r.Code != tt.code || r.Ref != "r" || (r.ProviderID == "SM1") != (tt.state != channels.ReceiptAbsent) {
				t.Errorf("receipt %+v, error %v; want %s with the code %s", r, err, tt.state, tt.code)
			}
		})
	}
}

// many are more messages than are read, all of them newer than the one in question.
func many() []listed {
	var all []listed
	for range 2*maxPages + 1 {
		all = append(all, entry("SM2", "u", time.Hour, nil))
	}
	return all
}

// TestInquireReadsNothingIntoStrangeAnswers: only a list that is one says that a message is absent.
func TestInquireReadsNothingIntoStrangeAnswers(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		class  channels.Class
	}{
		{200, `{}`, channels.Unknown},
		{200, `{"messages":null}`, channels.Unknown},
		{200, `<html>`, channels.Unknown},
		{200, `{"messages":[{"date_created":"Sun, 01 Mar 2026 14:00:00 +0000"}],"next_page_uri":"%zz"}`, channels.Unknown},
		{404, `{"code":20404}`, channels.Rejected},
		{404, `not found`, channels.Rejected},
		{401, `{"code":20003}`, channels.Auth},
		{429, `{"code":20429}`, channels.RateLimited},
		{502, `bad gateway`, channels.Unknown},
		{503, `{"code":20503}`, channels.Unavailable},
	} {
		s := newTestSender(t, answering(t, tt.status, nil, tt.body))
		for _, q := range []channels.Inquiry{inquiry(), {Ref: "r", ProviderID: "SM1"}} {
			r, err := s.Inquire(t.Context(), q)
			if e := channels.AsError(err); err == nil || e.Class != tt.class {
				t.Errorf("%d %s: receipt %+v, error %v; want an error of class %v", tt.status, tt.body, r, err, tt.class)
			}
		}
	}
}
