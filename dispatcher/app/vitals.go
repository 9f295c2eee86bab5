package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

// makeVitals serves metrics and health where there is no http role that does, if an address is
// configured. The port is taken here, so that one in use is found before anything starts.
func (a *App) makeVitals() error {
	if a.Config.HTTP.MetricsListen == "" {
		return nil
	}
	l, err := net.Listen("tcp", a.Config.HTTP.MetricsListen)
	if err != nil {
		return fmt.Errorf("http.metrics_listen: %w; stop what listens there or choose another address", err)
	}
	a.cleanup.add("metrics listener", func() error { return ignoreClosed(l.Close()) })
	a.endpoints.Metrics = "http://" + l.Addr().String()
	vitals := httpapi.NewVitals(a.registry, a.ready, a.Version)
	a.runs = append(a.runs, run{"metrics", func(ctx context.Context) error { return serve(ctx, l, newServer(vitals)) }})
	return nil
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
}

// drainHTTP bounds how long requests under way may take once the process is told to stop.
const drainHTTP = 10 * time.Second

// serve serves until ctx ends; then requests under way are answered.
func serve(ctx context.Context, l net.Listener, srv *http.Server) error {
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainHTTP)
	defer cancel()
	var err error
	if srv.Shutdown(bounded) != nil {
		err = srv.Close() // somebody keeps a request open; their loss
	}
	<-served
	return err
}

// ready says what does not answer, or has no room, of what this process needs: NATS, and the ledger if it
// uses one.
func (a *App) ready(ctx context.Context) error {
	var errs []error
	if a.ledger != nil {
		if err := a.ledger.Ping(ctx); err != nil {
			errs = append(errs, fmt.Errorf("ledger: %w", err))
		}
	}
	if err := a.bus.Healthy(ctx); err != nil {
		errs = append(errs, fmt.Errorf("nats: %w", err))
	} else if err := a.bus.Room(ctx); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
