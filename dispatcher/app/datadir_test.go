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
