package playbook

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func TestSourceIsAFileSystem(t *testing.T) {
	s, err := readSource(folder(map[string]string{
		"a/playbook.yaml": "x", "a/en/sms.tmpl": "y", "a/README.md": "no", "a/.git/HEAD": "no", ".hidden": "no", "a/en/sms.tmpl~": "no", "b/playbook.yaml": "z",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(s, "a/playbook.yaml", "a/en/sms.tmpl", "b/playbook.yaml"); err != nil {
		t.Error(err)
	}
	if len(s.files) != 3 {
		t.Errorf("holds %v", s.files)
	}
}

func TestSourceIsBounded(t *testing.T) {
	if _, err := readSource(folder(map[string]string{"a/x": strings.Repeat("x", maxFile+1)})); err == nil || !strings.Contains(err.Error(), "a/x is larger than") {
		t.Errorf("a large file: %v", err)
	}
	many := map[string]string{}
	for i := range maxFiles + 1 {
		many[fmt.Sprint("a/", i)] = ""
	}
	if _, err := readSource(folder(many)); err == nil || !strings.Contains(err.Error(), "more than 5000 files") {
		t.Errorf("many files: %v", err)
	}
}

// The hash tells what belongs to which name.
func TestSourceHash(t *testing.T) {
	hashes := map[string]string{}
	for _, files := range []map[string]string{{"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "bc", "d": ""}, {}} {
		s, err := readSource(folder(files))
		if err != nil {
			t.Fatal(err)
		}
		h := s.hash("")
		if hashes[h] != "" || s.hash("x") == h {
			t.Errorf("%v has the hash of %s", files, hashes[h])
		}
		hashes[h] = fmt.Sprint(files)
	}
}
