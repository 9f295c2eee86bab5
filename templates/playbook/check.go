package playbook

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
)

// Check finds everything that is wrong with the team's playbooks: all for which Load would refuse them, and
// what would go unnoticed until the night: names that the configuration doesn't know, texts that are
// missing in a language or too long, playbooks and rules that are never chosen. Without a folder of the
// team's it finds what of the built-in texts is too long with the catalogue's names. An error means that
// it could not look.
func Check(o Options) (Faults, error) {
	own, err := readOwn(o)
	if err != nil {
		return nil, err
	}
	s, faults, err := build(o, own)
	if err != nil || s == nil {
		return faults, err
	}
	if own == nil {
		return s.checkBuiltIn(o), nil
	}
	faults = append(faults, s.ties()...)
	return append(faults, s.check(o)...), nil
}

// Warnings are the faults that don't keep the set from being used.
func (s *Set) Warnings(o Options) Faults { return s.check(o) }

func (s *Set) check(o Options) Faults {
	unreachable := s.unreachable()
	var faults Faults
	for _, p := range s.all {
		if p.BuiltIn() {
			continue
		}
		c := checking{options: &o, playbook: p}
		c.names()
		c.rules()
		c.compensation()
		c.locales()
		c.lengths()
		if why := unreachable[p.Name]; why != "" {
			c.fault("%s", why)
		}
		faults = append(faults, c.faults...)
	}
	return faults
}

func (s *Set) checkBuiltIn(o Options) Faults {
	var faults Faults
	for _, p := range s.all {
		c := checking{options: &o, playbook: p}
		c.lengths()
		faults = append(faults, c.faults...)
	}
	return faults
}

// checking is the check of one playbook.
type checking struct {
	options  *Options
	playbook *Playbook
	faults   Faults
}

func (c *checking) fault(format string, args ...any) {
	c.faults = append(c.faults, faultAt(path.Join(c.playbook.Place, playbookFile), format, args...))
}

// mine returns those of a playbook's rules that are its own.
func mine[T any](p *Playbook, all []T, of func(*Playbook) []T) []T {
	if p.base == nil {
		return all
	}
	return all[:len(all)-len(of(p.base))]
}

func (c *checking) ownCascade() []CascadeRule {
	return mine(c.playbook, c.playbook.Cascade, func(p *Playbook) []CascadeRule { return p.Cascade })
}

// names finds those that the configuration doesn't know.
func (c *checking) names() {
	p := c.playbook
	c.known("for.services", "service", p.For.Services, c.options.Catalogue.Services)
	c.known("for.regions", "region", p.For.Regions, c.options.Catalogue.Regions)
	if c.options.Channels == nil {
		return
	}
	var channels []string
	accounts := map[string][]string{}
	for _, ch := range c.options.Channels {
		channels = append(channels, ch.Name)
		accounts[ch.Name] = ch.Accounts
	}
	for i, r := range c.ownCascade() {
		for j, step := range r.Steps {
			if !slices.Contains(channels, step.Channel) && !slices.Contains(c.options.Words, step.Channel) {
				c.fault("cascade[%d].steps[%d].channel: %q is not configured, nor one of %s", i, j, step.Channel, strings.Join(c.options.Words, ", "))
			}
		}
	}
	for _, channel := range slices.Sorted(maps.Keys(p.Accounts)) {
		if p.base != nil && slices.Equal(p.Accounts[channel], p.base.Accounts[channel]) {
			continue
		}
		if !slices.Contains(channels, channel) {
			c.fault("accounts.%s: is no channel that is configured", channel)
			continue
		}
		for i, address := range p.Accounts[channel] {
			if !slices.Contains(accounts[channel], address) {
				c.fault("accounts.%s[%d]: %q is no account of the channel; configured are %s", channel, i, address,
					cmp.Or(strings.Join(accounts[channel], ", "), "none"))
			}
		}
	}
}

// known finds names that are not in the catalogue, if that has any.
func (c *checking) known(key, what string, names []string, catalogue map[string]incident.Text) {
	for i, name := range names {
		if _, ok := catalogue[name]; !ok && len(catalogue) > 0 {
			c.fault("%s[%d]: %q is no %s of the catalogue", key, i, name, what)
		}
	}
}

// rules finds those of the playbook that stand behind one that is for all updates.
func (c *checking) rules() {
	p := c.playbook
	behind(c, "cascade", c.ownCascade(), func(r CascadeRule) bool { return r.For.always() })
	behind(c, "approval", mine(p, p.Approval, func(p *Playbook) []ApprovalRule { return p.Approval }), func(r ApprovalRule) bool { return r.For.always() })
	behind(c, "cadence.every", mine(p, p.Every, func(p *Playbook) []EveryRule { return p.Every }), func(r EveryRule) bool { return r.For.always() })
}

func behind[T any](c *checking, key string, rules []T, always func(T) bool) {
	if i := slices.IndexFunc(rules, always); i >= 0 && i+1 < len(rules) {
		c.fault("%s[%d]: is never tried: %s[%d] is for all updates", key, i+1, key, i)
	}
}

// compensation finds options that a language has no words for.
func (c *checking) compensation() {
	for _, o := range c.playbook.Compensation {
		if c.playbook.base != nil && sameOption(c.playbook.base.option(o.ID), o) {
			continue
		}
		for _, locale := range languages() {
			if o.Text.In(locale) == "" {
				c.fault("compensation %q: text: nothing in %s", o.ID, locale)
			}
		}
	}
}

