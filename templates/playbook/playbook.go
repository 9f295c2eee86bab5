package playbook

import (
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
)

// Generic is the playbook for updates that no other is for, and in the end the base of all others. Its
// texts are those built into package templates.
const Generic = "generic"

// Playbook is a crisis plan, with all that it has from its bases. It never changes, and is safe for
// concurrent use.
type Playbook struct {
	Name, Description string
	// Base is what it builds on; "" for the built-in generic.
	Base string
	// Place is the folder that it was read from; "" if it is built in.
	Place string
	// Hash is the SHA-256, in hex, of its files and of those of its bases.
	Hash string
	// For says when it is chosen.
	For For
	// Cascade, Approval and Every are rules in the order in which they are tried: its own, then its
	// base's. The first that fits counts.
	Cascade  []CascadeRule
	Approval []ApprovalRule
	Every    []EveryRule
	// FirstNotice is within what time of its start an outage is told of, by impact.
	FirstNotice map[incident.Impact]clock.Span
	// Compensation are the options that an update may give.
	Compensation []Compensation
	// Accounts are the public accounts that are told, by channel; see [Terms].
	Accounts map[string][]string

	remind  clock.Span
	holding int
	notices []clock.Span
	bounds  Bounds

	own      *source   // its files
	base     *Playbook // nil for the built-in generic
	layers   []fs.FS   // the texts of its bases, and its own
	renderer func() (*templates.Renderer, error)
}

// BuiltIn reports whether the playbook came with the program.
func (p *Playbook) BuiltIn() bool { return p.Place == "" }

// Where says where it is: its folder, or that it is built in.
func (p *Playbook) Where() string {
	if p.BuiltIn() {
		return "built-in " + p.Name
	}
	return p.Place
}

// onto makes a playbook of what a file says on top of its base, which is nil for the built-in generic.
// Rules come before the base's; all else replaces what the base says, key by key.
func (f *file) onto(name string, base *Playbook) *Playbook {
	if base == nil {
		base = &Playbook{}
	}
	p := &Playbook{
		Name: name, Base: base.Name, Description: strings.TrimSpace(f.Description), For: f.For,
		Cascade: slices.Concat(f.Cascade, base.Cascade), Approval: slices.Concat(f.Approval, base.Approval),
		Every: slices.Concat(f.Cadence.Every, base.Every), FirstNotice: over(base.FirstNotice, f.Cadence.FirstNotice),
		Compensation: slices.Clone(base.Compensation), Accounts: over(base.Accounts, f.Accounts),
		remind: or(f.Cadence.Remind, base.remind), holding: or(f.Cadence.Holding, base.holding), notices: base.notices,
		bounds: Bounds{LastWithin: or(f.Bounds.LastWithin, base.bounds.LastWithin), Segments: or(f.Bounds.Segments, base.bounds.Segments)},
	}
	for i := range p.Approval[:len(f.Approval)] {
		p.Approval[i].from = "playbook " + name
	}
	if f.Cadence.Notices != nil {
		p.notices = slices.SortedFunc(slices.Values(f.Cadence.Notices), func(a, b clock.Span) int { return int(b.Duration() - a.Duration()) })
	}
	for _, o := range f.Compensation {
		if i := slices.IndexFunc(p.Compensation, func(c Compensation) bool { return c.ID == o.ID }); i >= 0 {
			p.Compensation[i] = o
		} else {
			p.Compensation = append(p.Compensation, o)
		}
	}
	return p
}

func over[K comparable, V any](base, own map[K]V) map[K]V {
	all := maps.Clone(base)
	if all == nil && len(own) > 0 {
		all = map[K]V{}
	}
	maps.Copy(all, own)
	return all
}

func or[T any](own *T, base T) T {
	if own != nil {
		return *own
	}
	return base
}

// Resolve says what the playbook makes of one update. The update's compensation options that the playbook
// doesn't have are left out; see [Set.Prepare].
func (p *Playbook) Resolve(u *incident.Update) Terms {
	t := Terms{Playbook: p.Name, Hash: p.Hash, Bounds: p.bounds, Steps: p.steps(u), Approval: p.approval(u).rule()}
	if len(p.Accounts) > 0 {
		t.Accounts = maps.Clone(p.Accounts)
	}
	t.Cadence = Cadence{FirstNotice: p.FirstNotice[u.Impact], Remind: p.remind, Holding: p.holding, Notices: slices.Clone(p.notices)}
	if i := slices.IndexFunc(p.Every, func(r EveryRule) bool { return r.For.fits(u) }); i >= 0 {
		t.Cadence.Every = p.Every[i].Within
	}
	for _, id := range u.Compensate {
		if o := p.option(id); o != nil {
			t.Compensation = append(t.Compensation, Option{ID: o.ID, Value: o.Value})
		}
	}
	return t
}

func (p *Playbook) steps(u *incident.Update) Steps {
	i := slices.IndexFunc(p.Cascade, func(r CascadeRule) bool { return r.For.fits(u) })
	if i < 0 {
		return nil
	}
	var steps Steps
	for _, s := range p.Cascade[i].Steps {
		step, err := s.Step()
		if err == nil { // or the playbook would not have been taken
			steps = append(steps, step)
		}
	}
	return steps
}

// approval is the first rule that fits.
func (p *Playbook) approval(u *incident.Update) ApprovalRule {
	if i := slices.IndexFunc(p.Approval, func(r ApprovalRule) bool { return r.For.fits(u) }); i >= 0 {
		return p.Approval[i]
	}
	return ApprovalRule{}
}

func (r ApprovalRule) rule() Approval {
	return Approval{People: r.People, TimeOut: r.TimeOut, Then: r.Then}
}

func (p *Playbook) option(id string) *Compensation {
	if i := slices.IndexFunc(p.Compensation, func(c Compensation) bool { return c.ID == id }); i >= 0 {
		return &p.Compensation[i]
	}
	return nil
}

// compensation is what customers read of an update's options, in each language that all of them have.
func (p *Playbook) compensation(u *incident.Update) incident.Text {
	var all incident.Text
	for i, id := range u.Compensate {
		o := p.option(id)
		if o == nil {
			continue
		}
		if i == 0 {
			all = maps.Clone(o.Text)
			continue
		}
		for locale := range all {
			if text := o.Text.In(locale); text != "" {
				all[locale] = sentence(all[locale]) + " " + text
			} else {
				delete(all, locale)
			}
		}
	}
	return all
}

// sentence ends a text as sentences end, so that another can follow.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + "."
}

// On returns the playbook that it builds on, nil for the built-in generic one.
func (p *Playbook) On() *Playbook { return p.base }

// Texts returns the renderer of the playbook's texts. It doesn't fill in compensation; see [Set.Prepare].
func (p *Playbook) Texts() (*templates.Renderer, error) { return p.renderer() }

// Said is an update with what the playbook adds to its words: those of the compensation that it gives.
func (p *Playbook) Said(u incident.Update) incident.Update {
	if len(u.Compensation) == 0 {
		u.Compensation = p.compensation(&u)
	}
	return u
}

// HasTexts reports whether the playbook has texts of its own, which differ from its base's.
func (p *Playbook) HasTexts() bool {
	return len(p.layers) > 0 && p.layers[len(p.layers)-1] == fs.FS(p.own)
}
