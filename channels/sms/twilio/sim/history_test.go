package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const messagesPath = "/2010-04-01/Accounts/" + AccountSID + "/Messages"

// get asks for a path with query; the answer is read into v.
func (s stand) get(t *testing.T, target string, v any) int {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, target, nil)
	req.SetBasicAuth(AccountSID, AuthToken)
	rec := httptest.NewRecorder()
	s.handler.ServeHTTP(rec, req)
	if err := json.Unmarshal(rec.Body.Bytes(), v); err != nil {
		t.Fatalf("GET %s: %v", target, err)
	}
	return rec.Code
}

// send posts a message and returns its SID.
func (s stand) send(t *testing.T, to, body string) string {
	t.Helper()
	form := documented()
	form.Set("To", to)
	form.Set("Body", body)
	var m message
	if err := json.Unmarshal(s.post(form).Body.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	return m.SID
}

func TestFetch(t *testing.T) {
	s := newStand(t, sandbox.Conduct{ByDigit: true, Unreported: 1})
	for to, want := range map[string]string{"+15558675310": "delivered", "+15558675318": "sent"} {
		sid := s.send(t, to, "a")
		var m message
		if code := s.get(t, messagesPath+"/"+sid+".json", &m); code != http.StatusOK || m.SID != sid || m.Status != want || m.DateSent == nil {
			t.Errorf("fetched %d %+v, want %s", code, m, want)
		}
	}
	var p account.Complaint
	if code := s.get(t, messagesPath+"/SM00000000000000000000000000000000.json", &p); code != http.StatusNotFound || p.Code != 20404 {
		t.Errorf("a message that never was: %d %+v, want 20404", code, p)
	}
}

// TestFetchBeforeItIsSent: what waits in the queue has no date of sending.
func TestFetchBeforeItIsSent(t *testing.T) {
	s := newStand(t, sandbox.Conduct{ReceiptAfter: sandbox.Duration(time.Hour)})
	var m message
	s.get(t, messagesPath+"/"+s.send(t, "+15558675310", "a")+".json", &m)
	if m.Status != "queued" || m.DateSent != nil {
		t.Errorf("%+v, want it queued and without a date of sending", m)
	}
}

// TestListPages follows next_page_uri through all messages to a number, the newest first.
func TestListPages(t *testing.T) {
	s := newStand(t, sandbox.Conduct{})
	for i := range 5 {
		s.send(t, "+15558675310", fmt.Sprint(i))
		s.send(t, "+15558675311", "another's")
	}
	next, got, pages := messagesPath+".json?To=%2B15558675310&PageSize=2", "", 0
	for next != "" {
		var p page
		if code := s.get(t, next, &p); code != http.StatusOK || p.Page != pages || p.PageSize != 2 {
			t.Fatalf("page %d: %d %+v", pages, code, p)
		}
		for _, m := range p.Messages {
			got += m.Body
		}
		next = ""
		if p.NextPageURI != nil {
			next = *p.NextPageURI
		}
		pages++
	}
	if got != "43210" || pages != 3 {
		t.Errorf("listed %s on %d pages, want 43210 on 3", got, pages)
	}
}

func TestListRefuses(t *testing.T) {
	s := newStand(t, sandbox.Conduct{})
	for _, query := range []string{"Body=a", "PageSize=0", "PageSize=1001", "Page=1", "Page=x", "To=1&To=2", "Page=1&PageToken=PASM1"} {
		var p account.Complaint
		if code := s.get(t, messagesPath+".json?"+query, &p); code != http.StatusBadRequest || p.Code != 20001 {
			t.Errorf("%s: %d %+v, want 400 and 20001", query, code, p)
		}
	}
	var none page
	if code := s.get(t, messagesPath+".json?To=%2B15550000000", &none); code != http.StatusOK || none.Messages == nil || len(none.Messages) > 0 {
		t.Errorf("messages to a number that had none: %d %+v, want an empty list", code, none)
	}
}

// TestHistoryForgetsTheOldest: what is kept is bounded.
func TestHistoryForgetsTheOldest(t *testing.T) {
	h := newHistory()
	for i := range maxHistory + 1 {
		h.keep(message{SID: fmt.Sprint(i), To: fmt.Sprint(i % 2)}, nil)
	}
	if _, found := h.find("0"); found {
		t.Error("the oldest is still there")
	}
	if _, found := h.find("1"); !found || len(h.list("", "")) != maxHistory || len(h.list("0", "")) != maxHistory/2 {
		t.Errorf("%d kept, %d of one number", len(h.list("", "")), len(h.list("0", "")))
	}
}
