package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher"
	"github.com/tocsin-dev/tocsin/dispatcher/dashboard"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// makeHTTP makes the http role. The port is taken here, so that one in use is found before anything
// starts.
func (a *App) makeHTTP(metrics *dispatcher.Metrics, planned dispatcher.Signal, forecaster *dispatcher.Forecaster) error {
	checker, err := Checker(a.Config, a.Specs)
	if err != nil {
		return err
	}
	api, err := httpapi.New(httpapi.Options{
		Ledger: a.ledger, Bus: a.bus, Checker: checker, Signer: a.signer, Clock: a.Clock,
		Reject: func(ctx context.Context, r ledger.Rejection, header map[string][]string) error {
			return dispatcher.Reject(ctx, a.ledger, a.bus, metrics, r, header)
		},
		Approved: planned.Wake, Forecast: drafts(forecaster), Receivers: a.receivers(), Tokens: a.tokens(), PublicURL: a.Config.HTTP.PublicURL,
		Organisation: a.organisation(), Gatherer: a.registry, Metrics: httpapi.NewMetrics(a.registry), Ready: a.ready,
		Dashboard: dashboard.New(a.ledger, a.Clock, a.organisation(), a.presumed()...), Log: a.Log, Version: a.Version,
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", a.Config.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w; stop what listens there or choose another address", err)
	}
	a.cleanup.add("http listener", func() error { return ignoreClosed(l.Close()) })
	a.endpoints.HTTP = "http://" + l.Addr().String()
	a.runs = append(a.runs, run{"http", func(ctx context.Context) error { return serveHTTP(ctx, l, api) }})
	a.registerWebhooks()
	a.listen(api.Hear)
	return nil
}

func (a *App) registerWebhooks() {
	for i := range a.channels {
		c := &a.channels[i]
		for j := range c.accounts {
			p := &c.accounts[j]
			if r, ok := p.sender.(channels.WebhookRegistrar); ok && a.Config.HTTP.PublicURL != "" {
				a.runs = append(a.runs, run{"webhook of " + c.Name + " at " + p.Name, a.registration(c, p, r)})
			}
		}
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serveHTTP serves until ctx ends; then requests under way are answered, receipts that wait are
// published, and only then does the rest stop.
func serveHTTP(ctx context.Context, l net.Listener, api *httpapi.Server) error {
	srv := newServer(api)
	srv.RegisterOnShutdown(api.EndStreams)
	gathering, stop := context.WithCancel(context.WithoutCancel(ctx))
	gathered := make(chan error, 1)
	go func() { gathered <- api.Run(gathering) }()
	err := serve(ctx, l, srv)
	stop()
	return errors.Join(err, <-gathered)
}

func (a *App) receivers() []httpapi.Receiver {
	var all []httpapi.Receiver
	for i := range a.channels {
		c := &a.channels[i]
		for j := range c.accounts {
			p, parses := c.accounts[j].sender.(channels.CallbackParser)
			if _, listens := c.accounts[j].sender.(channels.Listener); parses || listens {
				all = append(all, httpapi.Receiver{Channel: c.Name, Provider: c.accounts[j].Name, Parser: p})
			}
		}
	}
	return all
}

// tokens are those configured, and one for commands on this machine.
func (a *App) tokens() []httpapi.Token {
	all := []httpapi.Token{{Name: "this machine", Token: channels.Secret(a.endpoints.Token), Admin: true}}
	for _, t := range a.Config.HTTP.Tokens {
		all = append(all, httpapi.Token{Name: t.Name, Token: t.Token, Team: t.Team, Admin: t.Admin, Approves: t.Approves, Person: t.Person})
	}
	return all
}

func (a *App) organisation() string {
	for _, locale := range []string{a.Config.Locale, "en"} {
		if name := a.Config.Organisation[locale]; name != "" {
			return name
		}
	}
	return "Tocsin"
}

// presumed lists the channels on which silence is good news.
func (a *App) presumed() []string {
	var names []string
	for i := range a.channels {
		if a.channels[i].policy.Silence == channels.SilenceIsPresumed {
			names = append(names, a.channels[i].Name)
		}
	}
	return names
}

const (
	registerTimeout = 15 * time.Second
	registerRetry   = 10 * time.Second
)

// registration tells a provider where to send its callbacks, again and again until it has
// understood: it may be down when we start.
func (a *App) registration(c *configured, p *account, r channels.WebhookRegistrar) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			bounded, cancel := context.WithTimeout(ctx, registerTimeout)
			err := r.RegisterWebhook(bounded, a.callbackBase(c, p))
			cancel()
			if err == nil {
				break
			}
			a.Log.WarnContext(ctx, "provider does not take our webhook yet; its receipts will be missed until it does",
				"channel", c.Name, "provider", p.Name, "error", err)
			select {
			case <-time.After(registerRetry):
			case <-ctx.Done():
				return nil
			}
		}
		<-ctx.Done()
		return nil
	}
}
