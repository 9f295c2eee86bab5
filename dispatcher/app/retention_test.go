package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// quietConfig is one without providers, on embedded stores.
func quietConfig(t *testing.T, keep string) *app.Config {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "tocsin.yaml")
	yaml := fmt.Sprintf(`{data_dir: %s, approval: none, channels: {sms: {provider: "null"}}, cascade: {behind: []}, ledger: {keep: %s},
		http: {metrics_listen: "127.0.0.1:0"}, nats: {listen: "127.0.0.1:0"}}`, filepath.Join(dir, "data"), keep)
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := app.Load(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// past writes an update that ended at a time, for one customer who could not be told.
func past(t *testing.T, l app.Store, key string, now time.Time) {
	t.Helper()
	u := incident.Update{Source: "/test", EventID: key, Time: now, Data: incident.Data{
		Team: "ops", Incident: key, Kind: incident.Outage, Status: incident.Resolved, Impact: incident.Major, StartedAt: now,
	}}
	_, err := l.RecordUpdate(t.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{Update: u, State: ledger.Approved, ReceivedAt: now, Incident: incident.Incident{Team: "ops", ID: key}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	next, err := l.NextToPlan(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	err = l.CommitPage(t.Context(), ledger.Page{Update: next.ID, Cursor: next.Until, Last: true, Now: now, Notifications: []ledger.NewNotification{
		{Recipient: 1, Locale: "en", Outcome: notification.Suppressed, Reason: notification.NoConsent},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// filled is a configuration with a ledger of updates from so many days ago.
func filled(t *testing.T, keep string, days ...int) *app.Config {
	t.Helper()
	cfg := quietConfig(t, keep)
	l, done, err := app.OpenLedger(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.PutRecipients(t.Context(), []audience.Recipient{{ID: "c-1", Locale: "en"}}); err != nil {
		t.Fatal(err)
	}
	for _, n := range days {
		past(t, l, fmt.Sprint(n, "-days"), time.Now().AddDate(0, 0, -n))
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestPrune(t *testing.T) {
	cfg := filled(t, "0", 500, 450, 10)
	keep, err := clock.ParseSpan("400d")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Prune(t.Context(), cfg, 0, time.Now()); err == nil {
		t.Error("pruned though all is to be kept for ever")
	}
	d, err := app.Prune(t.Context(), cfg, keep, time.Now())
	if err != nil || d.Updates != 2 || d.Rows != 2 || d.OldestKept.Before(time.Now().AddDate(0, 0, -11)) {
		t.Errorf("pruned %+v, %v; want the rows of two updates", d, err)
	}
	if d, err = app.Prune(t.Context(), cfg, keep, time.Now()); err != nil || !d.Nothing() {
		t.Errorf("again: %+v, %v", d, err)
	}
	auditLedger(t, cfg)
}

// TestServerDropsOldRows: with ledger.keep a server drops what is older; its metrics and health are
// served though it has no http role.
func TestServerDropsOldRows(t *testing.T) {
	cfg := filled(t, "400d", 500, 10)
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, app.Options{Config: cfg, Specs: specs(), Roles: []app.Role{app.Dispatcher, app.Fallback}, Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	url := a.Endpoints().Metrics
	bustest.Eventually(t, "old rows are dropped", func() bool { return strings.Contains(metrics(t, url), "\ntocsin_ledger_dropped_rows_total 1\n") })
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/v1/incidents": http.StatusNotFound} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("%s answers %d, want %d", path, resp.StatusCode, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	auditLedger(t, cfg)
}
