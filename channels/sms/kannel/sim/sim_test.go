package sim

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStand(t *testing.T, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "kannel", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

// headers are those of a message that is taken.
func headers() http.Header {
	h := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "text/plain; charset=UTF-8", "X-Kannel-Username": Username, "X-Kannel-Password": Password,
		"X-Kannel-To": "+37369000100", "X-Kannel-From": "Bank", "X-Kannel-Coding": "0", "X-Kannel-Validity": "60",
	} {
		h.Set(name, value)
	}
	return h
}

func post(h http.Handler, header http.Header, text string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/cgi-bin/sendsms", strings.NewReader(text))
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestAnswers holds the simulator to what version 1.4.5 was seen to answer.
func TestAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(http.Header)
		status int
		begins string
	}{
		"taken":              {func(http.Header) {}, 202, "0: Accepted for delivery"},
		"a form":             {func(h http.Header) { h.Set("Content-Type", "application/x-www-form-urlencoded") }, 400, "Invalid content-type"},
		"wrong password":     {func(h http.Header) { h.Set("X-Kannel-Password", "x") }, 403, "Authorization failed for sendsms"},
		"no receiver":        {func(h http.Header) { h.Del("X-Kannel-To") }, 400, "Missing receiver(s) number(s), rejected"},
		"an empty receiver":  {func(h http.Header) { h.Set("X-Kannel-To", "") }, 400, "Empty receiver number not allowed, rejected"},
		"no number":          {func(h http.Header) { h.Set("X-Kannel-To", "abc") }, 400, "Number(s) has/have been denied"},
		"several numbers":    {func(h http.Header) { h.Set("X-Kannel-To", "+3731 +3732") }, 400, "Number(s) has/have been denied"},
		"no sender":          {func(h http.Header) { h.Del("X-Kannel-From") }, 400, "Sender missing"},
		"another coding":     {func(h http.Header) { h.Set("X-Kannel-Coding", "7") }, 400, "Coding field misformed"},
		"validity of words":  {func(h http.Header) { h.Set("X-Kannel-Validity", "an hour") }, 400, "Validity"},
		"an unknown header":  {func(h http.Header) { h.Set("X-Kannel-Text", "x") }, 400, "Unknown"},
		"a mask without URL": {func(h http.Header) { h.Set("X-Kannel-Dlr-Mask", "31") }, 400, "DLR"},
		"a mask of too much": {func(h http.Header) { h.Set("X-Kannel-Dlr-Mask", "64"); h.Set("X-Kannel-Dlr-Url", "http://h/") }, 400, "DLR"},
		"another charset":    {func(h http.Header) { h.Set("Content-Type", "text/plain; charset=KOI8-R") }, 400, "Charset"},
		"a denied number":    {func(h http.Header) { h.Set("X-Kannel-To", "+37369000109") }, 400, "Number(s) has/have been denied"},
	} {
		t.Run(name, func(t *testing.T) {
			d, box := newStand(t, sandbox.Conduct{ByDigit: true})
			h := headers()
			tt.change(h)
			w := post(box, h, "Cards are down")
			if w.Code != tt.status || !strings.HasPrefix(w.Body.String(), tt.begins) {
				t.Errorf("answer %d %s, want %d %s", w.Code, w.Body, tt.status, tt.begins)
			}
			if n := d.Total().Accepted; (n == 1) != (tt.status == 202) {
				t.Errorf("%d accepted", n)
			}
		})
	}
}

// TestReports: a report fills the escape codes of the URL, of the types asked for only.
func TestReports(t *testing.T) {
	calls := make(chan string, 4)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { calls <- r.Method + " " + r.URL.RequestURI() }))
	t.Cleanup(hook.Close)
	_, box := newStand(t, sandbox.Conduct{})
	h := headers()
	h.Set("X-Kannel-Dlr-Mask", "19")
	h.Set("X-Kannel-Dlr-Url", hook.URL+"/a%%20b?type=%d&id=%F&answer=%A")
	post(box, h, "Cards are down, and so is the bank")
	got := <-calls
	if !strings.HasPrefix(got, "GET /a%20b?type=1&id=0000000001&answer=id%3A0000000001+sub") ||
		!strings.HasSuffix(got, "stat%3ADELIVRD+err%3A000+text%3ACards+are+down%2C+and+") {
		t.Errorf("called %s", got)
	}
	if r := reportOf("sent", "1", "x"); r.kind != 8 || r.answer != "ACK/" || r.id != "" {
		t.Errorf("report of submission %+v", r)
	}
}

// TestLongTextsAreCut: as Kannel does, silently.
func TestLongTextsAreCut(t *testing.T) {
	d, box := newStand(t, sandbox.Conduct{})
	d.KeepMessages()
	for coding, most := range map[string]int{"0": 1530, "2": 670} {
		h := headers()
		h.Set("X-Kannel-Coding", coding)
		if w := post(box, h, strings.Repeat("ж", most+1)); w.Code != 202 {
			t.Errorf("coding %s: %d", coding, w.Code)
		}
		all := d.Messages()
		if n := len([]rune(all[len(all)-1].Text)); n != most {
			t.Errorf("coding %s: %d characters are left, want %d", coding, n, most)
		}
	}
}

func TestOtherRequests(t *testing.T) {
	_, box := newStand(t, sandbox.Conduct{})
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/cgi-bin/sendsms", nil),
		httptest.NewRequest(http.MethodPost, "/cgi-bin/sendsms?username=u", nil),
		httptest.NewRequest(http.MethodPost, "/", nil),
	} {
		w := httptest.NewRecorder()
		box.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s %s: %d, want 404", r.Method, r.URL, w.Code)
		}
	}
}
