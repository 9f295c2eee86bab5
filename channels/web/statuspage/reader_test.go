package statuspage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/web/statuspage/sim"
)

// read3 lays a site with some news on two of its pages, for the simulated reader.
func read3(t *testing.T) (reader sandbox.Simulator, dir string, messages int) {
	t.Helper()
	reader, dir = sim.Simulator(), t.TempDir()
	s := open(t, configOf(t, reader, dir))
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, page := range reader.Accounts[:2] {
		for _, m := range story(page) {
			m.Address = page
			mustSend(t, s, m)
			messages++
		}
	}
	return reader, dir, messages
}

func configOf(t *testing.T, reader sandbox.Simulator, dir string) string {
	t.Helper()
	settings, err := yaml.Marshal(reader.Settings(dir))
	if err != nil {
		t.Fatal(err)
	}
	return string(settings)
}

// TestReader: somebody who knows of the page only what is written about it finds all that was said.
func TestReader(t *testing.T) {
	reader, dir, messages := read3(t)
	got, err := reader.Count(dir)
	if want := (sandbox.Tally{Accepted: messages, Delivered: messages}); got != want || err != nil {
		t.Errorf("read %+v, %v, want %+v", got, err, want)
	}
}

// TestReaderNotices that something is amiss, so that a demo can't balance with it.
func TestReaderNotices(t *testing.T) {
	for _, c := range []struct {
		name, file string
		old, new   string
	}{
		{"a feed without its newest message", "en/feed.json", "urn:uuid:", "urn:uid:"},
		{"an Atom feed that is none", "ro/atom.xml", "</feed>", ""},
		{"an RSS feed that is none", "ro/rss.xml", "</rss>", ""},
		{"a status of another version", "ro/status.json", `"version": 1`, `"version": 2`},
		{"an update without a title", "ro/status.json", `"title": "A correction: card payments"`, `"title": ""`},
		{"an incident's page without its updates", "ro/incidents/" + topic("c") + ".html", "u-", "v-"},
	} {
		reader, dir, _ := read3(t)
		path := filepath.Join(dir, filepath.FromSlash(c.file))
		was := read(t, dir, c.file)
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(was, c.old, c.new)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Count(dir); err == nil || !strings.Contains(err.Error(), c.file[:2]) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	reader, dir, _ := read3(t)
	if err := os.Remove(filepath.Join(dir, "index.html")); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Count(dir); err == nil {
		t.Error("the missing first page was not noticed")
	}
}
