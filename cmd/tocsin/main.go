// Command tocsin tells the customers of an organisation about outages and planned maintenance, each
// on the channel that they prefer, and accounts for every one of them.
//
//	tocsin demo                      a whole story, played against simulated providers
//	tocsin serve                     run it
//	tocsin publish FILE --follow     tell customers something, and watch it arrive
//	tocsin report TEAM/INCIDENT      who was reached, how, how soon, and who was not
//
// Commands talk to the server that runs on the same data directory; `tocsin help` lists them all.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	_ "time/tzdata" // zones of customers, wherever the binary runs
)

// Exit statuses.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitUnheard = 3 // send-test: sent, and nothing was heard of it
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &cli{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv}
	status := c.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

// cli is what commands have of their surroundings, and the flags that all of them share.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)

	configPath, dataDir string
	logLevel, logFormat string
}

// run runs one command line and returns the exit status.
func (c *cli) run(ctx context.Context, args []string) int {
	root := c.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, errSaid) {
		return statusOf(err)
	}
	for line := range strings.Lines(err.Error()) {
		c.complain("tocsin: %s", strings.TrimRight(line, "\n"))
	}
	if statusOf(err) == exitUsage {
		c.complain("tocsin: `tocsin help` lists the commands, and each has --help")
	}
	return statusOf(err)
}

// errSaid fails a command that has told already what is wrong.
var errSaid = errors.New("failed")

// usageError is a command line that can't be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func statusOf(err error) int {
	if err == nil {
		return 0
	}
	// Cobra's own complaint about a command that there isn't has no type.
	if _, ok := errors.AsType[usageError](err); ok || strings.HasPrefix(err.Error(), "unknown command ") {
		return exitUsage
	}
	if _, ok := errors.AsType[unheardError](err); ok {
		return exitUnheard
	}
	return exitFailed
}

// say writes a line of what was asked for. That nobody reads on is no error of ours.
func (c *cli) say(format string, args ...any) { _, _ = fmt.Fprintf(c.stdout, format+"\n", args...) }

// complain writes a line about what went wrong.
func (c *cli) complain(format string, args ...any) {
	_, _ = fmt.Fprintf(c.stderr, format+"\n", args...)
}
