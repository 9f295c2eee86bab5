package app

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// configured is a channel with its adapter, ready to send.
type configured struct {
	Channel
	spec   channels.Spec
	sender channels.Sender
	limits channels.Limits
	policy notification.ChannelPolicy
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
	key := "channels." + ch.Name
	place := fmt.Sprintf("%s:%d", c.place(), ch.line)
	i := slices.IndexFunc(specs, func(s channels.Spec) bool { return s.Provider == ch.Provider })
	if i < 0 {
		var names []string
		for _, s := range specs {
			names = append(names, s.Provider)
		}
		return configured{}, fmt.Errorf("%s: %s.provider: %q is not one of %s", place, key, ch.Provider, strings.Join(names, ", "))
	}
	if err := checkLimits(ch); err != nil {
		return configured{}, fmt.Errorf("%s: %s.%w", place, key, err)
	}
	one := configured{Channel: ch, spec: specs[i], limits: limitsOf(ch, specs[i])}
	var err error
	if one.policy, err = policyOf(c, ch, specs[i]); err != nil {
		return configured{}, fmt.Errorf("%s: %s.%w", place, key, err)
	}
	env := channels.Env{HTTP: httpClient(one.limits.Concurrency), UserAgent: "tocsin/" + version}
	one.sender, err = specs[i].New(decoder(c.place(), ch.Settings, key+".settings"), env)
	if err != nil {
		return configured{}, fmt.Errorf("%s: %s.settings: %w", place, key, err)
	}
	return one, nil
}

// checkLimits refuses what can't be meant: with a negative rate nothing would ever be sent.
func checkLimits(ch Channel) error {
	switch {
	case ch.Rate != nil && *ch.Rate < 0:
		return errors.New("rate: must not be negative; 0 is unlimited")
	case ch.Concurrency < 0:
		return errors.New("concurrency: must not be negative")
	case ch.Timeout < 0, ch.Wait < 0, ch.Queue < 0, ch.BounceWindow != nil && *ch.BounceWindow < 0:
		return errors.New("timeout, wait, queue, bounce_window: must not be negative")
	}
	return nil
}

func limitsOf(ch Channel, s channels.Spec) channels.Limits {
	l := s.Limits
	if ch.Rate != nil {
		l.PerSecond = *ch.Rate
	}
	if ch.Concurrency > 0 {
		l.Concurrency = ch.Concurrency
	}
	if ch.Timeout > 0 {
		l.Timeout = ch.Timeout
	}
	return l
}

func policyOf(c *Config, ch Channel, s channels.Spec) (notification.ChannelPolicy, error) {
	p := notification.ChannelPolicy{
		Wait: c.Cascade.Wait, Proof: channels.Delivered, Silence: s.Silence, BounceWindow: s.BounceWindow, ByID: s.ReceiptsByID, Queue: ch.Queue,
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
	var quietErr, capErr error
	r.Quiet, quietErr = c.quiet()
	r.Cap, capErr = c.frequencyCap()
	for i := range all {
		r.Channels = append(r.Channels, plan.Channel{Name: all[i].Name, Kind: all[i].spec.Kind})
	}
	return r, errors.Join(quietErr, capErr)
}

// kinds lists the kinds of the channels, each once.
func kinds(all []configured) []channels.Kind {
	var ks []channels.Kind
	for i := range all {
		if !slices.Contains(ks, all[i].spec.Kind) {
			ks = append(ks, all[i].spec.Kind)
		}
	}
	return ks
}

// measure counts billed units by whichever adapter of a kind can.
func measure(all []configured) func(channels.Kind, string) int {
	by := map[channels.Kind]channels.Measurer{}
	for i := range all {
		if m, ok := all[i].sender.(channels.Measurer); ok {
			by[all[i].spec.Kind] = m
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
	add := func(channel string, k channels.Kind) {
		switch k {
		case channels.SMS, channels.Voice:
			r.Channels[channel] = audience.Phone(c.PhoneCountry)
		case channels.Email:
			r.Channels[channel] = email.CheckAddress
		case channels.Messenger, channels.Social, channels.Web, channels.Push:
			r.Channels[channel] = nil
		}
	}
	for _, s := range specs {
		add(s.Channel, s.Kind)
	}
	for _, ch := range c.Channels {
		if i := slices.IndexFunc(specs, func(s channels.Spec) bool { return s.Provider == ch.Provider }); i >= 0 {
			add(ch.Name, specs[i].Kind)
		}
	}
	checker, err := audience.NewChecker(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.place(), err)
	}
	return checker, nil
}
