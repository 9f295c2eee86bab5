package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Prices are what one SMS segment costs, by the country of the number, all in one currency. They bound what an
// incident may spend in money (Budget), and price forecasts.
type Prices struct {
	// Currency is what amounts are written with: EUR, MDL.
	Currency string `yaml:"currency"`
	// Default is the price for numbers of countries that are not named.
	Default float64 `yaml:"default"`
	// Countries are by ISO 3166 code, and stand beside the other keys.
	Countries map[string]float64 `yaml:"-"`
}

// UnmarshalYAML reads the currency, and prices by country.
func (p *Prices) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: prices: must be a currency and prices by country, as in {currency: EUR, MD: 0.04, default: 0.06}", node.Line)
	}
	p.Countries = map[string]float64{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Value == "currency" {
			p.Currency = value.Value
			continue
		}
		var price float64
		if err := value.Decode(&price); err != nil || math.IsNaN(price) || math.IsInf(price, 0) {
			return fmt.Errorf("line %d: prices: %s: %q is not a price", value.Line, key.Value, value.Value)
		}
		if key.Value == "default" {
			p.Default = price
		} else {
			p.Countries[key.Value] = price
		}
	}
	return nil
}

// check says what can't be meant.
func (p *Prices) check() error {
	if p.Default < 0 {
		return errors.New("default: must not be negative")
	}
	for country, price := range p.Countries {
		if !audience.Country(country) {
			return fmt.Errorf("%q is not the code of a country (ISO 3166), as in MD, nor currency or default", country)
		}
		if price < 0 {
			return fmt.Errorf("%s: must not be negative", country)
		}
	}
	if p.known() && p.Default == 0 {
		return errors.New("default: is needed: the price for numbers of all other countries")
	}
	return nil
}

func (p *Prices) known() bool { return p.Default > 0 || len(p.Countries) > 0 }

// table is the form in which forecasts read prices.
func (p *Prices) table() forecast.Prices {
	return forecast.Prices{Currency: p.Currency, Countries: p.Countries, Default: p.Default}
}

// segments is the tighter of the budget's two bounds, 0 if there is none. Money buys as many segments as it
// would at the dearest price: never more is spent.
func (c *Config) segments() int64 {
	b, prices := c.Budget, c.Prices.table()
	n := b.Segments
	if dearest := prices.Dearest(); b.Money > 0 && dearest > 0 {
		if byMoney := max(1, int64(math.Floor(b.Money/dearest))); n == 0 || byMoney < n {
			n = byMoney
		}
	}
	return n
}

// forecaster makes what forecasts the planner's decisions. What it writes for drafts is neither counted nor
// logged: nobody gets it.
func (a *App) forecaster(planner *dispatcher.Planner, metrics *dispatcher.Metrics) *dispatcher.Forecaster {
	drafts := &dispatcher.Intake{
		Playbooks: a.playbooks, Kinds: kinds(a.channels), Measure: measure(a.channels),
		Metrics: dispatcher.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	}
	// Nobody waits longer for a channel that is down than until they are moved on, and one retry.
	patience := a.Config.Cascade.MoveOnAfter + a.Config.Cascade.RetryEvery
	return &dispatcher.Forecaster{
		Planner: planner, Ledger: a.ledger, Budget: a.Config.segments(), UsefulFor: a.Config.UsefulFor, Texts: drafts.Draft,
		Inputs: forecast.Inputs{
			Channels: a.lanesForForecast(), Prices: a.Config.Prices.table(), MoveOn: patience.Seconds(), TimeScale: a.timeScale(),
		},
		Clock: a.Clock, Metrics: metrics, Log: a.Log,
	}
}

// drafts gives drafts' forecasts to the API; nil where there is no forecaster.
func drafts(f *dispatcher.Forecaster) func(context.Context, incident.Update) (forecast.Forecast, error) {
	if f == nil {
		return nil
	}
	return f.Draft
}

// timeScale is how much faster than on the wall time passes, 0 if it doesn't.
func (a *App) timeScale() float64 {
	if scale := a.Clock.Product(time.Second).Seconds(); scale != 1 {
		return scale
	}
	return 0
}

// lanesForForecast are the channels as forecasts know them. Rates are of the machine's seconds, those of
// forecasts of the product's.
func (a *App) lanesForForecast() []forecast.Lane {
	machine := a.Clock.Machine(time.Second).Seconds()
	all := make([]forecast.Lane, len(a.channels))
	for i := range a.channels {
		c := &a.channels[i]
		rate, atOnce := c.pace()
		all[i] = forecast.Lane{
			Channel: c.Name, Kind: c.kind, Rate: rate * machine, AtOnce: atOnce, Wait: c.policy.Wait.Seconds(),
			Presumed: c.policy.Silence == channels.SilenceIsPresumed,
		}
		if all[i].Presumed {
			all[i].Bounce = c.policy.BounceWindow.Seconds()
		}
	}
	return all
}

// pace is how many messages the channel's providers take together, a second (0 is unlimited) and at once. One
// who takes what is too much for the others counts as well.
func (c *configured) pace() (rate float64, atOnce int) {
	unlimited := false
	for i := range c.accounts {
		l := &c.accounts[i].limits
		rate, atOnce, unlimited = rate+l.PerSecond, atOnce+l.Concurrency, unlimited || l.PerSecond == 0
	}
	if unlimited {
		rate = 0
	}
	return rate, atOnce
}