func sameOption(a *Compensation, b Compensation) bool {
	return a != nil && a.Value == b.Value && maps.Equal(a.Text, b.Text)
}

// languages are those that every text is to be in.
func languages() []string { return []string{"en", "ro", "ru"} }

// locales finds texts that the playbook says in one language and leaves to its base in another: customers
// of that language would be told something else.
func (c *checking) locales() {
	said := map[string]map[string]bool{} // by file and text, the languages
	for _, name := range slices.Sorted(maps.Keys(c.playbook.own.files)) {
		locale, file, ok := strings.Cut(name, "/")
		if !ok || !slices.Contains(languages(), locale) || !strings.HasSuffix(file, ".tmpl") {
			continue
		}
		for _, text := range defined(c.playbook.own.files[name]) {
			k := file + "\x00" + text
			if said[k] == nil {
				said[k] = map[string]bool{}
			}
			said[k][locale] = true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(said)) {
		file, text, _ := strings.Cut(k, "\x00")
		if !shared(file, text) {
			continue
		}
		for _, locale := range languages() {
			if !said[k][locale] {
				c.faults = append(c.faults, faultAt(path.Join(c.playbook.Place, locale, file),
					"says nothing of its own for %q, which is in %s", text, strings.Join(slices.Sorted(maps.Keys(said[k])), ", ")))
			}
		}
	}
}

// shared reports whether a text is one that all languages have: a status's. What is not is a phrase for a
// language's own texts.
func shared(file, text string) bool {
	status, _, _ := strings.Cut(text, ".")
	return file != "phrases.tmpl" && slices.Contains(templates.Statuses(), incident.Status(status))
}

// defined lists the texts that a template file defines.
func defined(raw []byte) []string {
	set := map[string]*parse.Tree{}
	t := parse.New("file")
	t.Mode = parse.SkipFuncCheck
	if _, err := t.Parse(string(raw), "", "", set); err != nil {
		return nil // said when it was tried
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if name != "file" {
			names = append(names, name)
		}
	}
	return names
}

// point is an update as far as the choice of its playbook goes.
func point(service, region string, kind incident.Kind, impact incident.Impact, status incident.Status) *incident.Update {
	u := &incident.Update{Data: incident.Data{Kind: kind, Impact: impact, Status: status}}
	if service != "" {
		u.Affects.Services = []string{service}
	}
	if region != "" {
		u.Affects.Regions = []string{region}
	}
	return u
}

// points calls f with an update of every sort that the playbooks tell apart.
func (s *Set) points(f func(*incident.Update)) {
	services, regions := []string{""}, []string{""}
	for _, p := range s.all {
		services, regions = append(services, p.For.Services...), append(regions, p.For.Regions...)
	}
	slices.Sort(services)
	slices.Sort(regions)
	for _, service := range slices.Compact(services) {
		for _, region := range slices.Compact(regions) {
			for _, kind := range kinds() {
				for _, status := range templates.Statuses() {
					if !incident.HasStatus(kind, status) {
						continue
					}
					for _, impact := range impacts() {
						f(point(service, region, kind, impact, status))
					}
				}
			}
		}
	}
}

// ties finds playbooks that are for the same updates and say as much as each other.
func (s *Set) ties() Faults {
	var faults Faults
	said := map[[2]string]bool{}
	s.points(func(u *incident.Update) {
		best := s.Choose(u)
		for _, p := range s.all {
			pair := [2]string{best.Name, p.Name}
			if p == best || !p.For.fits(u) || compare(p, best, u) != 0 || said[pair] {
				continue
			}
			said[pair], said[[2]string{p.Name, best.Name}] = true, true
			at, other := p, best
			if at.BuiltIn() {
				at, other = best, p
			}
			faults = append(faults, faultAt(path.Join(at.Place, playbookFile), "for: says as much as that of %s, and both are for %s: say more in one of them, or have the update name its playbook",
				other.Name, sortOf(u)))
		}
	})
	return faults
}

// sortOf says which sort of update a point is.
func sortOf(u *incident.Update) string {
	s := fmt.Sprintf("%s, %s, %s", u.Kind, u.Impact, u.Status)
	if len(u.Affects.Services) > 0 {
		s += ", service " + u.Affects.Services[0]
	}
	if len(u.Affects.Regions) > 0 {
		s += ", region " + u.Affects.Regions[0]
	}
	return s
}

// unreachable says of playbooks with a `for` why it never chooses them.
func (s *Set) unreachable() map[string]string {
	chosen := map[string]bool{}
	before := map[string]string{}
	s.points(func(u *incident.Update) {
		best := s.Choose(u)
		chosen[best.Name] = true
		for _, p := range s.all {
			switch {
			case p == best || !p.For.fits(u):
			case compare(p, best, u) == 0: // a tie, which is said
				chosen[p.Name] = true
			default:
				before[p.Name] = best.Name
			}
		}
	})
	why := map[string]string{}
	for _, p := range s.all {
		if p.For.rank() > 0 && !chosen[p.Name] {
			why[p.Name] = fmt.Sprintf("for: never chooses it: for each of its updates there is one that says more, such as %s", before[p.Name])
		}
	}
	return why
}
