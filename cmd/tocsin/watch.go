package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// clearScreen moves to the top left corner and clears what is below (ECMA-48, CUP and ED).
const clearScreen = "\x1b[H\x1b[J"

// watch shows what changes until it is interrupted: on a terminal the list, redrawn, else a line for
// each update that got further.
func (c *cli) watch(ctx context.Context, given []string) error {
	api, err := c.api()
	if err != nil {
		return err
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	show := c.changes()
	if onTerminal(c.stdout) {
		show = func(list []ledger.IncidentSummary) {
			var b strings.Builder
			b.WriteString(clearScreen)
			_ = printIncidents(&b, list, zone)
			_, _ = fmt.Fprint(c.stdout, b.String())
		}
	}
	err = api.Watch(ctx, func(list []ledger.IncidentSummary) { show(only(list, given)) })
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // interrupted, as one ends this command
	}
	return err
}

// only leaves the incident that was asked for, if one was.
func only(list []ledger.IncidentSummary, keys []string) []ledger.IncidentSummary {
	if len(keys) == 0 {
		return list
	}
	for i := range list {
		if list[i].Team+"/"+list[i].ID == keys[0] {
			return list[i : i+1]
		}
	}
	return nil
}

// changes returns what prints a line for each update that is not as it was.
func (c *cli) changes() func([]ledger.IncidentSummary) {
	said := map[int64]string{}
	return func(list []ledger.IncidentSummary) {
		for i := range list {
			s := &list[i]
			for j := range s.Progress {
				u := &s.Progress[j]
				if line := progressLine(u); said[u.ID] != line {
					said[u.ID] = line
					c.say("%s/%s %s", s.Team, s.ID, line)
				}
			}
		}
	}
}
