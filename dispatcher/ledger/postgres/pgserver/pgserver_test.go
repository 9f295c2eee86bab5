package pgserver

import (
	"context"
	"os"
	"testing"
)

// TestAServerIsKilledAndStartsAgain on what was committed.
func TestAServerIsKilledAndStartsAgain(t *testing.T) {
	dir, err := os.MkdirTemp("", "tocsin-pg") // one of the test's would be closed to the user postgres
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	start := func() {
		t.Helper()
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	start()
	if err := s.Admin(t.Context(), "CREATE TABLE kept (n int)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Admin(t.Context(), "SELECT 1"); err == nil {
		t.Error("a server that was killed answers")
	}
	start()
	if err := s.Admin(t.Context(), "INSERT INTO kept VALUES (1)"); err != nil {
		t.Errorf("after the kill: %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	start()
	if err := s.Admin(context.WithoutCancel(t.Context()), "DROP TABLE kept"); err != nil {
		t.Errorf("after the stop: %v", err)
	}
}
