package app

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/lane"
	"github.com/tocsin-dev/tocsin/dispatcher/strictyaml"
)

// Provider configures one of a channel's providers. Rate, Concurrency and Timeout default to the
// adapter's own.
type Provider struct {
	// Name tells it apart from the channel's others: in metrics, in the URL for its receipts, in
	// results. It defaults to Provider.
	Name string `yaml:"name"`
	// Provider is the adapter.
	Provider string `yaml:"provider"`
	// Weight is its share of the attempts. Where no provider of the channel has one they are asked in
	// order; where some have, those without get what the others can't take.
	Weight      int           `yaml:"weight"`
	Rate        *float64      `yaml:"rate"`
	Concurrency int           `yaml:"concurrency"`
	Timeout     time.Duration `yaml:"timeout"`
	Settings    yaml.Node     `yaml:"settings"`

	line int
	key  string // where it stands in the configuration
}

// Providers are a channel's providers, in the order in which they are asked.
type Providers []Provider

// YAMLShape implements strictyaml.Shaped.
func (ps Providers) YAMLShape() reflect.Type { return reflect.TypeFor[[]Provider]() }

// UnmarshalYAML reads providers, and remembers where they stand.
func (ps *Providers) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.SequenceNode {
		return fmt.Errorf("line %d: providers: must be a list, each with a provider and its settings", node.Line)
	}
	for _, n := range node.Content {
		p := Provider{line: n.Line}
		if err := n.Decode(&p); err != nil {
			return err
		}
		*ps = append(*ps, p)
	}
	return nil
}

// All returns the channel's providers by their names, also where it is configured with one in the
// short form.
func (ch *Channel) All() []Provider {
	key := "channels." + ch.Name
	if len(ch.Providers) == 0 {
		return []Provider{{
			Name: ch.Provider, Provider: ch.Provider, Rate: ch.Rate, Concurrency: ch.Concurrency, Timeout: ch.Timeout,
			Settings: ch.Settings, line: ch.line, key: key,
		}}
	}
	all := slices.Clone(ch.Providers)
	for i := range all {
		all[i].key = fmt.Sprintf("%s.providers[%d]", key, i)
		if all[i].Name == "" {
			all[i].Name = all[i].Provider
		}
	}
	return all
}

// Limits returns what the configuration makes of the adapter's own limits.
func (p *Provider) Limits(own channels.Limits) channels.Limits {
	if p.Rate != nil {
		own.PerSecond = *p.Rate
	}
	if p.Concurrency > 0 {
		own.Concurrency = p.Concurrency
	}
	if p.Timeout > 0 {
		own.Timeout = p.Timeout
	}
	return own
}

// namePattern is what can stand in subjects, keys and paths.
var namePattern = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// checkProviders checks what a channel's providers say about one another.
func (ch *Channel) checkProviders(place string) error {
	if len(ch.Providers) == 0 {
		return nil
	}
	var errs []error
	bad := func(line int, key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s:%d: %s: %s", place, line, key, fmt.Sprintf(format, args...)))
	}
	if ch.Provider != "" || ch.Rate != nil || ch.Concurrency != 0 || ch.Timeout != 0 || ch.Settings.Kind != 0 {
		bad(ch.line, "channels."+ch.Name, "provider, settings, rate, concurrency, timeout: belong to each of its providers")
	}
	if len(ch.Providers) > lane.MaxProviders {
		bad(ch.line, "channels."+ch.Name+".providers", "%d are too many; at most %d", len(ch.Providers), lane.MaxProviders)
	}
	seen := map[string]bool{}
	for _, p := range ch.All() {
		switch {
		case p.Provider == "": // said elsewhere, with what there is
		case !namePattern.MatchString(p.Name):
			bad(p.line, p.key+".name", "%q must be 1 to 64 of the characters a-z, 0-9, '-' and '_'", p.Name)
		case seen[p.Name]:
			bad(p.line, p.key+".name", "%q is there twice; give each account of a provider a name", p.Name)
		}
		if p.Weight < 0 {
			bad(p.line, p.key+".weight", "must not be negative")
		}
		seen[p.Name] = true
	}
	return errors.Join(errs...)
}

// account is one of a channel's providers with its adapter, ready to send.
type account struct {
	Provider
	spec   channels.Spec
	sender channels.Sender
	limits channels.Limits
}

// makeAccount makes the adapter of one provider. Nothing is contacted.
func makeAccount(c *Config, p Provider, specs []channels.Spec, version string) (account, error) {
	fail := func(format string, args ...any) (account, error) {
		return account{}, fmt.Errorf("%s:%d: %s"+format, append([]any{c.place(), p.line, p.key}, args...)...)
	}
	i := slices.IndexFunc(specs, func(s channels.Spec) bool { return s.Provider == p.Provider })
	if i < 0 {
		var names []string
		for _, s := range specs {
			names = append(names, s.Provider)
		}
		return fail(".provider: %q is not one of %s", p.Provider, strings.Join(names, ", "))
	}
	switch {
	case p.Rate != nil && *p.Rate < 0: // nothing would ever be sent
		return fail(".rate: must not be negative; 0 is unlimited")
	case p.Concurrency < 0:
		return fail(".concurrency: must not be negative")
	case p.Timeout < 0:
		return fail(".timeout: must not be negative")
	}
	a := account{Provider: p, spec: specs[i], limits: p.Limits(specs[i].Limits)}
	env := channels.Env{HTTP: httpClient(a.limits.Concurrency), UserAgent: "tocsin/" + version}
	var err error
	if a.sender, err = a.spec.New(strictyaml.Decoder(c.place(), p.Settings, p.key+".settings"), env); err != nil {
		return fail(".settings: %w", err)
	}
	return a, nil
}

// agree checks that providers can stand behind one channel: they carry the same texts, and their
// silence means the same.
func agree(place string, all []account) error {
	for _, a := range all[1:] {
		first := all[0]
		switch {
		case a.spec.Kind != first.spec.Kind:
			return fmt.Errorf("%s:%d: %s.provider: %s is for %s, %s for %s; a channel's providers must carry the same texts",
				place, a.line, a.key, a.Provider.Provider, a.spec.Kind, first.Provider.Provider, first.spec.Kind)
		case a.spec.Silence != first.spec.Silence:
			return fmt.Errorf("%s:%d: %s.provider: only one of %s and %s reports deliveries; on one channel silence must mean one thing",
				place, a.line, a.key, a.Provider.Provider, first.Provider.Provider)
		}
	}
	return nil
}
