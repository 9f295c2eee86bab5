package playbook

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
)

// Options say what playbooks are read, and into what installation.
type Options struct {
	// Catalogue is what texts know of the organisation.
	Catalogue templates.Catalogue
	// Own holds the team's playbooks, one a folder; nil if it has none. Place is what people call it.
	Own   fs.FS
	Place string
	// Approval is the rule for updates for which no playbook has one, and ApprovedBy who lets them go if
	// it asks nobody.
	Approval   Approval
	ApprovedBy string
	// Channels are those configured, for Check; nil if that is not known.
	Channels []Channel
	// Words stand for channels in steps.
	Words []string
}

// Channel is a channel that is configured.
type Channel struct {
	Name string
	// Accounts are the addresses of its public accounts.
	Accounts []string
}

// Set is the playbooks that there are: those built in and the team's. It never changes, and is safe for
// concurrent use.
type Set struct {
	all []*Playbook // by name
	// Hash is that of the team's folder; "" if there is none.
	Hash string
	// DefaultLocale is that of the catalogue.
	defaultLocale string
}

// Load reads the playbooks and tries all their texts. Its error is a [Faults] with everything for which
// they can't be used, unless the catalogue is to blame or the folder can't be read.
func Load(o Options) (*Set, error) {
	own, err := readOwn(o)
	if err != nil {
		return nil, err
	}
	return load(o, own)
}

func readOwn(o Options) (*source, error) {
	if o.Own == nil {
		return nil, nil
	}
	own, err := readSource(o.Own)
	if pe, ok := errors.AsType[*fs.PathError](err); ok { // its path is one within the folder
		return nil, fmt.Errorf("playbooks: %s: %w", path.Join(o.Place, pe.Path), pe.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("playbooks: %s: %w", o.Place, err)
	}
	return own, nil
}

func load(o Options, own *source) (*Set, error) {
	s, faults, err := build(o, own)
	if err != nil {
		return nil, err
	}
	if err := append(faults, s.ties()...).err(); err != nil {
		return nil, err
	}
	return s, nil
}

// All lists the playbooks by name.
func (s *Set) All() []*Playbook { return slices.Clone(s.all) }

// InOrder lists the playbooks in the order in which they are tried: the more one's `for` says, the sooner;
// then the generic one, and then those that are for updates that name them.
func (s *Set) InOrder() []*Playbook {
	all := s.All()
	slices.SortStableFunc(all, func(p, q *Playbook) int { return q.place() - p.place() })
	return all
}

// place is twice its rank, with the generic one between those of rank 0 and the others.
func (p *Playbook) place() int {
	if p.Name == Generic {
		return 1
	}
	return 2 * p.For.rank()
}

// Get returns a playbook by name, nil if there is none.
func (s *Set) Get(name string) *Playbook {
	if i := slices.IndexFunc(s.all, func(p *Playbook) bool { return p.Name == name }); i >= 0 {
		return s.all[i]
	}
	return nil
}

// Choose returns the playbook of an update: the one that it names (nil if there is none of that name), or
// of those that are for it the one that says most; of two that say as much, the one for the service, then
// the region, that the update names first. An update that none is for has the generic one.
func (s *Set) Choose(u *incident.Update) *Playbook {
	if u.Playbook != "" {
		return s.Get(u.Playbook)
	}
	best := s.Get(Generic)
	for _, p := range s.all {
		if p.For.fits(u) && (best.Name == Generic || compare(p, best, u) > 0) {
			best = p
		}
	}
	return best
}

// compare says which of two playbooks that are for an update is rather for it.
func compare(p, q *Playbook, u *incident.Update) int {
	return cmp.Or(cmp.Compare(p.For.rank(), q.For.rank()),
		cmp.Compare(first(q.For.Services, u.Affects.Services), first(p.For.Services, u.Affects.Services)),
		cmp.Compare(first(q.For.Regions, u.Affects.Regions), first(p.For.Regions, u.Affects.Regions)))
}

// Prepared is what an update's playbook makes of it.
type Prepared struct {
	Terms Terms
	// ApprovedBy is who lets the update go if its terms ask nobody.
	ApprovedBy string
	// Locales are those in which it is told, the default first.
	Locales []string
	// Render writes one of its texts; see templates.Renderer.
	Render func(kind channels.Kind, locale string) (notification.Content, error)
}

// Prepare chooses an update's playbook and says what that makes of it, or what of the update it doesn't know.
func (s *Set) Prepare(u incident.Update) (Prepared, []incident.Fault) {
	p := s.Choose(&u)
	if p == nil {
		return Prepared{}, []incident.Fault{{Path: "data.playbook", Problem: fmt.Sprintf("%q is no playbook; there are %s", u.Playbook, s.names())}}
	}
	if faults := p.strange(&u); len(faults) > 0 {
		return Prepared{}, faults
	}
	r, err := p.renderer()
	if err != nil {
		return Prepared{}, []incident.Fault{{Path: "data.playbook", Problem: err.Error()}}
	}
	said := p.Said(u)
	return Prepared{
		Terms: p.Resolve(&u), ApprovedBy: p.approval(&u).from, Locales: Locales(r, s.defaultLocale),
		Render: func(kind channels.Kind, locale string) (notification.Content, error) {
			return r.Render(said, kind, locale)
		},
	}, nil
}

// strange finds the compensation options that the playbook doesn't have.
func (p *Playbook) strange(u *incident.Update) []incident.Fault {
	var faults []incident.Fault
	for i, id := range u.Compensate {
		if p.option(id) == nil {
			has := "it has none"
			if len(p.Compensation) > 0 {
				has = "it has " + strings.Join(p.options(), ", ")
			}
			faults = append(faults, incident.Fault{
				Path: fmt.Sprintf("data.compensate[%d]", i), Problem: fmt.Sprintf("%q is no option of the playbook %s: %s", id, p.Name, has),
			})
		}
	}
	return faults
}

func (p *Playbook) options() []string {
	ids := make([]string, len(p.Compensation))
	for i, o := range p.Compensation {
		ids[i] = o.ID
	}
	return ids
}

func (s *Set) names() string {
	names := make([]string, len(s.all))
	for i, p := range s.all {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}

// Locales are those of the generic texts, the default first.
func (s *Set) Locales() []string {
	r, err := s.Get(Generic).renderer()
	if err != nil { // it was made when the set was
		return nil
	}
	return Locales(r, s.defaultLocale)
}

// Locales are those of a renderer, that of the default locale first.
func Locales(r *templates.Renderer, standard string) []string {
	standard = r.Locale(standard)
	all := []string{standard}
	for _, l := range r.Locales() {
		if l != standard {
			all = append(all, l)
		}
	}
	return all
}

// byName sorts playbooks by their names.
func byName(all map[string]*Playbook) []*Playbook {
	sorted := make([]*Playbook, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, all[name])
	}
	return sorted
}
