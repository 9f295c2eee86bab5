package app

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// NamedCascade is the steps for some updates. The first of them that fits an update has its steps.
type NamedCascade struct {
	Name  string          `yaml:"name"`
	For   CascadeFor      `yaml:"for"`
	Steps []playbook.Step `yaml:"steps"`
}

// CascadeFor says for which updates a cascade is; an empty list is for all.
type CascadeFor struct {
	Kind   []incident.Kind   `yaml:"kind"`
	Status []incident.Status `yaml:"status"`
	Impact []incident.Impact `yaml:"impact"`
}

// cascades makes the rules of the configured cascades.
func (c *Config) cascades() ([]plan.Cascade, error) {
	var all []plan.Cascade
	var errs []error
	for i, n := range c.Cascades {
		one, err := c.cascade(n)
		if err != nil {
			errs = append(errs, fmt.Errorf("cascades[%d]: %w", i, err))
		}
		all = append(all, one)
	}
	return all, errors.Join(errs...)
}

func (c *Config) cascade(n NamedCascade) (plan.Cascade, error) {
	one := plan.Cascade{Name: n.Name, Kinds: n.For.Kind, Statuses: n.For.Status, Impacts: n.For.Impact}
	if n.Name == "" || len(n.Steps) == 0 {
		return one, errors.New("needs a name and steps")
	}
	for _, k := range n.For.Kind {
		if k != incident.Outage && k != incident.Maintenance {
			return one, fmt.Errorf("for.kind: %q must be outage or maintenance", k)
		}
	}
	for _, s := range n.For.Status {
		if !s.Known() {
			return one, fmt.Errorf("for.status: %q is no status", s)
		}
	}
	for _, i := range n.For.Impact {
		if !i.Known() {
			return one, fmt.Errorf("for.impact: %q must be minor, major or critical", i)
		}
	}
	for i, s := range n.Steps {
		step, err := c.step(s)
		if err != nil {
			return one, fmt.Errorf("steps[%d].%w", i, err)
		}
		one.Steps = append(one.Steps, step)
	}
	return one, nil
}

func (c *Config) step(s playbook.Step) (notification.Step, error) {
	words := plan.Words()
	known := slices.ContainsFunc(c.Channels, func(ch Channel) bool { return ch.Name == s.Channel })
	if !known && !slices.Contains(words, s.Channel) {
		return notification.Step{}, fmt.Errorf("channel: %q is not configured, nor one of %v", s.Channel, words)
	}
	return s.Step()
}
