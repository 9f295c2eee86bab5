package templates

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// strange returns a placeholder that no text of ours asks for, "" if there is none.
func strange(c notification.Content) string {
	for name := range placeholders(&c) {
		if name != "name" && name != alternative && !strings.HasPrefix(name, "time.") {
			return name
		}
	}
	return ""
}

func FuzzRender(f *testing.F) {
	r, reader := renderer(f), in("Asia/Tokyo", "balti")
	f.Add("Cards fail", "Use cash", "https://a.example/x", 1, 0)
	f.Add("\uFDD061.62\uFDD1<b>&\n\n- x", "\uFDD2: y", "javascript:x", 2, 60)
	f.Fuzz(func(t *testing.T, summary, advice, link string, status, minutes int) {
		all := story()
		u := all[(status%len(all)+len(all))%len(all)]
		u.Short = nil
		u.Summary, u.Advice, u.Link = incident.Text{"ro": summary}, incident.Text{"ro": advice}, link
		u.Alternatives = map[string]incident.Text{"balti": {"ro": link}}
		u.NextUpdateAt = new(u.Time.Add(time.Duration(minutes) * time.Minute))
		for _, kind := range Kinds() {
			c, err := r.Render(u, kind, "ro")
			if _, ok := errors.AsType[*MissingError](err); ok && clean(summary) == "" {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(required(c)) > 0 || strange(c) != "" {
				t.Errorf("foreign text made placeholders: %+v", c.Text)
			}
			text := read(t, &c, c.Text, reader)
			if text == "" || strings.Contains(text, "\n\n\n") || strings.ContainsFunc(text, isMarker) {
				t.Errorf("text %q", text)
			}
			if html := read(t, &c, c.HTML, reader); strings.Contains(html, "<script") || strings.Contains(strings.ToLower(html), `href="javascript`) {
				t.Errorf("HTML %s", html)
			}
		}
	})
}
