package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/web/statuspage"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// TestStatusPage: there is a page as soon as the lane has started; each of an incident's updates comes to
// it in each language, and it counts among those who were told. What is recalled leaves them.
func TestStatusPage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	w := newTownOf(t, clock.Clock{}, append(specs(), statuspage.Spec()), func(cfg map[string]any) {
		cfg["channels"].(map[string]any)["statuspage"] = map[string]any{
			"provider": "statuspage",
			"accounts": []map[string]string{{"address": "ro", "locale": "ro"}, {"address": "en", "locale": "en"}},
			"settings": map[string]any{"directory": dir, "url": "https://status.example.com", "zone": "Europe/Chisinau", "pages": []map[string]string{
				{"name": "ro", "locale": "ro", "title": "Banca", "area": "Moldova"}, {"name": "en", "locale": "en", "title": "Bank", "area": "Moldova"},
			}},
		}
	})
	awaitPage(t, filepath.Join(dir, "index.html"), "Toate sistemele funcționează")
	w.publish(incident.Investigating, 1, func(u *incident.Update) { u.Advice = incident.Text{"en": "Carry cash", "ro": "Luați numerar"} })
	if b := w.report(1).Updates[0].Balance; b.Reached != 2 || b.Audience != 2 {
		t.Errorf("balance %+v, want both pages reached", b)
	}
	awaitPage(t, filepath.Join(dir, "index.html"), "Cardurile nu merg (1).")
	awaitPage(t, filepath.Join(dir, "en", "index.html"), "Card payments fail (1).")
	awaitPage(t, filepath.Join(dir, "en", "status.json"), `"advice": "Carry cash."`)
	w.publish(incident.Resolved, 2, func(u *incident.Update) { u.ResolvedAt = &u.Time })
	if b := w.report(2).Updates[1].Balance; b.Reached != 2 {
		t.Errorf("balance %+v, want both pages reached", b)
	}
	awaitPage(t, filepath.Join(dir, "en", "index.html"), "All systems work")
	w.recall(0, 4)
	for _, name := range []string{"index.html", "en/index.html", "en/status.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || strings.Contains(string(raw), "(1)") || strings.Contains(string(raw), "(2)") {
			t.Errorf("%s still tells of what was recalled, or can't be read (%v):\n%s", name, err, raw)
		}
	}
}

// awaitPage waits until a page says something. What was sent is there at once; a lane takes its time to
// start.
func awaitPage(t *testing.T, path, says string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		raw, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(raw), says) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s doesn't say %q (%v):\n%s", path, says, err, raw)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
}
