package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
)

// recipientIn reads a ledger through a view.
func recipientIn(t *testing.T, path string) string {
	t.Helper()
	l, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var id string
	err = l.View(t.Context(), func(v ledger.View) error {
		rs, err := v.RecipientsKept(t.Context(), []int64{1})
		if len(rs) > 0 {
			id = rs[0].ID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestOpenReadOnly reads beside a writer, after it has stopped, and after it was killed.
func TestOpenReadOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.db")
	l := open(t, path, sqlite.Options{})
	if err := l.PutRecipients(t.Context(), people(0, 1)); err != nil {
		t.Fatal(err)
	}
	if id := recipientIn(t, path); id != "c-0" {
		t.Errorf("beside the writer: %q", id)
	}
	killed := t.TempDir()
	for _, name := range []string{"ledger.db", "ledger.db-wal"} { // what a kill leaves, with rows in the log only
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(killed, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if id := recipientIn(t, filepath.Join(killed, "ledger.db")); id != "c-0" {
		t.Errorf("after a kill: %q", id)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if id := recipientIn(t, path); id != "c-0" {
		t.Errorf("at rest: %q", id)
	}
}

func TestReadOnlyWritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := open(t, path, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	l, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := l.PutRecipients(t.Context(), people(0, 1)); err == nil || !strings.Contains(err.Error(), "reading only") {
		t.Errorf("a write: %v", err)
	}
}

func TestOpenReadOnlySaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	change := func(name string, statements ...string) string {
		path := filepath.Join(dir, name)
		if err := open(t, path, sqlite.Options{}).Close(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.db"):                                                             "none.db: no such file",
		change("old.db", `DELETE FROM goose_db_version WHERE version_id > 1`):                     "its schema has version 1",
		change("new.db", `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`): "its schema has version 999",
		change("other.db", `DROP TABLE goose_db_version`):                                         "it is no ledger",
	} {
		l, err := sqlite.OpenReadOnly(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err == nil {
			_ = l.Close()
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none.db")); err == nil {
		t.Error("a ledger was made where there was none")
	}
}
