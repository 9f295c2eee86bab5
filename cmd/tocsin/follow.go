package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// followEvery is how often progress is looked at.
const followEvery = 250 * time.Millisecond

// follow shows how the updates go, until every one is closed. It fails if one was refused or waits
// for approval, since waiting longer would be in vain.
func (c *cli) follow(ctx context.Context, api *httpapi.Client, events []event) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	said := map[string]string{}
	for {
		open := 0
		for _, e := range events {
			line, done, err := followed(ctx, api, e)
			if err != nil {
				return err
			}
			if line != "" && said[e.update.EventID] != line {
				said[e.update.EventID] = line
				c.say("%s", line)
			}
			if !done {
				open++
			}
		}
		if open == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// followed says how one update stands; done is true when nothing more will happen to it.
func followed(ctx context.Context, api *httpapi.Client, e event) (line string, done bool, err error) {
	s, err := api.Incident(ctx, e.update.Team, e.update.Incident)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return "", false, err
	}
	i := slices.IndexFunc(s.Progress, func(u ledger.UpdateProgress) bool { return u.EventID == e.update.EventID })
	if err != nil || i < 0 {
		return "", false, refused(ctx, api, e)
	}
	u := &s.Progress[i]
	switch u.State {
	case ledger.Held:
		return "", false, fmt.Errorf("update %d is held: let it go with `tocsin approve %d`", u.ID, u.ID)
	case ledger.NotAnnounced:
		return fmt.Sprintf("update %d is kept but not announced: it is %s", u.ID, u.Reason), true, nil
	case ledger.Closed:
		return progressLine(u), true, nil
	}
	return progressLine(u), false, nil
}

// refused looks for an update among those that were refused.
func refused(ctx context.Context, api *httpapi.Client, e event) error {
	rejections, err := api.Rejections(ctx, 100)
	if err != nil {
		return err
	}
	for _, r := range rejections {
		if !bytes.Equal(r.Body, e.body) {
			continue
		}
		return fmt.Errorf("update %s was refused: %w", e.update.EventID, &incident.FaultError{Faults: r.Faults})
	}
	return nil
}

// progressLine says how far an update is.
func progressLine(u *ledger.UpdateProgress) string {
	line := fmt.Sprintf("update %d %s: %s of %s reached", u.ID, u.Status,
		thousands(u.Count("*", notification.Reached.String())), thousands(u.Audience))
	var rest []string
	for _, o := range []notification.Outcome{notification.Unreachable, notification.Suppressed, notification.Superseded} {
		if n := u.Count("*", o.String()); n > 0 {
			rest = append(rest, thousands(n)+" "+o.String())
		}
	}
	if u.Open > 0 {
		rest = append(rest, thousands(u.Open)+" open")
	}
	if u.State != ledger.Closed && u.State != ledger.Sending {
		rest = append(rest, words(string(u.State)))
	}
	if u.Reason != "" {
		rest = append(rest, u.Reason)
	}
	if len(rest) == 0 {
		return line
	}
	return line + ", " + strings.Join(rest, ", ")
}
