package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// books are what commands read incidents from: the running server's API, or the ledger itself.
type books interface {
	Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error)
	Incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error)
	Rejections(ctx context.Context, limit int) ([]ledger.Rejection, error)
	Report(ctx context.Context, team, id string) (ledger.Report, error)
}

// openBooks returns the server's API while one runs, and the ledger otherwise, with the function that
// closes it, and the time zone in which to say times.
func (c *cli) openBooks(ctx context.Context) (b books, zone *time.Location, done func() error, err error) {
	cfg, err := c.config()
	if err != nil {
		return nil, nil, nil, err
	}
	if zone, err = time.LoadLocation(cfg.Zone); err != nil {
		return nil, nil, nil, fmt.Errorf("zone: %w", err)
	}
	e, err := app.ReadEndpoints(cfg.DataDir)
	switch {
	case err == nil && e.HTTP != "":
		return httpapi.NewClient(e.HTTP, e.Token), zone, func() error { return nil }, nil
	case err != nil && !errors.Is(err, app.ErrNotRunning):
		return nil, nil, nil, err
	}
	l, done, err := app.OpenLedger(ctx, cfg)
	return l, zone, done, err
}
