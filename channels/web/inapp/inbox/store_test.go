package inbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWithdrawnLeavesTheFile: once it was looked for what is over, a withdrawn text is nowhere on the disk, while the
// file is open too; and when the notice would have ended, there is nothing left of it.
func TestWithdrawnLeavesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inbox.db")
	s, err := openStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	onDisk := func() bool {
		file, err := os.ReadFile(path)
		log, err2 := os.ReadFile(path + "-wal")
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return strings.Contains(string(file)+string(log), "Quite another")
	}
	now := time.Unix(1_800_000_000, 0)
	n := posted{Ref: "r", Customer: "c", Locale: "en", Title: "T", Text: strings.Repeat("Quite another text. ", 500)} // more than a page of the file
	if _, _, err := s.add(t.Context(), n, now, now.Add(time.Hour), 10); err != nil || !onDisk() {
		t.Fatalf("%v, on the disk: %v", err, onDisk())
	}
	for _, want := range []bool{true, false} {
		if customer, there, err := s.withdraw(t.Context(), 1, "r", now); there != want || want && customer != "c" || err != nil {
			t.Errorf("withdrawn for %q, %v, %v; want %v", customer, there, err, want)
		}
	}
	if err := s.forget(t.Context(), now); err != nil || onDisk() {
		t.Errorf("%v, the text is on the disk: %v", err, onDisk())
	}
	for _, c := range []struct {
		after time.Duration
		known bool
	}{{0, true}, {time.Hour, false}} {
		if err := s.forget(t.Context(), now.Add(c.after)); err != nil {
			t.Fatal(err)
		}
		if all, err := s.withdrawn(t.Context(), "c", 1); (len(all) == 1) != c.known || err != nil {
			t.Errorf("after %v: %v, %v; want it known: %v", c.after, all, err, c.known)
		}
	}
}
