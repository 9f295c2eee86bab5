package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates"
)

type overrunFlags struct {
	as, impact, back, confidence string
	next                         time.Duration
	summary                      map[string]string
}

func (c *cli) overrunCommand() *cobra.Command {
	f := overrunFlags{}
	cmd := &cobra.Command{
		Use:   "overrun TEAM/ID",
		Short: "Turn a maintenance that did not end as planned into an incident",
		Long: `Turn a maintenance that did not end as planned into an outage, TEAM/ID-overrun: it began at the planned
end, apologises for that, and affects whom the maintenance affects. The maintenance is merged into it, so
that its updates go to everybody who was told of the maintenance as well, up to the end. Publish what more
there is to say, and the end, as updates of the new incident. Approval holds for it as for any other.`,
		Example: "  tocsin overrun core/migration-7 --estimate 2h\n  tocsin overrun core/migration-7 --summary 'en=The upgrade takes longer: card payments fail.'",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return c.overrun(cmd.Context(), given[0], &f)
		},
	}
	flags := cmd.Flags()
	flags.StringToStringVar(&f.summary, "summary", nil, "what to say, by language: en=TEXT (default that the work takes longer)")
	flags.StringVar(&f.impact, "impact", "", "minor, major or critical (default the maintenance's)")
	flags.StringVar(&f.back, "estimate", "", "in how long service is expected back, as in 90m (default none)")
	flags.StringVar(&f.confidence, "confidence", "low", "how sure the estimate is: low, medium or high")
	flags.DurationVar(&f.next, "next", 30*time.Minute, "in how long the next update is promised")
	flags.StringVar(&f.as, "as", "", "id of the new incident (default ID-overrun)")
	return cmd
}

func (c *cli) overrun(ctx context.Context, given string, f *overrunFlags) error {
	team, id, err := parseKey(given)
	if err != nil {
		return err
	}
	api, err := c.api()
	if err != nil {
		return err
	}
	s, err := api.Incident(ctx, team, id)
	if err != nil {
		return noSuch(given, err)
	}
	now := time.Now().UTC()
	if err := overran(&s.Incident, now); err != nil {
		return fmt.Errorf("%s: %w", given, err)
	}
	into := f.as
	if into == "" {
		into = id + "-overrun"
	}
	return c.publishOverrun(ctx, api, &s.Incident, into, f, now)
}

// overran says why an incident can't be turned into an overrun.
func overran(i *incident.Incident, now time.Time) error {
	switch {
	case i.Kind != incident.Maintenance:
		return errors.New("is no maintenance")
	case i.MergedInto != "":
		return fmt.Errorf("is merged into %s already; publish updates of that", i.MergedInto)
	case i.Over():
		return fmt.Errorf("is %s; what fails now is an outage of its own: publish it", words(string(i.Status)))
	case i.EndsAt == nil:
		return errors.New("has no planned end")
	case now.Before(*i.EndsAt):
		return fmt.Errorf("is planned until %s; if it will take longer, publish an update with another ends_at", i.EndsAt.Format(time.RFC3339))
	}
	return nil
}

// publishOverrun publishes the outage, unless it is there, and then what merges the maintenance into it.
func (c *cli) publishOverrun(ctx context.Context, api *httpapi.Client, m *incident.Incident, into string, f *overrunFlags, now time.Time) error {
	outage, err := overrunUpdate(m, into, f, now)
	if err != nil {
		return err
	}
	merging := mergingUpdate(m, into, now)
	for _, u := range []*incident.Update{outage, merging} {
		body, err := incident.Encode(*u)
		if err != nil {
			return overrunFault(err)
		}
		if u == outage {
			if there, err := api.Incident(ctx, m.Team, into); err == nil {
				if err := becameOf(&there.Incident, m); err != nil {
					return err
				}
				c.say("%s/%s is there already", m.Team, into)
				continue
			} else if !errors.Is(err, ledger.ErrNotFound) {
				return err
			}
		}
		if err := api.Publish(ctx, body); err != nil {
			return fmt.Errorf("publishing %s: %w", u.EventID, err)
		}
		c.say("published: %s/%s %s (id %s)", u.Team, u.Incident, u.Status, u.EventID)
	}
	c.say("%s/%s is merged into %s/%s; `tocsin incidents %s/%s` says whether it waits for approval", m.Team, m.ID, m.Team, into, m.Team, into)
	return nil
}

// becameOf says why an incident that is there can't be what a maintenance has become: whoever was told of the
// maintenance would be told of something else.
func becameOf(there, m *incident.Incident) error {
	switch {
	case there.Kind != incident.Outage || there.ID == m.ID || m.EndsAt == nil || !there.StartedAt.Equal(*m.EndsAt):
		return fmt.Errorf("%s/%s is there already, and did not begin when %s was to end: choose another id with --as; "+
			"if it is the same trouble, publish an update of the maintenance with merged_into: %s", there.Team, there.ID, m.ID, there.ID)
	case there.Over():
		return fmt.Errorf("%s/%s is %s already: choose another id with --as", there.Team, there.ID, words(string(there.Status)))
	}
	return nil
}

func overrunFault(err error) error {
	if bad, ok := errors.AsType[*incident.FaultError](err); ok && strings.HasPrefix(bad.Faults[0].Path, "data.incident") {
		return usageError{errors.New("the new incident's id must be 1 to 64 of the characters a-z, 0-9, '-' and '_': choose one with --as")}
	}
	return err
}

// overrunUpdate is the first update of the outage that a maintenance has become.
func overrunUpdate(m *incident.Incident, into string, f *overrunFlags, now time.Time) (*incident.Update, error) {
	u := &incident.Update{Source: "tocsin-cli/" + m.Team, EventID: "overrun/" + m.ID + "/" + into, Time: now, Data: incident.Data{
		Team: m.Team, Incident: into, Kind: incident.Outage, Status: incident.Identified, Impact: m.Impact,
		StartedAt: *m.EndsAt, MissedEstimate: m.EndsAt,
	}}
	u.Summary, u.Short = templates.Overrun()
	if len(f.summary) > 0 {
		u.Summary, u.Short = f.summary, nil
	}
	if m.Affects != nil {
		u.Affects = *m.Affects
	}
	if f.impact != "" {
		u.Impact = incident.Impact(f.impact)
	}
	if f.next > 0 {
		u.NextUpdateAt = new(now.Add(f.next).Truncate(time.Minute))
	}
	if f.back != "" {
		d, err := clock.ParseSpan(f.back)
		if err != nil {
			return nil, usageError{fmt.Errorf("--estimate: %w", err)}
		}
		u.Estimate = &incident.Estimate{At: now.Add(d.Duration()).Truncate(time.Minute), Confidence: f.confidence}
	}
	return u, nil
}

// mergingUpdate merges the maintenance into the outage that it has become, and says nothing itself.
func mergingUpdate(m *incident.Incident, into string, now time.Time) *incident.Update {
	status := incident.InProgress // of one that nobody has said to have begun, too
	if m.Status == incident.Verifying {
		status = m.Status
	}
	u := &incident.Update{Source: "tocsin-cli/" + m.Team, EventID: "overrun-merge/" + m.ID + "/" + into, Time: now, Data: incident.Data{
		Team: m.Team, Incident: m.ID, Kind: m.Kind, Status: status, Impact: m.Impact, StartedAt: m.StartedAt, EndsAt: m.EndsAt, MergedInto: into,
	}}
	if m.Affects != nil {
		u.Affects = *m.Affects
	}
	return u
}
