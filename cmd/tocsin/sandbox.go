package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

type sandboxFlags struct {
	listen, conduct string
	set, accounts   []string
	keep            bool
	untilStdin      bool
}

func (c *cli) sandboxCommand() *cobra.Command {
	var f sandboxFlags
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run simulated providers, which speak the real ones' protocols",
		Long: `Run simulated providers, which speak the protocols of the real ones and send nothing to
anybody. Once they listen, one line of JSON on the standard output says where:

  {"sandbox":"http://127.0.0.1:40001","providers":{"twilio":"http://127.0.0.1:40001/twilio"}}

How they treat messages can be changed while they run: see /sandbox/conduct/PROVIDER there.`,
		Example: `  tocsin sandbox --set viber.mode=mute --set twilio.refuse=0.02
  tocsin sandbox --listen 127.0.0.1:9900 --conduct conduct.json   # {"viber": {"mode": "mute"}}`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.sandbox(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:0", "address to listen on")
	flags.StringVar(&f.conduct, "conduct", "", "JSON file: by provider, how it treats messages")
	flags.StringArrayVar(&f.set, "set", nil, "one setting of one provider, as in viber.mode=mute")
	flags.StringArrayVar(&f.accounts, "account", nil, "one more account of a provider under a name of its own, as in backup=twilio")
	flags.BoolVar(&f.keep, "keep-messages", false, "keep every message, to be read at /sandbox/messages/PROVIDER there")
	flags.BoolVar(&f.untilStdin, "until-stdin-closes", false, "stop when the standard input ends, so as never to outlive the parent process")
	return cmd
}

// sandboxLine is what the sandbox says of itself once it listens.
type sandboxLine struct {
	Sandbox   string            `json:"sandbox"`
	Providers map[string]string `json:"providers"`
}

func (c *cli) sandbox(ctx context.Context, f sandboxFlags) error {
	conducts, err := readConducts(f.conduct, f.set)
	if err != nil {
		return err
	}
	if f.untilStdin {
		var stop context.CancelFunc
		ctx, stop = untilEnds(ctx, c.stdin)
		defer stop()
	}
	sims, err := withAccounts(all.Simulators(), f.accounts)
	if err != nil {
		return err
	}
	server, err := sandbox.New(ctx, f.listen, sandbox.Conduct{}, sims)
	if err != nil {
		return err
	}
	if f.keep {
		server.KeepMessages()
	}
	for provider, conduct := range conducts {
		server.Desk(provider).SetConduct(conduct)
	}
	line, err := json.Marshal(sandboxLine{server.URL(), server.Endpoints()})
	if err != nil {
		return err
	}
	c.say("%s", line)
	return server.Run(ctx)
}

// withAccounts adds further accounts like backup=twilio.
func withAccounts(sims []sandbox.Simulator, accounts []string) ([]sandbox.Simulator, error) {
	for _, a := range accounts {
		name, provider, _ := strings.Cut(a, "=")
		i := slices.IndexFunc(sims, func(s sandbox.Simulator) bool { return s.Provider == provider })
		if i < 0 || name == "" || slices.ContainsFunc(sims, func(s sandbox.Simulator) bool { return s.Provider == name }) {
			return nil, usageError{fmt.Errorf("--account %q: want NAME=PROVIDER, a new name and a provider that can be simulated", a)}
		}
		sims = append(sims, sims[i].As(name))
	}
	return sims, nil
}

// untilEnds returns a context that ends when r does.
func untilEnds(ctx context.Context, r io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel()
	}()
	return ctx, cancel
}

// readConducts reads how providers behave, from a file and from single settings over it.
func readConducts(file string, set []string) (map[string]sandbox.Conduct, error) {
	raw := map[string]map[string]any{}
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--conduct: %w", err)
		}
		if err := json.Unmarshal(b, &raw); err != nil {
			return nil, fmt.Errorf("--conduct %s: %w", file, err)
		}
	}
	for _, s := range set {
		if err := setConduct(raw, s); err != nil {
			return nil, err
		}
	}
	conducts := map[string]sandbox.Conduct{}
	for provider, settings := range raw {
		conduct, err := conductOf(provider, settings)
		if err != nil {
			return nil, err
		}
		conducts[provider] = conduct
	}
	return conducts, nil
}

// setConduct adds a setting like viber.mode=mute.
func setConduct(raw map[string]map[string]any, setting string) error {
	name, value, ok := strings.Cut(setting, "=")
	provider, key, ok2 := strings.Cut(name, ".")
	if !ok || !ok2 {
		return usageError{fmt.Errorf("--set %q: want PROVIDER.KEY=VALUE, as in viber.mode=mute", setting)}
	}
	if raw[provider] == nil {
		raw[provider] = map[string]any{}
	}
	var v any = value
	if json.Unmarshal([]byte(value), &v) != nil {
		v = value
	}
	raw[provider][key] = v
	return nil
}

func conductOf(provider string, settings map[string]any) (sandbox.Conduct, error) {
	var conduct sandbox.Conduct
	simulated := map[string]bool{}
	for _, s := range all.Simulators() {
		simulated[s.Provider] = true
	}
	if !simulated[provider] {
		names := slices.Sorted(maps.Keys(simulated))
		return conduct, usageError{fmt.Errorf("conduct: no simulated provider %q: one of %s", provider, strings.Join(names, ", "))}
	}
	b, err := json.Marshal(settings)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		err = d.Decode(&conduct)
	}
	if err == nil {
		err = checkMode(conduct.Mode)
	}
	if err != nil {
		return conduct, fmt.Errorf("conduct of %s: %w", provider, err)
	}
	return conduct, nil
}

// checkMode refuses a mode that would quietly mean nothing.
func checkMode(m sandbox.Mode) error {
	switch m {
	case "", sandbox.Working, sandbox.Hanging, sandbox.Unavailable, sandbox.RateLimited, sandbox.Mute:
		return nil
	}
	return fmt.Errorf("no mode %q: one of working, hanging, unavailable, rate_limited, mute", m)
}
