package inbox

import (
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWithdrawnLeavesTheFile: once it was looked for what is over, a withdrawn text is nowhere on the disk, while the
// file is open too. That it was withdrawn is known for a week, also where the notice would have ended or newer ones would
// have pushed it out; then there is nothing left of it.
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
	for _, ref := range []string{"r2", "r3"} {
		n.Ref = ref
		if _, _, err := s.add(t.Context(), n, now, now.Add(time.Hour), 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		after time.Duration
		known bool
	}{{0, true}, {time.Hour, true}, {7*24*time.Hour - time.Second, true}, {7 * 24 * time.Hour, false}} {
		if err := s.forget(t.Context(), now.Add(c.after)); err != nil {
			t.Fatal(err)
		}
		if all, err := s.withdrawn(t.Context(), "c", 1); (len(all) == 1) != c.known || err != nil {
			t.Errorf("after %v: %v, %v; want it known: %v", c.after, all, err, c.known)
		}
	}
}

// TestGoneForGood: nobody is told that a notice is gone before that is on the disk, not when it is asked again either;
// the pages that show it are told all the same.
func TestGoneForGood(t *testing.T) {
	const key = "key-key-key-key-key-key-key-key-key-key"
	s, err := New(t.Context(), Options{Path: filepath.Join(t.TempDir(), "inbox.db"), Key: key, Secret: "secret-secret-secret-secret-secret-secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	now := s.Now()
	if _, _, err := s.store.add(t.Context(), posted{Ref: "r", Customer: "c", Locale: "en", Title: "T", Text: "x"}, now, now.Add(time.Hour), 10); err != nil {
		t.Fatal(err)
	}
	woken, leave := s.hub.join("c")
	defer leave()
	works, broken := s.store.outlast, func() error { return errors.New("the disk is broken") }
	for n, c := range []struct {
		outlast func() error
		status  int
	}{{broken, 503}, {broken, 503}, {works, 404}} {
		s.store.outlast = c.outlast
		r := httptest.NewRequest(http.MethodDelete, "/v1/notices/1?ref=r", nil)
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("answer %d is %d %s, want %d", n+1, w.Code, w.Body, c.status)
		}
	}
	if len(woken) != 1 {
		t.Error("the pages that show it are not told")
	}
}

// TestForgetBesideABackup: who else reads the file is not waited for, and it is told that something stays until that ends.
func TestForgetBesideABackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inbox.db")
	s, err := openStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	backup, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(backup.Close(), s.close()); err != nil {
			t.Error(err)
		}
	}()
	reading, err := backup.BeginTx(t.Context(), nil)
	var n int
	if err == nil {
		err = reading.QueryRowContext(t.Context(), `SELECT count(*) FROM notices`).Scan(&n)
	}
	now := time.Unix(1_800_000_000, 0)
	_, _, err2 := s.add(t.Context(), posted{Ref: "r", Customer: "c", Locale: "en", Title: "T", Text: "x"}, now, now.Add(time.Hour), 10)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if err := s.forget(t.Context(), now); err == nil || !strings.Contains(err.Error(), "reads the file") {
		t.Errorf("forget: %v, want it told that the file is read", err)
	}
	if err := s.db.QueryRowContext(t.Context(), `PRAGMA busy_timeout`).Scan(&n); err != nil || n != busyTimeout {
		t.Errorf("others are waited for %d ms, %v; want %d", n, err, busyTimeout)
	}
	if err := reading.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.forget(t.Context(), now); err != nil {
		t.Errorf("forget after the backup: %v", err)
	}
}
