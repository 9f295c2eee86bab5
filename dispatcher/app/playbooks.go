package app

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/plan"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// PlaybookOptions say which playbooks there are for a configuration, and what they may name. Where no
// channel is configured, any may be named.
func (c *Config) PlaybookOptions() (playbook.Options, error) {
	catalogue, err := c.texts()
	if err != nil {
		return playbook.Options{}, err
	}
	o := playbook.Options{Catalogue: catalogue, Words: plan.Words(), Approval: playbook.Approval{People: 1}}
	if c.Approval == "none" {
		o.Approval, o.ApprovedBy = playbook.Approval{}, "configuration (approval: none)"
	}
	if c.Playbooks != "" {
		o.Own, o.Place = os.DirFS(c.Playbooks), c.Playbooks
	}
	for _, ch := range c.Channels {
		one := playbook.Channel{Name: ch.Name}
		for _, a := range ch.Accounts {
			one.Accounts = append(one.Accounts, a.Address)
		}
		o.Channels = append(o.Channels, one)
	}
	return o, nil
}

// LoadPlaybooks reads the playbooks, those built in and the configured folder's, and tries their texts.
func (c *Config) LoadPlaybooks() (*playbook.Set, error) {
	o, err := c.PlaybookOptions()
	if err != nil {
		return nil, err
	}
	s, err := playbook.Load(o)
	return s, c.ofPlaybooks(err)
}

// ofPlaybooks says that an error is that of the playbooks. Faults of theirs say so themselves.
func (c *Config) ofPlaybooks(err error) error {
	if _, ok := errors.AsType[playbook.Faults](err); err == nil || ok {
		return err
	}
	return fmt.Errorf("%s: %w", c.place(), err)
}

// makeTexts reads what texts are made of. Only the dispatcher makes them, and follows the playbooks.
func (a *App) makeTexts() error {
	if !a.has(Dispatcher) {
		r, err := newRenderer(a.Config)
		if err == nil {
			a.locales = playbook.Locales(r, a.Config.Locale)
		}
		return err
	}
	o, err := a.Config.PlaybookOptions()
	if err != nil {
		return err
	}
	m := newPlaybookMetrics(a.registry)
	if a.playbooks, err = playbook.NewLive(o, a.Log, m.look); err != nil {
		return a.Config.ofPlaybooks(err)
	}
	m.runs(a.playbooks.Set())
	a.locales = a.playbooks.Set().Locales()
	return nil
}

// playbooksInfo is the metric that tells `tocsin doctor` which playbooks run.
const playbooksInfo = "tocsin_playbooks_info"

// playbookMetrics say which playbooks run.
type playbookMetrics struct {
	reloads *prometheus.CounterVec
	info    *prometheus.GaugeVec
	loaded  prometheus.Gauge
	refused prometheus.Gauge
}

func newPlaybookMetrics(r prometheus.Registerer) *playbookMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "tocsin_playbooks_" + name, Help: help})
	}
	m := &playbookMetrics{
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_playbooks_reloads_total", Help: "Changes of the folder of playbooks, by what became of them.",
		}, []string{"result"}),
		info:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: playbooksInfo, Help: "The hash of the folder of playbooks that runs; empty where there is none."}, []string{"hash"}),
		loaded:  gauge("loaded_timestamp_seconds", "When the playbooks that run were read."),
		refused: gauge("refused", "1 while what is in the folder of playbooks can't be used, and those before run."),
	}
	for _, result := range []string{"loaded", "refused"} {
		m.reloads.WithLabelValues(result)
	}
	r.MustRegister(m.reloads, m.info, m.loaded, m.refused)
	return m
}

func (m *playbookMetrics) runs(s *playbook.Set) {
	m.info.Reset()
	m.info.WithLabelValues(s.Hash).Set(1)
	m.loaded.Set(float64(time.Now().Unix()))
	m.refused.Set(0)
}

// look counts what came of a change.
func (m *playbookMetrics) look(l playbook.Look) {
	if l.Err != nil {
		m.reloads.WithLabelValues("refused").Inc()
		m.refused.Set(1)
		return
	}
	m.reloads.WithLabelValues("loaded").Inc()
	m.runs(l.Set)
}
