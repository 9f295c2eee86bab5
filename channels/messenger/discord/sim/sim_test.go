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

func newTestServer(t *testing.T, c sandbox.Conduct) (*sandbox.Desk, http.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "discord", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func post(h http.Handler, url, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, strings.TrimPrefix(url, Origin), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const nobody = `"allowed_mentions":{"parse":[]}}`

func TestExecute(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	d.KeepMessages()
	if w := post(h, URL("1")+"?wait=true", `{"content":"a \\*b\\* https://c.example/d_e","flags":4,`+nobody); w.Code != 200 || !strings.Contains(w.Body.String(), `"id":"1000000000000000001"`) {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if w := post(h, URL("1"), `{"content":"b",`+nobody); w.Code != 204 || w.Body.Len() > 0 {
		t.Errorf("answer %d %s to one who doesn't wait", w.Code, w.Body)
	}
	if m := d.Messages(); len(m) != 2 || m[0].Address != "1" || m[0].Text != "a *b* https://c.example/d_e" {
		t.Errorf("messages %+v", m)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		url, body string
		status    int
		code      string
	}{
		"no JSON":           {URL("1"), `text`, 400, "50035"},
		"an unknown field":  {URL("1"), `{"content":"a","tts":true,` + nobody, 400, "50035"},
		"mentions":          {URL("1"), `{"content":"@everyone"}`, 400, "50035"},
		"mentions of all":   {URL("1"), `{"content":"@everyone","allowed_mentions":{"parse":["everyone"]}}`, 400, "50035"},
		"markup":            {URL("1"), `{"content":"*a*",` + nobody, 400, "50035"},
		"a stray backslash": {URL("1"), `{"content":"a\\b",` + nobody, 400, "50035"},
		"too long":          {URL("1"), `{"content":"` + strings.Repeat("a", 2001) + `",` + nobody, 400, "50035"},
		"empty":             {URL("1"), `{"content":" ",` + nobody, 400, "50006"},
		"another token":     {URL("1") + "x", `{"content":"a",` + nobody, 401, "50027"},
		"elsewhere":         {Origin + prefix + "1", `{"content":"a",` + nobody, 404, "0"},
		"a deleted webhook": {URL("9"), `{"content":"a",` + nobody, 404, "10015"},
	} {
		d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
		if w := post(h, c.url, c.body); w.Code != c.status || !strings.Contains(w.Body.String(), `"code":`+c.code) || d.Total().Accepted != 0 {
			t.Errorf("%s: answer %d %s, want %d %s", name, w.Code, w.Body, c.status, c.code)
		}
	}
	d, h := newTestServer(t, sandbox.Conduct{})
	for mode, want := range map[sandbox.Mode]int{sandbox.RateLimited: 429, sandbox.Unavailable: 503} {
		d.SetConduct(sandbox.Conduct{Mode: mode})
		if w := post(h, URL("1"), `{"content":"a"}`); w.Code != want {
			t.Errorf("%s: %d", mode, w.Code)
		}
	}
}

func del(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodDelete, strings.TrimPrefix(target, Origin), nil))
	return w
}

// TestDelete: there is one message of webhook 1, and one in its thread 7.
func TestDelete(t *testing.T) {
	const one, two = "/messages/1000000000000000001", "/messages/1000000000000000002"
	for name, c := range map[string]struct {
		target string
		status int
		code   string
	}{
		"it":                {URL("1") + one, 204, ""},
		"in its thread":     {URL("1") + two + "?thread_id=7", 204, ""},
		"without it":        {URL("1") + two, 404, "10008"},
		"another webhook's": {URL("2") + one, 404, "10008"},
		"no such message":   {URL("1") + "/messages/1000000000000000003", 404, "10008"},
		"an old message":    {URL("1") + "/messages/1", 404, "10008"},
		"no id":             {URL("1") + "/messages/first", 400, "50035"},
		"an unknown field":  {URL("1") + one + "?wait=true", 400, "50035"},
		"another token":     {URL("1") + "x" + one, 401, "50027"},
		"a deleted webhook": {URL("9") + one, 404, "10015"},
		"the webhook":       {URL("1"), 404, "0"},
	} {
		d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
		post(h, URL("1"), `{"content":"a",`+nobody)
		post(h, URL("1")+"?wait=true&thread_id=7", `{"content":"b",`+nobody)
		w := del(h, c.target)
		says := strings.Contains(w.Body.String(), `"code":`+c.code)
		if w.Code != c.status || says != (c.code != "") || (d.Total().Recalled == 1) != (c.code == "") {
			t.Errorf("%s: answer %d %s, %d taken back; want %d %s", name, w.Code, w.Body, d.Total().Recalled, c.status, c.code)
		}
		if again := del(h, c.target); again.Code == 204 || c.status == 204 && !strings.Contains(again.Body.String(), "10008") {
			t.Errorf("%s, once more: %d %s", name, again.Code, again.Body)
		}
	}
	_, h := newTestServer(t, sandbox.Conduct{})
	if w := post(h, URL("1")+one, `{"content":"a",`+nobody); w.Code != 404 {
		t.Errorf("a post to a message: %d", w.Code)
	}
}
