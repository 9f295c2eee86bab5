package app

import (
	"context"
	"math/rand/v2"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/lane"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/fallback"
)

// pageSize is how many recipients planning looks at in one transaction. They are cut into batches by
// channel and language, and a batch costs the same with few attempts as with many: so they should be
// many times the largest batch.
const pageSize = 8000

// makeRoles makes what this process runs. Nothing starts yet.
func (a *App) makeRoles() error {
	planned, batches, pages := dispatcher.NewSignal(), dispatcher.NewSignal(), dispatcher.NewSignal()
	rules, err := rules(a.Config, a.channels, a.locales)
	if err != nil {
		return err
	}
	a.registry.MustRegister(newStreamCollector(a.bus, a.Log))
	if a.ledger != nil {
		a.registry.MustRegister(newLedgerCollector(a.ledger, a.Clock, a.Log), newTrailCollector(a.ledger, a.Log),
			newApprovalCollector(a.ledger, a.Clock, a.Log),
			dispatcher.NewPromiseCollector(a.ledger, a.Clock, a.Log))
	}
	metrics := dispatcher.NewMetrics(a.registry)
	var forecaster *dispatcher.Forecaster
	if a.has(Dispatcher) {
		intake := &dispatcher.Intake{
			Ledger: a.ledger, Bus: a.bus, Playbooks: a.playbooks, Kinds: kinds(a.channels), Measure: measure(a.channels),
			Clock: a.Clock, Planned: planned, Metrics: metrics, Log: a.Log,
		}
		planner := &dispatcher.Planner{
			Ledger: a.ledger, Rules: rules, Policy: a.policy(), Clock: a.Clock, Planned: planned, Batches: batches, Pages: pages,
			PageSize: pageSize, Metrics: metrics, Log: a.Log,
		}
		forecaster = a.forecaster(planner, metrics)
		planner.Foresee = forecaster.Counted
		a.runs = append(a.runs, run{"playbooks", a.playbooks.Run}, run{"intake", intake.Run}, a.oneAtATime("planner", planner.Run), a.oneAtATime("forecaster", forecaster.Run))
		a.makeTimeOuts(planned)
		a.makeKeeper()
	}
	if a.has(Dispatcher) || a.has(Fallback) {
		publisher := &dispatcher.Publisher{
			Ledger: a.ledger, Bus: a.bus, InDoubt: a.Config.InDoubt, UsefulFor: a.Config.UsefulFor, Budget: a.Config.segments(),
			Threaded: threaded(a.channels), Clock: a.Clock, Batches: batches, Metrics: metrics, Log: a.Log,
		}
		a.runs = append(a.runs, a.oneAtATime("publisher", publisher.Run))
	}
	if a.has(Fallback) {
		a.makeRetention()
		closings := &closings{trail: a.ledger, log: a.Log}
		a.runs = append(a.runs, run{"log of closings", closings.run})
		a.makeEngines(fallback.Engine{
			Ledger: a.ledger, Bus: a.bus, Rules: &rules, Policy: a.policy(), Clock: a.Clock, Inquiries: a.bus, Control: a.bus,
			Batches: batches, Planned: planned, PagesPlanned: pages, Metrics: fallback.NewMetrics(a.registry), Log: a.Log,
		})
	}
	if a.has(Lanes) {
		a.makeLanes()
	}
	if a.has(HTTPRole) {
		return a.makeHTTP(metrics, planned, forecaster)
	}
	return a.makeVitals()
}

func (a *App) policy() notification.Policy {
	p := notification.Policy{Channels: map[string]notification.ChannelPolicy{}, RetryEvery: a.Config.Cascade.RetryEvery,
		MoveOnAfter: a.Config.Cascade.MoveOnAfter, UsefulFor: a.Config.UsefulFor}
	for i := range a.channels {
		p.Channels[a.channels[i].Name] = a.channels[i].policy
	}
	return p
}

func (a *App) makeLanes() {
	metrics := lane.NewMetrics(a.registry)
	for i := range a.channels {
		c := &a.channels[i]
		o := lane.Options{Channel: c.Name, Bus: a.bus, Control: a.bus, Inquiries: a.bus, Signer: a.signer, Seed: rand.Uint64(), Metrics: metrics, Log: a.Log,
			UnsubscribeBase: a.unsubscribeBase(c)}
		for j := range c.accounts {
			p := &c.accounts[j]
			o.Providers = append(o.Providers, lane.Provider{
				Name: p.Name, Spec: p.spec, Sender: p.sender, Limits: p.limits, Weight: p.Weight, CallbackBase: a.callbackBase(c, p),
			})
		}
		// A lane is made anew each time that the lease is taken: it runs once.
		r := a.oneAtATime("lane-"+c.limitGroup(), func(ctx context.Context) error {
			a.prepare(ctx, c)
			return lane.New(o).Run(ctx)
		})
		a.runs = append(a.runs, run{"lane " + c.Name, r.f})
	}
}

// unsubscribeBase is the URL below which recipients can leave a channel; "" if there can be none. What
// everybody reads has no recipient who could.
func (a *App) unsubscribeBase(c *configured) string {
	kind := c.accounts[0].spec.Kind
	if a.Config.HTTP.PublicURL == "" || kind == channels.Social || kind == channels.Web {
		return ""
	}
	return strings.TrimSuffix(a.Config.HTTP.PublicURL, "/") + "/v1/unsubscribe"
}

// callbackBase is the URL below which a provider's receipts are taken; "" if there can be none.
func (a *App) callbackBase(c *configured, p *account) string {
	if _, ok := p.sender.(channels.CallbackParser); !ok || a.Config.HTTP.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(a.Config.HTTP.PublicURL, "/") + "/v1/receipts/" + c.Name + "/" + p.Name
}

// syncAccounts keeps the public accounts in the directory as the configuration has them: an account
// is a recipient like any other, who is told of everything.
func (a *App) syncAccounts(ctx context.Context) error {
	var accounts []audience.Recipient
	wanted := map[string]bool{}
	for i := range a.channels {
		c := &a.channels[i]
		for _, acc := range c.Accounts {
			r := audience.Recipient{
				ID: audience.AccountPrefix + c.Name + ":" + acc.Address, Locale: acc.Locale, Zone: a.Config.Zone,
				Addresses:   []audience.Address{{Channel: c.Name, Address: acc.Address}},
				Preferences: []string{c.Name}, Consents: []string{c.Name},
			}
			accounts, wanted[r.ID] = append(accounts, r), true
		}
	}
	known, err := a.ledger.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, id := range known {
		if !wanted[id] {
			if err := a.ledger.DeleteRecipient(ctx, id); err != nil {
				return err
			}
		}
	}
	return a.ledger.PutRecipients(ctx, accounts)
}
