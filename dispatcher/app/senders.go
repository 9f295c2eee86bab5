package app

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/lane"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// configured is a channel with its providers' adapters, ready to send.
type configured struct {
	Channel
	kind     channels.Kind
	accounts []account
	policy   notification.ChannelPolicy
}

// senders makes the adapters of all channels. Nothing is contacted.
func senders(c *Config, specs []channels.Spec, version string) ([]configured, error) {
	if len(c.Channels) == 0 {
		return nil, fmt.Errorf("%s: channels: none is configured; `tocsin channels` lists what there is", c.place())
	}
	var all []configured
	var errs []error
	for _, ch := range c.Channels {
		one, err := makeSender(c, ch, specs, version)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, one)
	}
	for _, name := range c.Cascade.Behind {
		if !slices.ContainsFunc(c.Channels, func(ch Channel) bool { return ch.Name == name }) {
			errs = append(errs, fmt.Errorf("%s: cascade.behind: channel %q is not configured", c.place(), name))
		}
	}
	return all, errors.Join(errs...)
}

func makeSender(c *Config, ch Channel, specs []channels.Spec, version string) (configured, error) {
	one := configured{Channel: ch}
	errs := []error{ch.checkProviders(c.place())}
	for _, p := range ch.All() {
		a, err := makeAccount(c, p, specs, version)
		one.accounts, errs = append(one.accounts, a), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return one, errors.Join(err, one.close())
	}
	if err := agree(c.place(), one.accounts); err != nil {
		return one, errors.Join(err, one.close())
	}
	var err error
	one.kind = one.accounts[0].spec.Kind
	if one.policy, err = policyOf(c, &one); err != nil {
		return one, errors.Join(fmt.Errorf("%s:%d: channels.%s.%w", c.place(), ch.line, ch.Name, err), one.close())
	}
	return one, nil
}

// close closes the adapters that were made.
func (c *configured) close() error {
	var errs []error
	for i := range c.accounts {
		if c.accounts[i].sender != nil {
			errs = append(errs, c.accounts[i].sender.Close())
		}
	}
	return errors.Join(errs...)
}

func policyOf(c *Config, one *configured) (notification.ChannelPolicy, error) {
	ch := one.Channel
	p := notification.ChannelPolicy{Wait: c.Cascade.Wait, Proof: channels.Delivered, Silence: one.accounts[0].spec.Silence}
	for i := range one.accounts {
		s := &one.accounts[i].spec
		p.BounceWindow, p.ByID = max(p.BounceWindow, s.BounceWindow), p.ByID || s.ReceiptsByID
		if s.InquireAfter > 0 {
			askable(&p, s.InquireAfter, lane.AskRate(one.accounts[i].limits))
		}
		p.RecallWithin = max(p.RecallWithin, s.RecallWithin)
		p.Providers = append(p.Providers, one.accounts[i].Name)
	}
	p.Queue = ch.Queue
	if ch.Wait < 0 || ch.Queue < 0 || (ch.BounceWindow != nil && *ch.BounceWindow < 0) {
		return p, errors.New("wait, queue, bounce_window: must not be negative")
	}
	if ch.Wait > 0 {
		p.Wait = ch.Wait
	}
	if ch.BounceWindow != nil {
		p.BounceWindow = *ch.BounceWindow
	}
	switch ch.Proof {
	case "", "delivered":
	case "accepted":
		p.Proof = channels.Accepted
	default:
		return p, fmt.Errorf("proof: %q must be delivered or accepted", ch.Proof)
	}
	return p, nil
}

// askable notes that one of a channel's providers can be asked: the slowest of them counts.
func askable(p *notification.ChannelPolicy, after time.Duration, rate float64) {
	if !p.Askable || rate < p.AskRate {
		p.AskRate = rate
	}
	p.Askable, p.AskAfter = true, max(p.AskAfter, after)
}

// httpClient keeps as many connections as its lane uses at once; contexts bound its requests.
func httpClient(concurrency int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          0,
		MaxIdleConnsPerHost:   concurrency,
		MaxConnsPerHost:       concurrency,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
	}}
}

// rules says which channels there are for planning, and what holds messages back.
func rules(c *Config, all []configured, locales []string) (plan.Rules, error) {
	r := plan.Rules{Behind: c.Cascade.Behind, Locales: locales}
	var quietErr, nightErr, capErr, cascadesErr error
	r.Cascades, cascadesErr = c.cascades()
	r.Quiet, quietErr = c.quiet()
	r.Night, nightErr = c.night()
	r.Cap, capErr = c.frequencyCap()
	for i := range all {
		r.Channels = append(r.Channels, plan.Channel{Name: all[i].Name, Kind: all[i].kind})
	}
	return r, errors.Join(quietErr, nightErr, capErr, cascadesErr)
}

// kinds lists the kinds of the channels, each once.
func kinds(all []configured) []channels.Kind {
	var ks []channels.Kind
	for i := range all {
		if !slices.Contains(ks, all[i].kind) {
			ks = append(ks, all[i].kind)
		}
	}
	return ks
}

// threaded are the channels of which a provider replies in threads.
func threaded(all []configured) map[string]bool {
	of := map[string]bool{}
	for i := range all {
		of[all[i].Name] = slices.ContainsFunc(all[i].accounts, func(a account) bool { return a.spec.Threads })
	}
	return of
}

// measure counts billed units by whichever adapter of a kind can.
func measure(all []configured) func(channels.Kind, string) int {
	by := map[channels.Kind]channels.Measurer{}
	for i := range all {
		for j := range all[i].accounts {
			if m, ok := all[i].accounts[j].sender.(channels.Measurer); ok {
				by[all[i].kind] = m
			}
		}
	}
	return func(k channels.Kind, text string) int {
		if m := by[k]; m != nil {
			return m.Units(text)
		}
		return 0
	}
}

// Checker makes the check that customers pass on their way into the directory.
func Checker(c *Config, specs []channels.Spec) (*audience.Checker, error) {
	r := audience.Rules{Locale: c.Locale, Zone: c.Zone, Channels: map[string]audience.AddressCheck{}}
	add := func(channel string, s *channels.Spec) {
		r.Channels[channel] = s.CheckAddress
		if numbers := s.Kind == channels.SMS || s.Kind == channels.Voice; numbers && s.CheckAddress == nil {
			r.Channels[channel] = audience.Phone(c.PhoneCountry)
		}
	}
	for i := range specs {
		add(specs[i].Channel, &specs[i])
	}
	for _, ch := range c.Channels {
		first := ch.All()[0].Provider
		if i := slices.IndexFunc(specs, func(s channels.Spec) bool { return s.Provider == first }); i >= 0 {
			add(ch.Name, &specs[i])
		}
	}
	checker, err := audience.NewChecker(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.place(), err)
	}
	return checker, nil
}
