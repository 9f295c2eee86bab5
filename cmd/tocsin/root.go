package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

// defaultConfig is read where no other file is named, if it is there.
const defaultConfig = "tocsin.yaml"

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "tocsin",
		Short:         "Tell every customer about an outage, on the channel they prefer",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	flags := root.PersistentFlags()
	flags.StringVarP(&c.configPath, "config", "c", "", "configuration file (default ./"+defaultConfig+", if there is one)")
	flags.StringVar(&c.dataDir, "data-dir", "", "data directory, instead of the configuration's")
	flags.StringVar(&c.logLevel, "log-level", "info", "least level that is logged: debug, info, warn or error")
	flags.StringVar(&c.logFormat, "log-format", "text", "form of the log: text or json")
	root.AddCommand(
		c.serveCommand(), c.checkCommand(), c.doctorCommand(), c.sendTestCommand(), c.migrateCommand(), c.pruneCommand(), c.demoCommand(),
		c.playbookCommand(), c.lintCommand(), c.previewCommand(), c.forecastCommand(), c.publishCommand(), c.approveCommand(), c.approvalsCommand(), c.refuseCommand(),
		c.incidentsCommand(), c.overrunCommand(), c.compensationCommand(), c.reportCommand(), c.auditCommand(), c.evidenceCommand(), c.dashboardCommand(),
		c.customersCommand(), c.channelsCommand(), c.schemaCommand(), c.sandboxCommand(), c.inboxCommand(), c.benchCommand(), c.chaosCommand(), c.nodeCommand(), c.versionCommand(),
	)
	root.AddCommand(c.orderCommands()...)
	return root
}

// args makes a wrong number of arguments a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := check(cmd, given); err != nil {
			return usageError{fmt.Errorf("%s: %w", cmd.CommandPath(), err)}
		}
		return nil
	}
}

// config loads the configuration that the flags ask for.
func (c *cli) config() (*app.Config, error) {
	path := c.configPath
	if path == "" {
		path = defaultConfig
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return c.withFlags(app.Defaults()), nil
		}
	}
	cfg, err := app.Load(path, c.env)
	if err != nil {
		return nil, err
	}
	return c.withFlags(cfg), nil
}

func (c *cli) withFlags(cfg *app.Config) *app.Config {
	if c.dataDir != "" {
		cfg.DataDir = c.dataDir
	}
	return cfg
}

// logger makes the log, which goes to the error output.
func (c *cli) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.logLevel)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level %q: want debug, info, warn or error", c.logLevel)}
	}
	o := &slog.HandlerOptions{Level: level}
	switch c.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(c.stderr, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(c.stderr, o)), nil
	}
	return nil, usageError{fmt.Errorf("--log-format %q: want text or json", c.logFormat)}
}

// endpoints returns how to reach the server that runs on the data directory.
func (c *cli) endpoints() (app.Endpoints, error) {
	cfg, err := c.config()
	if err != nil {
		return app.Endpoints{}, err
	}
	e, err := app.ReadEndpoints(cfg.DataDir)
	if errors.Is(err, app.ErrNotRunning) {
		return e, fmt.Errorf("%w: start it with `tocsin serve`, or name its directory with --data-dir", err)
	}
	return e, err
}

// api returns a client of the running server.
func (c *cli) api() (*httpapi.Client, error) {
	e, err := c.endpoints()
	if err != nil {
		return nil, err
	}
	if e.HTTP == "" {
		return nil, errors.New("the server on this data directory runs without the role http: run one that has it")
	}
	return httpapi.NewClient(e.HTTP, e.Token), nil
}
