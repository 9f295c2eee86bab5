package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/cmd/tocsin/chaos"
)

type chaosFlags struct {
	setup     string
	duration  time.Duration
	seed      uint64
	customers int
	keep      bool
}

func (c *cli) chaosCommand() *cobra.Command {
	var f chaosFlags
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Hold a drill on this machine: kill and cut everything while updates flow, and see that nobody is lost",
		Long: `Hold a drill on this machine: real programs, made-up customers, simulated providers. While updates
flow, processes are killed, frozen and restarted, servers lost, connections cut, stores filled, and the
providers misbehave. Then everything is healed, and once all is quiet the ledger (as "tocsin audit"
does) and what the providers took are held to what must be true: nobody lost, repeats within the bound,
no stale news, consent kept, what was recalled taken back. The exit status is 1 if anything is found.

The set-ups are "cluster", three NATS servers and PostgreSQL (whose programs must be installed) behind
several processes of each role, and "embedded", one process that does everything. The same seed makes
the same faults at the same times. Data and logs are removed after a drill that succeeds; one that
fails says where they are. Nothing leaves this machine.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.chaos(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.setup, "setup", "both", "what to hold it on: cluster, embedded or both, one after the other")
	flags.DurationVar(&f.duration, "duration", time.Minute, "how long things go wrong, on each set-up")
	flags.Uint64Var(&f.seed, "seed", 0, "what goes wrong and when (default: chosen, and printed)")
	flags.IntVar(&f.customers, "customers", 2000, "how many customers to make up")
	flags.BoolVar(&f.keep, "keep", false, "keep data and logs also after a drill that succeeds")
	return cmd
}

func (c *cli) chaos(ctx context.Context, f chaosFlags) error {
	setups := []chaos.Setup{chaos.Cluster, chaos.Embedded}
	if f.setup != "both" {
		setups = []chaos.Setup{chaos.Setup(f.setup)}
	}
	if f.duration < 5*time.Second || f.customers < 1 || !strings.Contains(" cluster embedded both ", " "+f.setup+" ") {
		return usageError{errors.New("chaos: --duration must be 5s at least, --customers 1, --setup cluster, embedded or both")}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o := chaos.Options{Duration: f.duration, Seed: f.seed, Customers: f.customers, Self: self, Keep: f.keep, Out: c.stdout}
	if o.Seed == 0 {
		o.Seed = rand.Uint64N(1_000_000) + 1
	}
	for _, e := range all.List() {
		if e.Simulated() {
			o.Adapters = append(o.Adapters, chaos.Adapter{Spec: e.Spec, Simulator: e.Simulator})
		}
	}
	var errs []error
	for _, o.Setup = range setups {
		if err := chaos.Run(ctx, o); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.Setup, err))
		}
	}
	return errors.Join(errs...)
}

// nodeCommand is one NATS server of a drill's cluster, which the drill starts.
func (c *cli) nodeCommand() *cobra.Command {
	var n chaos.Node
	var routes string
	var untilStdin bool
	cmd := &cobra.Command{
		Use: "chaos-node", Hidden: true, Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if untilStdin {
				var stop context.CancelFunc
				ctx, stop = untilEnds(ctx, c.stdin)
				defer stop()
			}
			n.Routes = strings.Split(routes, ",")
			return n.Run(ctx)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Name, "name", "", "the server's name")
	flags.StringVar(&n.Dir, "dir", "", "directory of its streams")
	flags.StringVar(&n.Listen, "listen", "", "address for clients")
	flags.StringVar(&n.Cluster, "cluster", "", "address for the other servers")
	flags.StringVar(&routes, "routes", "", "addresses of the other servers, separated by commas")
	flags.BoolVar(&untilStdin, "until-stdin-closes", false, "stop when the standard input ends")
	return cmd
}
