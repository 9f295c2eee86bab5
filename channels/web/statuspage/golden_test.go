package statuspage

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

// made are the files of the example's site after some messages in each of two languages.
func made(t testing.TB, s *sender, messages []channels.Message) map[string]string {
	t.Helper()
	files, err := s.site.files(map[string]memory{"en": {incidents: remembered(messages...)}, "ru": {incidents: remembered(messages...)}}, s.now(), "")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range files {
		if _, twice := all[f.path]; twice {
			t.Errorf("%s is made twice", f.path)
		}
		all[f.path] = string(f.data)
	}
	return all
}

// TestGolden compares what is published with testdata/site, which can be looked at in a browser.
func TestGolden(t *testing.T) {
	messages := story("en")
	all := made(t, open(t, example), messages)
	last := remembered(messages[len(messages)-1])[0].last()
	for _, path := range []string{
		"index.html", "en/index.html", "ru/index.html", "en/incidents/" + topic("c") + ".html", "en/incidents/" + topic("a") + ".json",
		"en/status.json", "en/atom.xml", "en/rss.xml", "en/feed.json", "en/cap.xml", "en/" + alertPath(last.ID),
	} {
		file := filepath.Join("testdata", "site", filepath.FromSlash(path))
		if *rewrite {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(all[path]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), all[path]); diff != "" {
			t.Errorf("%s (want -, got +):\n%s", path, diff)
		}
	}
}

// TestOrderDoesNotMatter: messages in any order, some of them more than once, end in the same site; but for
// the alerts, which are never changed and so say what was known.
func TestOrderDoesNotMatter(t *testing.T) {
	s := open(t, "directory: /d\nurl: https://s.example\npages: [{name: en, locale: en, title: T, area: A}]\n")
	messages := story("en")
	want := made(t, s, messages)
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.Permutation(messages).Draw(rt, "order")
		order = append(order, rapid.SliceOfN(rapid.SampledFrom(messages), 0, 4).Draw(rt, "again")...)
		got := made(t, s, order)
		for path, data := range want {
			if got[path] != data && !strings.Contains(path, "/cap/") {
				rt.Fatalf("%s depends on the order", path)
			}
		}
	})
}

// TestHistoryEnds: what is over leaves the page after its time, and keeps its own; what is not, stays.
func TestHistoryEnds(t *testing.T) {
	s := open(t, example)
	s.now = func() time.Time { return day(20, 10, 50).AddDate(0, 0, 91) }
	all := made(t, s, story("en"))
	if strings.Contains(all["en/index.html"], "It is over") || strings.Contains(all["en/status.json"], "It is over") {
		t.Error("what is long over is still on the page")
	}
	if !strings.Contains(all["en/incidents/"+topic("a")+".html"], "It is over") {
		t.Error("its own page is gone")
	}
	if !strings.Contains(all["en/index.html"], "Cause found") {
		t.Error("what goes on is not on the page any more")
	}
}

// TestFilesEndWithThePage: a reader who sees the news on the page can follow every link from it.
func TestFilesEndWithThePage(t *testing.T) {
	s := open(t, example)
	files, err := s.site.files(map[string]memory{"en": {incidents: remembered(story("en")...)}}, s.now(), "")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, f := range files {
		kinds = append(kinds, filepath.Ext(f.path))
	}
	if first := slices.Index(kinds, ".html"); slices.Contains(kinds[first:], ".xml") || slices.Contains(kinds[first:], ".json") {
		t.Errorf("data are written after pages: %v", kinds)
	}
	if last := files[len(files)-1].path; last != "index.html" {
		t.Errorf("the last file is %s, want index.html", last)
	}
}
