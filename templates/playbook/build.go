package playbook

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/tocsin-dev/tocsin/templates"
)

//go:embed builtin
var builtIn embed.FS

// maxDepth bounds how many playbooks may build on one another.
const maxDepth = 8

// builder makes playbooks of their sources.
type builder struct {
	options      Options
	builtIn, own map[string]*source
	made         map[string]*Playbook // by key
	broken       map[string]bool      // by key: what was wrong has been said
	faults       Faults
}

// key names a playbook among all: the team's may have the name of one that is built in.
func key(name string, own bool) string {
	if own {
		return "own/" + name
	}
	return name
}

// build makes all playbooks that can be made. An error means that none can.
func build(o Options, own *source) (*Set, Faults, error) {
	root, err := fs.Sub(builtIn, "builtin")
	if err != nil {
		return nil, nil, err
	}
	built, err := readSource(root)
	if err != nil {
		return nil, nil, err
	}
	b := builder{options: o, builtIn: built.folders(), made: map[string]*Playbook{}, broken: map[string]bool{}}
	s := &Set{defaultLocale: o.Catalogue.DefaultLocale}
	if own != nil {
		b.own, s.Hash = own.folders(), own.hash("")
		b.checkRoot(own)
	}
	if b.playbook(Generic, false, nil) == nil {
		return nil, nil, b.faults
	}
	if _, err := b.made[key(Generic, false)].renderer(); err != nil {
		return nil, nil, err // the catalogue is to blame
	}
	all := map[string]*Playbook{}
	for _, own := range []bool{false, true} {
		for _, name := range slices.Sorted(maps.Keys(b.sources(own))) {
			if p := b.playbook(name, own, nil); p != nil {
				all[name] = p
			}
		}
	}
	s.all = byName(all)
	return s, b.faults, nil
}

func (b *builder) sources(own bool) map[string]*source {
	if own {
		return b.own
	}
	return b.builtIn
}

// checkRoot finds what lies in the wrong folder.
func (b *builder) checkRoot(own *source) {
	for _, name := range slices.Sorted(maps.Keys(own.files)) {
		if name == playbookFile || strings.HasSuffix(name, ".tmpl") && !strings.Contains(name, "/") {
			b.faults = append(b.faults, faultAt(path.Join(b.options.Place, name),
				"belongs into a folder of its own: this is the folder of all playbooks"))
		}
	}
}

// playbook makes one playbook, and first those on which it builds; nil if it can't be made. The keys of
// those that are being made because of it are above.
func (b *builder) playbook(name string, own bool, above []string) *Playbook {
	k := key(name, own)
	if p := b.made[k]; p != nil || b.broken[k] {
		return p
	}
	p, faults := b.make(name, own, append(above, k))
	b.faults = append(b.faults, faults...)
	if p == nil || len(faults) > 0 {
		b.broken[k] = true
		return nil
	}
	b.made[k] = p
	return p
}

func (b *builder) make(name string, own bool, above []string) (*Playbook, Faults) {
	src, place := b.sources(own)[name], ""
	if own {
		place = path.Join(b.options.Place, name)
	}
	raw, ok := src.files[playbookFile]
	if !ok {
		return nil, Faults{faultAt(place, "has no %s", playbookFile)}
	}
	at := path.Join(place, playbookFile)
	f, doc, faults := parseFile(at, name, raw)
	if !namePattern.MatchString(name) {
		faults = append(faults, faultAt(place, "a playbook's name is 1 to 64 of the characters a-z, 0-9, '-' and '_'"))
	}
	base, problem := b.base(&f, name, own, above)
	if problem != "" {
		faults = append(faults, faultAt(fmt.Sprintf("%s:%d", at, doc.Line("base")), "base: %s", problem))
	}
	if len(faults) > 0 || base == nil && (own || name != Generic) {
		return nil, faults // if its base is broken, that has been said
	}
	p := f.onto(name, base)
	p.base, p.own, p.Place = base, src, place
	if base == nil {
		p.Approval = append(p.Approval, ApprovalRule{
			People: b.options.Approval.People, TimeOut: b.options.Approval.TimeOut, Then: b.options.Approval.Then, from: b.options.ApprovedBy,
		})
		p.Hash = src.hash("")
	} else {
		p.layers, p.Hash = slices.Clone(base.layers), src.hash(base.Hash)
	}
	return p, b.render(p)
}

// base makes what a playbook builds on. One that names itself builds on the built-in one that it stands
// in for, as the team's generic does.
func (b *builder) base(f *file, name string, own bool, above []string) (base *Playbook, problem string) {
	want, fromOwn := f.Base, true
	switch {
	case want == "" && name == Generic && !own:
		return nil, ""
	case want == "" && name == Generic:
		want, fromOwn = Generic, false
	case want == "":
		want = Generic
	case want == name:
		fromOwn = false
	}
	fromOwn = fromOwn && b.own[want] != nil
	if b.sources(fromOwn)[want] == nil || !own && want == name {
		return nil, fmt.Sprintf("%q is no playbook; there are %s", want, strings.Join(b.names(), ", "))
	}
	k := key(want, fromOwn)
	if i := slices.Index(above, k); i >= 0 {
		var loop []string
		for _, k := range append(above[i:], k) {
			loop = append(loop, strings.TrimPrefix(k, "own/"))
		}
		return nil, "goes in a circle: " + strings.Join(loop, " builds on ")
	}
	base = b.playbook(want, fromOwn, above)
	if base != nil && base.depth() == maxDepth {
		return nil, fmt.Sprintf("more than %d playbooks build on one another", maxDepth)
	}
	return base, ""
}

// depth is how many playbooks stand on each other here, this one among them.
func (p *Playbook) depth() int {
	n := 0
	for ; p != nil; p = p.base {
		n++
	}
	return n
}

func (b *builder) names() []string {
	names := map[string]bool{}
	for _, own := range []bool{false, true} {
		for name := range b.sources(own) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// render makes the playbook's texts. Those that came with the program, which were tried before it was
// released, are made when they are needed; the team's are tried at once.
func (b *builder) render(p *Playbook) Faults {
	hasTexts := false
	for name := range p.own.files {
		hasTexts = hasTexts || strings.HasSuffix(name, ".tmpl") || strings.Contains(name, "/") // or what was meant for one
	}
	if p.base != nil && !hasTexts {
		p.renderer = p.base.renderer
		return nil
	}
	if hasTexts {
		p.layers = append(p.layers, p.own)
	}
	options := templates.Options{Catalogue: b.options.Catalogue, Layers: p.layers, Tried: !p.teams()}
	p.renderer = sync.OnceValues(func() (*templates.Renderer, error) { return templates.New(options) })
	if !p.teams() {
		return nil
	}
	_, err := p.renderer()
	return textFaults(p.Place, err)
}

// teams reports whether any of the playbook's texts are the team's.
func (p *Playbook) teams() bool {
	for ; p != nil; p = p.base {
		if !p.BuiltIn() && p.HasTexts() {
			return true
		}
	}
	return false
}

// textFaults makes a fault of each text that fails.
func textFaults(place string, err error) Faults {
	if err == nil {
		return nil
	}
	var all Faults
	seen := map[string]bool{}
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "templates: ")
		if !seen[line] {
			all = append(all, faultAt(place, "%s", line))
		}
		seen[line] = true
	}
	return all
}
