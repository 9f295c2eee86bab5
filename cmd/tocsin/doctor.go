package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
)

type doctorFlags struct {
	json    bool
	timeout time.Duration
}

func (c *cli) doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [CHANNEL]",
		Short: "See whether everybody could be told: providers, webhooks, stores, directory",
		Long: `See whether everybody could be told, if it had to be now: each provider's credentials and reachability,
whether its reports come in at http.public_url, its clock and ours, NATS, the ledger, the age of the
directory and who in it has no channel, who may read secrets, the budget, and what of Tocsin lies within
own_domains and so may be down together with what it announces. It needs no running server, and says more
where one runs on the data directory. Nothing is sent to anybody, and nothing is changed.

Each finding has a line, and what to do about it one below. What could not be looked at from here is said
(?). The exit status is 1 if there are faults; warnings leave it 0.`,
		Example: "  tocsin doctor\n  tocsin doctor sms\n  tocsin doctor --json",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE:    func(cmd *cobra.Command, given []string) error { return c.doctor(cmd.Context(), given, f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "as JSON")
	flags.DurationVar(&f.timeout, "timeout", 15*time.Second, "how long each check may take; they are made side by side")
	return cmd
}

func (c *cli) doctor(ctx context.Context, given []string, f doctorFlags) error {
	if f.timeout <= 0 {
		return usageError{errors.New("--timeout must be longer than 0")}
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	x := app.Checkup{Config: cfg, Specs: all.Specs(), Version: version(), Timeout: f.timeout, Progress: c.progress()}
	if len(given) > 0 {
		if x.Channel = given[0]; !configuredChannel(cfg, x.Channel) {
			return usageError{fmt.Errorf("channel %q is not configured: one of %s", x.Channel, orNone(strings.Join(channelNames(cfg), ", ")))}
		}
	}
	found := app.Examine(ctx, x)
	if f.json {
		err = printDoctorJSON(c.stdout, found)
	} else {
		err = printDoctor(c.stdout, found)
	}
	if err != nil {
		return err
	}
	if doctor.Counts(found)[doctor.Fault] > 0 {
		return errSaid
	}
	return nil
}

func channelNames(cfg *app.Config) []string {
	var names []string
	for i := range cfg.Channels {
		names = append(names, cfg.Channels[i].Name)
	}
	return names
}

func configuredChannel(cfg *app.Config, name string) bool {
	return slices.Contains(channelNames(cfg), name)
}

// progress shows on a terminal how many checks are done; nil elsewhere.
func (c *cli) progress() func(done, total int) {
	if !onTerminal(c.stderr) {
		return nil
	}
	return func(done, total int) {
		line := fmt.Sprintf("\rlooking: %d of %d", done, total)
		if done == total {
			line = "\r\x1b[K" // ECMA-48, EL: nothing is left of it
		}
		_, _ = io.WriteString(c.stderr, line)
	}
}

// marks stand before findings, by level.
var marks = [...]string{doctor.OK: "✓", doctor.Unchecked: "?", doctor.Warning: "!", doctor.Fault: "✗"}

// printDoctor writes the findings by group, and how many there are of each level.
func printDoctor(w io.Writer, found []doctor.Finding) error {
	var b strings.Builder
	for _, group := range groups(found) {
		fmt.Fprintf(&b, "%s\n", group)
		for i := range found {
			if found[i].Group == group {
				b.WriteString(findingLines(&found[i]))
			}
		}
		b.WriteByte('\n')
	}
	n := doctor.Counts(found)
	fmt.Fprintf(&b, "%d ok, %d not looked at, %d warnings, %d faults\n", n[doctor.OK], n[doctor.Unchecked], n[doctor.Warning], n[doctor.Fault])
	_, err := io.WriteString(w, b.String())
	return err
}

// groups lists the groups in the order in which they first occur.
func groups(found []doctor.Finding) []string {
	var all []string
	for i := range found {
		if !slices.Contains(all, found[i].Group) {
			all = append(all, found[i].Group)
		}
	}
	return all
}

func findingLines(f *doctor.Finding) string {
	subject := f.About
	if f.Subject != "" {
		subject = f.Subject + ", " + f.About
	}
	line := fmt.Sprintf("  %s %s %s: %s\n", marks[f.Level], left(f.Level.String(), len("unchecked")), subject, f.Text)
	if f.Mend != "" {
		line += "      → " + f.Mend + "\n"
	}
	return line
}

func printDoctorJSON(w io.Writer, found []doctor.Finding) error {
	n := doctor.Counts(found)
	counts := map[string]int{}
	for _, l := range []doctor.Level{doctor.OK, doctor.Unchecked, doctor.Warning, doctor.Fault} {
		counts[l.String()] = n[l]
	}
	return printJSON(w, struct {
		OK       bool             `json:"ok"`
		Counts   map[string]int   `json:"counts"`
		Findings []doctor.Finding `json:"findings"`
	}{n[doctor.Fault] == 0, counts, append([]doctor.Finding{}, found...)})
}
