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
	d := sandbox.NewDesk(ctx, "teams", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, Simulator().HTTP(d)
}

func post(h http.Handler, url, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, strings.TrimPrefix(url, Origin), strings.NewReader(body)))
	return w
}

// documented is the body of https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook,
// with a card of rich text.
const documented = `{
  "type":"message",
  "attachments":[{
    "contentType":"application/vnd.microsoft.card.adaptive",
    "contentUrl":null,
    "content":{
      "$schema":"http://adaptivecards.io/schemas/adaptive-card.json",
      "type":"AdaptiveCard",
      "version":"1.4",
      "body":[
        {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "For Samples and Templates, see "},
          {"type": "TextRun", "text": "https://adaptivecards.io/samples", "selectAction": {"type": "Action.OpenUrl", "url": "https://adaptivecards.io/samples"}}]},
        {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "Bye"}]}
      ]
    }
  }]
}`

func TestCard(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	d.KeepMessages()
	if w := post(h, URL("ops"), documented); w.Code != http.StatusAccepted || w.Body.Len() > 0 {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if m := d.Messages(); len(m) != 1 || m[0].Address != "ops" || m[0].Text != "For Samples and Templates, see https://adaptivecards.io/samples\nBye" {
		t.Errorf("messages %+v", m)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		url, old, new string
		status        int
		code          string
	}{
		"no JSON":        {URL("a"), "{", "(", 400, "TriggerInputSchemaMismatch"},
		"unknown field":  {URL("a"), `"Bye"`, `"Bye","weight":"bolder"`, 400, "TriggerInputSchemaMismatch"},
		"old card":       {URL("a"), `"message"`, `"MessageCard"`, 400, "TriggerInputSchemaMismatch"},
		"another block":  {URL("a"), `"RichTextBlock"`, `"TextBlock"`, 400, "TriggerInputSchemaMismatch"},
		"another inline": {URL("a"), `"TextRun"`, `"Run"`, 400, "TriggerInputSchemaMismatch"},
		"empty run":      {URL("a"), `"Bye"`, `""`, 400, "TriggerInputSchemaMismatch"},
		"bad action":     {URL("a"), `Action.OpenUrl`, `Action.Submit`, 400, "TriggerInputSchemaMismatch"},
		"another type":   {URL("a"), `vnd.microsoft.card.adaptive`, `json`, 400, "TriggerInputSchemaMismatch"},
		"another secret": {strings.Replace(URL("a"), "pN0", "pN1", 1), "", "", 401, "AuthorizationFailed"},
		"elsewhere":      {"/", "", "", 404, "WorkflowNotFound"},
		"too large":      {URL("a"), "Bye", strings.Repeat("a", 28*1024), 413, "RequestEntityTooLarge"},
		"switched off":   {URL("a9"), "", "", 400, "WorkflowTriggerIsNotEnabled"},
	} {
		d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
		w := post(h, c.url, strings.Replace(documented, c.old, c.new, 1))
		if w.Code != c.status || !strings.Contains(w.Body.String(), `"`+c.code+`"`) || d.Total().Accepted != 0 {
			t.Errorf("%s: answer %d %s, want %d %s", name, w.Code, w.Body, c.status, c.code)
		}
	}
	d, h := newTestServer(t, sandbox.Conduct{})
	for mode, want := range map[sandbox.Mode]int{sandbox.RateLimited: 429, sandbox.Unavailable: 503} {
		d.SetConduct(sandbox.Conduct{Mode: mode})
		if w := post(h, URL("a"), documented); w.Code != want {
			t.Errorf("%s: %d", mode, w.Code)
		}
	}
}
