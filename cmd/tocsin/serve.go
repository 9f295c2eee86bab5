package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
)

type serveFlags struct {
	roles      string
	scale      float64
	start      string
	origin     string
	untilStdin bool
}

func (c *cli) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run Tocsin",
		Long: `Run Tocsin: take updates, tell customers, serve the API and the dashboard. It stops on an
interrupt or SIGTERM, when what is under way has been reported.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.roles, "roles", "all", "which roles to run: all, or some of dispatcher,lane,fallback,http")
	flags.Float64Var(&f.scale, "time-scale", 0, "how much faster than the clock on the wall time passes, for drills and demonstrations")
	flags.StringVar(&f.start, "time-start", "", "the time to begin with, as in 2026-05-04T18:00:00+03:00; needs --time-scale")
	flags.StringVar(&f.origin, "time-origin", "", "the wall clock's time at which it is --time-start (default now)")
	flags.BoolVar(&f.untilStdin, "until-stdin-closes", false, "stop when the standard input ends, so as never to outlive the parent process")
	_ = flags.MarkHidden("time-origin") // for a parent process that keeps the same clock
	return cmd
}

func (c *cli) serve(ctx context.Context, f serveFlags) error {
	c.tuneMemory()
	roles, err := parseRoles(f.roles)
	if err != nil {
		return err
	}
	clk, err := f.clock(time.Now())
	if err != nil {
		return err
	}
	log, err := c.logger()
	if err != nil {
		return err
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if f.untilStdin {
		var stop context.CancelFunc
		ctx, stop = untilEnds(ctx, c.stdin)
		defer stop()
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Specs: all.Specs(), Roles: roles, Clock: clk, Log: log, Version: version()})
	if err != nil {
		return err
	}
	c.greet(cfg, a.Endpoints())
	return a.Run(ctx)
}

// greet says where to look. The token stays out of it: this line ends up in logs.
func (c *cli) greet(cfg *app.Config, e app.Endpoints) {
	if e.HTTP == "" {
		line := fmt.Sprintf("tocsin runs on %s, NATS at %s", cfg.DataDir, cmp.Or(e.NATS, cfg.NATS.URL))
		if e.Metrics != "" {
			line += ", metrics and health at " + e.Metrics
		}
		c.say("%s", line)
		return
	}
	c.say("tocsin runs: dashboard at %s, log in with the link that `tocsin dashboard --data-dir %s` prints", e.HTTP, cfg.DataDir)
}

func parseRoles(list string) ([]app.Role, error) {
	if list == "all" {
		return app.Roles(), nil
	}
	var roles []app.Role
	for name := range strings.SplitSeq(list, ",") {
		role := app.Role(strings.TrimSpace(name))
		if !slices.Contains(app.Roles(), role) {
			return nil, usageError{fmt.Errorf("--roles: no role %q: all, or some of dispatcher, lane, fallback, http", name)}
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// clock makes the clock that the flags ask for.
func (f serveFlags) clock(now time.Time) (clock.Clock, error) {
	switch {
	case f.scale < 0:
		return clock.Clock{}, usageError{fmt.Errorf("--time-scale %v: must not be less than 0", f.scale)}
	case f.scale == 0 && f.start != "":
		return clock.Clock{}, usageError{errors.New("--time-start needs --time-scale")}
	case f.scale == 0:
		return clock.Clock{}, nil
	}
	start, err := parseTime("--time-start", f.start, now)
	if err != nil {
		return clock.Clock{}, err
	}
	origin, err := parseTime("--time-origin", f.origin, now)
	if err != nil {
		return clock.Clock{}, err
	}
	return scaledFrom(f.scale, start, origin, now), nil
}

// scaledFrom is a scaled clock that shows start at origin, which may be before or after now.
func scaledFrom(scale float64, start, origin, now time.Time) clock.Clock {
	passed := time.Duration(float64(now.Sub(origin)) * scale)
	return clock.Scaled(scale, start.Add(passed))
}

func parseTime(flag, value string, absent time.Time) (time.Time, error) {
	if value == "" {
		return absent, nil
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		return t, usageError{fmt.Errorf("%s %q: want a time with a zone, as in 2026-05-04T18:00:00+03:00", flag, value)}
	}
	return t, nil
}
