package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
)

type sendTestFlags struct {
	provider, locale string
	wait             time.Duration
	read, yes        bool
	public           bool
}

func (c *cli) sendTestCommand() *cobra.Command {
	var f sendTestFlags
	cmd := &cobra.Command{
		Use:   "send-test CHANNEL ADDRESS",
		Short: "Send one message, marked as a test, and watch it arrive",
		Long: `Send one message, marked as a test, and watch it arrive. It is given to the provider from here, with the
configuration that a server would use, and past any rate limit. Where a server runs on the data directory,
what the provider reports to it is followed live; else a provider that can be asked is. Nothing of it is
kept, and no report counts it.

The exit status is 0 if it arrived, as far as the provider can tell; 1 if it was refused or did not; 3 if
the provider could tell, and has not within --wait, or not to us.`,
		Example: "  tocsin send-test sms +37369123456\n  tocsin send-test sms +37369123456 --provider backup --yes\n  tocsin send-test mastodon outages --public   # everybody sees it",
		Args:    args(cobra.ExactArgs(2)),
		RunE:    func(cmd *cobra.Command, given []string) error { return c.sendTest(cmd.Context(), given, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.provider, "provider", "", "which of the channel's providers (default the first)")
	flags.StringVar(&f.locale, "locale", "", "language of the message (default the configuration's)")
	flags.DurationVar(&f.wait, "wait", 2*time.Minute, "how long to wait for word of it")
	flags.BoolVar(&f.read, "read", false, "wait until it was read, where the provider can tell")
	flags.BoolVar(&f.yes, "yes", false, "send it without asking")
	flags.BoolVar(&f.public, "public", false, "allow a post that everybody sees")
	return cmd
}

func (c *cli) sendTest(ctx context.Context, given []string, f sendTestFlags) (err error) {
	if f.wait <= 0 {
		return usageError{errors.New("--wait must be longer than 0")}
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	t := &app.Trial{
		Config: cfg, Specs: all.Specs(), Version: version(), Channel: given[0], Address: given[1],
		Provider: f.provider, Locale: f.locale, Public: f.public, Wait: f.wait, UntilRead: f.read, Say: c.trialLine,
	}
	if err := t.Prepare(); errors.Is(err, app.ErrPublic) {
		return usageError{fmt.Errorf("%w: if that is meant, give --public", err)}
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if err := c.confirm(f.yes, "Send a test message to %s on %s, through %s?", t.Address, t.Channel, t.Through()); err != nil {
		return err
	}
	end, err := t.Run(ctx)
	if err != nil {
		return err
	}
	return c.trialEnd(end, f.wait)
}

// trialLine shows one thing that happened.
func (c *cli) trialLine(s app.TrialState) {
	if s.What == "note" {
		c.say("%8s  %s", "", s.Detail)
		return
	}
	line := fmt.Sprintf("%7.1fs  %s", s.After.Seconds(), s.What)
	if s.Detail != "" {
		line += ": " + s.Detail
	}
	c.say("%s", line)
}

func (c *cli) trialEnd(end app.TrialEnd, wait time.Duration) error {
	switch end {
	case app.TrialArrived:
		c.say("it arrived, as far as the provider can tell")
		return nil
	case app.TrialFailed:
		return errors.New("the test message did not arrive")
	case app.TrialUnfollowed:
		return unheardError{errors.New("whether it arrived can't be heard from here")}
	case app.TrialUnheard:
	}
	return unheardError{fmt.Errorf("no word of its delivery within %s; `tocsin doctor` may know why", span(wait))}
}

// unheardError is a message of which nobody knows whether it arrived.
type unheardError struct{ error }

// confirm asks at a terminal whether to go on; elsewhere that must have been said.
func (c *cli) confirm(yes bool, format string, args ...any) error {
	if yes {
		return nil
	}
	if r, ok := c.stdin.(io.Writer); !ok || !onTerminal(r) {
		return usageError{errors.New("this sends a message to somebody: give --yes, or run it at a terminal to be asked")}
	}
	_, _ = fmt.Fprintf(c.stderr, format+" [y/N] ", args...)
	line, err := bufio.NewReader(c.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if said := strings.ToLower(strings.TrimSpace(line)); said != "y" && said != "yes" {
		return errors.New("not sent")
	}
	return nil
}
