package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
)

func (c *cli) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, and show what it amounts to",
		Long:  "Check the configuration, and show what it amounts to. Nothing is opened and nobody is contacted.",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := c.config()
			if err != nil {
				return err
			}
			if err := app.Check(cfg, all.Specs()); err != nil {
				return err
			}
			if err := c.describe(cfg); err != nil {
				return err
			}
			for _, w := range append(warnings(cfg), playbookWarnings(cfg)...) {
				c.say("warning: %s", w)
			}
			c.say("the configuration is good")
			return nil
		},
	}
}

func (c *cli) describe(cfg *app.Config) error {
	c.say("data directory   %s", cfg.DataDir)
	c.say("ledger           %s", cfg.LedgerPlace())
	c.say("dashboard, API   http://%s", cfg.HTTP.Listen)
	c.say("NATS             %s", cfg.NATS.Where())
	c.say("approval         %s", cfg.Approval)
	c.say("playbooks        %s", orNone(cfg.Playbooks))
	c.say("fallback         %s\n", orNone(strings.Join(cfg.Cascade.Behind, ", then ")))
	t := newTable(c.stdout)
	_, _ = fmt.Fprintln(t, "CHANNEL\tPROVIDER\tKIND\tRATE\tAT ONCE\tWAITS\tREACHED WHEN\tACCOUNTS")
	for i := range cfg.Channels {
		ch := &cfg.Channels[i]
		for _, p := range ch.All() {
			e, ok := all.Find(p.Provider)
			if !ok {
				continue // app.Check has refused it
			}
			_, _ = fmt.Fprintln(t, strings.Join(channelCells(cfg, ch, &p, &e.Spec), "\t"))
		}
	}
	_, _ = fmt.Fprintln(t)
	return t.Flush()
}

func channelCells(cfg *app.Config, ch *app.Channel, p *app.Provider, s *channels.Spec) []string {
	l := p.Limits(s.Limits)
	return []string{
		ch.Name, providerCell(p), string(s.Kind), ratePerSecond(l.PerSecond), fmt.Sprint(l.Concurrency),
		span(waitOf(cfg, ch)), reachedWhen(ch, s), fmt.Sprint(len(ch.Accounts)),
	}
}

// providerCell names a provider, and how much of its channel it gets where that is configured.
func providerCell(p *app.Provider) string {
	cell := p.Name
	if p.Name != p.Provider {
		cell += " (" + p.Provider + ")"
	}
	if p.Weight > 0 {
		cell += fmt.Sprintf(", weight %d", p.Weight)
	}
	return cell
}

func ratePerSecond(rate float64) string {
	if rate == 0 {
		return "unlimited"
	}
	return fmt.Sprintf("%g/s", rate)
}

func waitOf(cfg *app.Config, ch *app.Channel) time.Duration {
	if ch.Wait > 0 {
		return ch.Wait
	}
	return cfg.Cascade.Wait
}

// reachedWhen says what a channel counts as reached.
func reachedWhen(ch *app.Channel, s *channels.Spec) string {
	window := s.BounceWindow
	if ch.BounceWindow != nil {
		window = *ch.BounceWindow
	}
	switch {
	case ch.Proof == channels.Accepted.String():
		return "accepted"
	case s.Silence == channels.SilenceIsFailure:
		return "delivered"
	case window > 0:
		return "accepted, no bounce in " + span(window)
	}
	return "accepted"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// warnings are about what is allowed, and may not be meant.
func warnings(cfg *app.Config) []string {
	var all []string
	if cfg.Approval == "none" {
		all = append(all, "approval: none: updates go out to customers without anybody letting them go")
	}
	if cfg.HTTP.PublicURL == "" {
		all = append(all, "http.public_url: not set: providers can't report deliveries, so silence will count as failure")
	}
	if len(cfg.Cascade.Behind) == 0 {
		all = append(all, "cascade.behind: empty: who is not reached on the preferred channel is not reached")
	}
	if cfg.NATS.URL == "" && len(cfg.NATS.Teams) == 0 && len(cfg.HTTP.Tokens) == 0 {
		all = append(all, "nats.teams, http.tokens: empty: only the command line on this machine can publish updates")
	}
	return all
}
