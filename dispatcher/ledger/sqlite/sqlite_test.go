package sqlite_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/ledgertest"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, path string, o sqlite.Options) *sqlite.Ledger {
	t.Helper()
	l, err := sqlite.Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestSuite(t *testing.T) {
	asked := map[string]bool{}
	ledgertest.Run(t, func(t *testing.T) ledgertest.Store {
		l := open(t, filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{})
		t.Cleanup(func() { readsNoTableWhole(t, l, asked) })
		return l
	})
	if len(asked) < 50 {
		t.Errorf("only %d statements were seen", len(asked))
	}
}

func people(from, to int) []audience.Recipient {
	var rs []audience.Recipient
	for i := from; i < to; i++ {
		rs = append(rs, audience.Recipient{ID: fmt.Sprint("c-", i), Name: strings.Repeat("name ", 40), Locale: "ro"})
	}
	return rs
}

func TestReopenKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a ledger #1?.db") // a path is no URL
	l := open(t, path, sqlite.Options{})
	if err := l.PutRecipients(t.Context(), people(0, 3)); err != nil {
		t.Fatal(err)
	}
	if err := l.DeleteRecipient(t.Context(), "c-1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, path, sqlite.Options{})
	if n, err := l.CountRecipients(t.Context()); err != nil || n != 2 {
		t.Errorf("%d recipients after reopening, %v; want 2", n, err)
	}
	// Numbers are never given twice, so that an old notification can't come to mean somebody new.
	if err := l.PutRecipients(t.Context(), people(3, 4)); err != nil {
		t.Fatal(err)
	}
	rs, err := l.RecipientsAfter(t.Context(), 3, 100, 10, nil)
	if err != nil || len(rs) != 1 || rs[0].ID != "c-3" {
		t.Errorf("after number 3: %+v, %v", rs, err)
	}
}

func TestNoTwoLedgersAreTheSame(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"a.db", "b.db"} {
		id, err := open(t, filepath.Join(t.TempDir(), name), sqlite.Options{}).Identity(t.Context())
		if err != nil || seen[id] {
			t.Errorf("identity %q (%v)", id, err)
		}
		seen[id] = true
	}
}

func TestLedgerIsItsOwnersOnly(t *testing.T) {
	dir := t.TempDir()
	l := open(t, filepath.Join(dir, "ledger.db"), sqlite.Options{})
	if err := l.PutRecipients(t.Context(), people(0, 3)); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v; want the ledger and its log", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestTwoProcessesMayHaveItOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	a, b := open(t, path, sqlite.Options{}), open(t, path, sqlite.Options{})
	for i, l := range []*sqlite.Ledger{a, b, a} {
		if err := l.PutRecipients(t.Context(), people(i, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []*sqlite.Ledger{a, b} {
		if n, err := l.CountRecipients(t.Context()); err != nil || n != 3 {
			t.Errorf("%d recipients, %v; want 3", n, err)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no such folder", "ledger.db")
	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names %s", err, path)
	}
}

// TestPageSize: the bound in bytes is kept in pages, so their size must be what it is taken for.
func TestPageSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := open(t, path, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if size := binary.BigEndian.Uint16(header[16:]); size != 8192 { // https://sqlite.org/fileformat.html#the_database_header
		t.Errorf("pages of %d bytes, want 8192", size)
	}
}

func TestFullLedgerStaysUsable(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{MaxBytes: 1 << 20})
	var err error
	kept := 0
	for err == nil && kept < 100_000 {
		if err = l.PutRecipients(t.Context(), people(kept, kept+200)); err == nil {
			kept += 200
		}
	}
	if !errors.Is(err, ledger.ErrFull) || !strings.Contains(err.Error(), "max_bytes") {
		t.Fatalf("after %d recipients: %v; want ErrFull with the remedy", kept, err)
	}
	if n, err := l.CountRecipients(t.Context()); err != nil || n != int64(kept) {
		t.Errorf("%d recipients, %v; want the %d written whole", n, err, kept)
	}
	if err := l.Ping(t.Context()); !errors.Is(err, ledger.ErrFull) {
		t.Errorf("ping: %v, want ErrFull", err)
	}
	// What needs no room still works, and so does everything once there is room again.
	for i := range kept {
		if err := l.DeleteRecipient(t.Context(), fmt.Sprint("c-", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.PutRecipients(t.Context(), people(0, 100)), l.Ping(t.Context())); err != nil {
		t.Errorf("with room made: %v", err)
	}
}

// TestStalledReadersHoldUpNobody: people who take an export slowly, or not at all, keep no connection.
func TestStalledReadersHoldUpNobody(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{})
	if err := l.PutRecipients(t.Context(), people(0, 3)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for i := range 10 {
		next, stop := iter.Pull2(l.Recipients(ctx))
		defer stop()
		if r, err, ok := next(); err != nil || !ok || r.ID != "c-0" {
			t.Fatalf("reader %d: %+v, %v", i, r, err)
		}
	}
	if n, err := l.CountRecipients(ctx); err != nil || n != 3 {
		t.Errorf("beside ten stalled readers: %d, %v; want 3", n, err)
	}
}

func TestRecipientsAcrossPages(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{})
	if err := l.PutRecipients(t.Context(), people(0, 2000)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range l.Recipients(t.Context()) {
		if err != nil || r.ID != fmt.Sprint("c-", n) {
			t.Fatalf("recipient %d is %q, %v", n, r.ID, err)
		}
		n++
	}
	if n != 2000 {
		t.Errorf("%d recipients, want 2000", n)
	}
}

func TestOpenTooSmall(t *testing.T) {
	_, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{MaxBytes: 32 << 10})
	if !errors.Is(err, ledger.ErrFull) {
		t.Errorf("opening with no room for the schema: %v, want ErrFull", err)
	}
}

func TestClosedLedgerSaysSo(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Ping(t.Context()); err == nil {
		t.Error("a closed ledger answers")
	}
	if err := l.RecordRejection(t.Context(), ledger.Rejection{Team: "a", At: time.Now(), Faults: []incident.Fault{}}); err == nil {
		t.Error("a closed ledger takes a rejection")
	}
}

func BenchmarkLedger(b *testing.B) {
	ledgertest.Benchmark(b, func(b *testing.B) ledgertest.Store {
		return open(b, filepath.Join(b.TempDir(), "ledger.db"), sqlite.Options{})
	})
}
