package all

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const contributing = "../../CONTRIBUTING.md"

// excerpts are the pieces of files that CONTRIBUTING.md shows, by file.
func excerpts(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(contributing)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, block := range regexp.MustCompile("(?s)```diff\n\\+\\+\\+ (.*?)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for piece := range strings.SplitSeq(block[2], "@@\n") {
			var lines []string
			for line := range strings.Lines(piece) {
				if line[0] != '+' && line[0] != ' ' {
					t.Errorf("%s: %q is no line of a diff that adds something", block[1], line)
				}
				lines = append(lines, line[1:])
			}
			all[block[1]] = append(all[block[1]], strings.Join(lines, ""))
		}
	}
	return all
}

// TestExcerptsAreTrue keeps the example in CONTRIBUTING.md as the files are.
func TestExcerptsAreTrue(t *testing.T) {
	shown := excerpts(t)
	for _, file := range []string{"channels/messenger/discord/discord.go", "channels/messenger/discord/sim/sim.go", "channels/messenger/discord/conformance_test.go", "channels/all/all.go", "channels/README.md"} {
		if len(shown[file]) == 0 {
			t.Errorf("%s is not shown", file)
		}
	}
	for file, pieces := range shown {
		text, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(file)))
		if err != nil {
			t.Error(err)
		}
		for _, piece := range pieces {
			if !strings.Contains(string(text), strings.TrimSuffix(piece, "\n")) {
				t.Errorf("CONTRIBUTING.md shows what is not in %s (any more):\n%s", file, piece)
			}
		}
	}
}

// TestFolderIsListed: CONTRIBUTING.md names every file of its example.
func TestFolderIsListed(t *testing.T) {
	text, err := os.ReadFile(contributing)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = filepath.WalkDir("../messenger/discord", func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
			if name := "channels/messenger/discord/" + filepath.ToSlash(strings.TrimPrefix(path, filepath.FromSlash("../messenger/discord/"))); !strings.Contains(string(text), name) {
				t.Errorf("%s is not listed", name)
			}
		}
		return err
	})
	if err != nil || n < 5 {
		t.Errorf("%d files, %v", n, err)
	}
}
