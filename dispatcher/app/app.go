// Package app puts Tocsin together: it reads the configuration, opens the stores, makes the roles,
// starts them and stops them in order. It is the only package that knows the concrete stores and
// the embedded server.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Role is a part of Tocsin that a process runs.
type Role string

// The roles.
const (
	Dispatcher Role = "dispatcher"
	Lanes      Role = "lane"
	Fallback   Role = "fallback"
	HTTPRole   Role = "http"
)

// Roles lists all roles.
func Roles() []Role { return []Role{Dispatcher, Lanes, Fallback, HTTPRole} }

// Options make an App.
type Options struct {
	Config *Config
	// Specs are the adapters there are.
	Specs   []channels.Spec
	Roles   []Role // none: all
	Clock   clock.Clock
	Log     *slog.Logger
	Version string
}

// App is one process of Tocsin. Make one with New, then Run it.
type App struct {
	Options
	channels  []configured
	playbooks *playbook.Live // nil in a process without the role dispatcher
	locales   []string       // that there are texts for, the default first
	signer    *notification.Signer
	ledger    Store
	server    *bus.Server
	bus       *bus.Bus
	leases    *bus.Leases // nil where there is one process only
	registry  *prometheus.Registry
	endpoints Endpoints
	cleanup   cleanup
	runs      []run
}

// New opens the data directory and makes the roles. On an error everything that was opened is
// closed again.
func New(ctx context.Context, o Options) (_ *App, err error) {
	if len(o.Roles) == 0 {
		o.Roles = Roles()
	}
	a := &App{Options: o, registry: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.cleanup.run())
		}
	}()
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := a.makeChannels(); err != nil {
		return nil, err
	}
	if err := a.makeTexts(); err != nil {
		return nil, err
	}
	if err := a.openData(ctx); err != nil {
		return nil, err
	}
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	if a.ledger != nil {
		if err := a.claimStreams(ctx); err != nil {
			return nil, err
		}
		if err := a.syncAccounts(ctx); err != nil {
			return nil, err
		}
	}
	return a, a.makeRoles()
}

// Check makes everything that a configuration asks for, without opening or contacting anything.
func Check(c *Config, specs []channels.Spec) error {
	_, err := c.LoadPlaybooks()
	return errors.Join(checkChannels(c, specs), err)
}

func checkChannels(c *Config, specs []channels.Spec) error {
	a := &App{Options: Options{Config: c, Specs: specs}}
	err := a.makeChannels()
	_, err2 := Checker(c, specs)
	return errors.Join(err, err2, a.cleanup.run())
}

func (a *App) makeChannels() error {
	all, err := senders(a.Config, a.Specs, a.Version)
	if err != nil {
		return err
	}
	a.channels = all
	for i := range all {
		a.cleanup.add("channel "+all[i].Name, all[i].close)
	}
	return nil
}

// texts is what texts know of the organisation.
func (c *Config) texts() (templates.Catalogue, error) {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return templates.Catalogue{}, fmt.Errorf("%s: zone: %w", c.place(), err)
	}
	return templates.Catalogue{
		Organisation: incident.Text(c.Organisation), Services: c.Catalogue.Services, Regions: c.Catalogue.Regions,
		DefaultLocale: c.Locale, Location: zone, StatusPage: c.StatusPage,
	}, nil
}

// newRenderer reads the usual texts, and tries each of them.
func newRenderer(c *Config) (*templates.Renderer, error) {
	catalogue, err := c.texts()
	if err != nil {
		return nil, err
	}
	r, err := templates.New(templates.Options{Catalogue: catalogue})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.place(), err)
	}
	return r, nil
}

func (a *App) openData(ctx context.Context) error {
	dir := a.Config.DataDir
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	a.cleanup.add("data directory", unlock)
	if err := forgetEndpoints(dir); err != nil {
		return err
	}
	key, err := a.Config.signingKey()
	if err != nil {
		return err
	}
	a.signer = notification.NewSigner(key)
	if !a.needsLedger() {
		return nil
	}
	a.ledger, err = openStore(ctx, a.Config)
	if err != nil {
		return err
	}
	a.cleanup.add("ledger", a.ledger.Close)
	return nil
}

// Users of the embedded server beside the teams.
const (
	internalUser = "tocsin"
	operatorUser = "operator"
)

// connect connects to NATS, elsewhere or embedded.
func (a *App) connect(ctx context.Context) error {
	if a.Config.NATS.URL != "" {
		return a.connectRemote(ctx)
	}
	return a.connectEmbedded(ctx)
}

// connectEmbedded starts the embedded server and connects to it.
func (a *App) connectEmbedded(ctx context.Context) (err error) {
	c := &a.Config.NATS
	internal, operator := newSecret(), newSecret()
	users := []bus.User{
		{Name: internalUser, Password: internal},
		{Name: operatorUser, Password: operator, Publish: []string{"incidents.*", "orders.*"}, Subscribe: append(bus.TeamInbox(), "outcomes.*.*")},
	}
	for _, t := range c.Teams {
		users = append(users, bus.User{
			Name: t.Name, Password: t.Password.Reveal(), Publish: []string{bus.IncidentSubject(t.Name)},
			Subscribe: append(bus.TeamInbox(), bus.OutcomesOf(t.Name)),
		})
	}
	a.server, err = bus.StartServer(bus.ServerOptions{
		Dir: a.natsDir(), Listen: c.listen(), MaxBytes: int64(c.MaxBytes), Users: users,
	})
	if err != nil {
		return err
	}
	a.cleanup.add("nats server", func() error { a.server.Stop(); return nil })
	a.bus, err = bus.Connect(ctx, bus.Options{Server: a.server, User: internalUser, Password: internal, MaxBytes: int64(c.MaxBytes), Log: a.Log})
	if err != nil {
		return err
	}
	a.cleanup.add("nats connection", func() error { a.bus.Close(); return nil })
	a.endpoints = Endpoints{NATS: a.server.URL(), NATSUser: operatorUser, NATSPassword: operator, Token: newSecret()}
	return nil
}

func (a *App) natsDir() string { return filepath.Join(a.Config.DataDir, "nats") }

// has reports whether this process runs a role.
func (a *App) has(r Role) bool { return slices.Contains(a.Roles, r) }

// Endpoints says where this process is reached.
func (a *App) Endpoints() Endpoints { return a.endpoints }

// Run runs the roles until ctx ends or one of them fails, then stops everything in reverse order of
// its start.
func (a *App) Run(ctx context.Context) error {
	if err := a.endpoints.write(a.Config.DataDir); err != nil {
		return errors.Join(err, a.cleanup.run())
	}
	a.cleanup.add("endpoints", func() error { return os.Remove(endpointsPath(a.Config.DataDir)) })
	err := runAll(ctx, a.runs, a.Log)
	return errors.Join(err, a.cleanup.run())
}

// cleanup is what is to be undone, in reverse order.
type cleanup struct{ steps []step }

type step struct {
	name string
	f    func() error
}

func (c *cleanup) add(name string, f func() error) { c.steps = append(c.steps, step{name, f}) }

func (c *cleanup) run() error {
	var errs []error
	for _, s := range slices.Backward(c.steps) {
		if err := s.f(); err != nil {
			errs = append(errs, fmt.Errorf("closing %s: %w", s.name, err))
		}
	}
	c.steps = nil
	return errors.Join(errs...)
}
