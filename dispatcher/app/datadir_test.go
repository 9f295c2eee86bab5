package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// TestKilledServersEndpointsAreForgotten: what a killed server left is not taken for the next one's,
// which may already listen at the same address, but takes other tokens.
func TestKilledServersEndpointsAreForgotten(t *testing.T) {
	old := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(old.Close)
	c := app.Defaults()
	c.DataDir, c.HTTP.Listen, c.NATS.Listen = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	c.Cascade.Behind = nil
	c.Channels = app.Channels{{Name: "null", Provider: "null"}}
	left := []byte(`{"http": "` + old.URL + `", "token": "old"}`)
	if err := os.WriteFile(filepath.Join(c.DataDir, "server.json"), left, 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := app.ReadEndpoints(c.DataDir); err != nil || e.Token != "old" {
		t.Fatalf("what was left: %+v, %v", e, err)
	}
	a, err := app.New(t.Context(), app.Options{Config: c, Specs: specs(), Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := app.ReadEndpoints(c.DataDir); !errors.Is(err, app.ErrNotRunning) {
		t.Errorf("before the next server runs: %+v, %v, want ErrNotRunning", e, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestAnotherLedgerIsRefused: what an earlier ledger's messages became would be taken for this one's.
func TestAnotherLedgerIsRefused(t *testing.T) {
	c := app.Defaults()
	c.DataDir, c.HTTP.Listen, c.NATS.Listen = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	c.Cascade.Behind = nil
	c.Channels = app.Channels{{Name: "null", Provider: "null"}}
	start := func() error {
		a, err := app.New(t.Context(), app.Options{Config: c, Specs: specs(), Log: slog.New(slog.DiscardHandler), Version: "test"})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return a.Run(ctx)
	}
	for range 2 {
		if err := start(); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(c.DataDir, "ledger.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no ledger: %v", err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := start(); !errors.Is(err, bus.ErrOtherLedger) {
		t.Errorf("with a new ledger beside the old streams: error %v", err)
	}
	if err := os.RemoveAll(filepath.Join(c.DataDir, "nats")); err != nil {
		t.Fatal(err)
	}
	if err := start(); err != nil {
		t.Errorf("with neither: %v", err)
	}
}
