package playbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/strictyaml"
	"github.com/tocsin-dev/tocsin/templates"
)

// file is a playbook.yaml: what one playbook says, without what its base says.
type file struct {
	Name         string              `yaml:"name"`
	Base         string              `yaml:"base"`
	Description  string              `yaml:"description"`
	For          For                 `yaml:"for"`
	Cascade      []CascadeRule       `yaml:"cascade"`
	Approval     []ApprovalRule      `yaml:"approval"`
	Cadence      cadence             `yaml:"cadence"`
	Bounds       bounds              `yaml:"bounds"`
	Compensation []Compensation      `yaml:"compensation"`
	Accounts     map[string][]string `yaml:"accounts"`
}

// CascadeRule is the steps for some updates. No steps are those of the configuration.
type CascadeRule struct {
	For   When   `yaml:"for"`
	Steps []Step `yaml:"steps"`
}

// Step is one step of a cascade, as people write it.
type Step struct {
	// Channel is a channel, or one of the words that stand for one.
	Channel string `yaml:"channel"`
	// Wait is how long the step waits for its proof, instead of the channel's own wait.
	Wait time.Duration `yaml:"wait"`
	// Proof is what counts as reached, instead of the channel's own: accepted, delivered or read.
	Proof string `yaml:"proof"`
}

// Step returns the step as notifications have it. Whether there is its channel is for the caller to say.
// An error begins with the key that is wrong.
func (s Step) Step() (notification.Step, error) {
	step := notification.Step{Channel: s.Channel, Wait: s.Wait}
	if s.Wait < 0 {
		return step, fmt.Errorf("wait: must not be negative; 0 is the channel's own")
	}
	switch s.Proof {
	case "":
		return step, nil
	case channels.Accepted.String(), channels.Delivered.String(), channels.Read.String():
		return step, step.Proof.UnmarshalText([]byte(s.Proof))
	}
	return step, fmt.Errorf("proof: %q must be accepted, delivered or read", s.Proof)
}

// ApprovalRule says who must see some updates before customers do.
type ApprovalRule struct {
	For     When       `yaml:"for"`
	People  int        `yaml:"people"`
	TimeOut clock.Span `yaml:"time_out"`
	Then    TimedOut   `yaml:"then"`

	from string // whose rule it is, as who lets updates go that nobody needs to see
}

// cadence is what of a Cadence one playbook says; what is nil comes from its base.
type cadence struct {
	FirstNotice map[incident.Impact]clock.Span `yaml:"first_notice"`
	Every       []EveryRule                    `yaml:"every"`
	Remind      *clock.Span                    `yaml:"remind"`
	Holding     *int                           `yaml:"holding"`
	Notices     []clock.Span                   `yaml:"notices"`
}

// EveryRule says within what time customers hear again.
type EveryRule struct {
	For    When       `yaml:"for"`
	Within clock.Span `yaml:"within"`
}

// bounds is what of Bounds one playbook says.
type bounds struct {
	LastWithin *clock.Span `yaml:"last_within"`
	Segments   *int64      `yaml:"segments"`
}

// Compensation is an option with the words in which customers are told of it.
type Compensation struct {
	ID    string        `yaml:"id"`
	Value string        `yaml:"value"`
	Text  incident.Text `yaml:"text"`
}

// namePattern is what the schema of updates takes for a playbook and for an option.
var namePattern = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// MaxHolding is how many holding updates in a row a playbook may allow: more say nothing.
const MaxHolding = 20

// parseFile reads the playbook.yaml of a playbook called name.
func parseFile(place, name string, raw []byte) (file, *strictyaml.Document, Faults) {
	var f file
	doc, err := strictyaml.Parse(place, raw, nil)
	if err != nil {
		return f, doc, faultsOf(err)
	}
	r := reading{place: place, doc: doc, faults: faultsOf(doc.Decode(&f))}
	r.check(&f, name)
	return f, doc, r.faults
}

// reading gathers what is wrong with a playbook.yaml.
type reading struct {
	place  string
	doc    *strictyaml.Document
	faults Faults
}

// keys lead to a value: names, and places in lists.
type keys []any

func (p keys) to(more ...any) keys { return append(slices.Clone(p), more...) }

func (p keys) String() string {
	var b strings.Builder
	for _, k := range p {
		if i, ok := k.(int); ok {
			fmt.Fprintf(&b, "[%d]", i)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		fmt.Fprint(&b, k)
	}
	return b.String()
}

func (r *reading) fault(p keys, format string, args ...any) {
	r.faults = append(r.faults, Fault{
		Place: fmt.Sprintf("%s:%d", r.place, r.doc.Line(p...)), Problem: p.String() + ": " + fmt.Sprintf(format, args...),
	})
}

func (r *reading) check(f *file, name string) {
	if f.Name != "" && f.Name != name {
		r.fault(keys{"name"}, "%q must be that of its folder, %q, or be left out", f.Name, name)
	}
	if f.Base != "" && !namePattern.MatchString(f.Base) {
		r.fault(keys{"base"}, "%q can't be the name of a playbook", f.Base)
	}
	if name == Generic && f.For.rank() > 0 {
		r.fault(keys{"for"}, "%s is for what no other playbook is for: leave it out", Generic)
	}
	for i, s := range f.For.Services {
		r.nonempty(keys{"for", "services", i}, s)
	}
	for i, s := range f.For.Regions {
		r.nonempty(keys{"for", "regions", i}, s)
	}
	r.when(keys{"for"}, When{Kinds: f.For.Kinds, Impacts: f.For.Impacts, Statuses: f.For.Statuses})
	r.checkCascade(f)
	r.checkApproval(f)
	r.checkCadence(&f.Cadence)
	r.checkBounds(&f.Bounds)
	r.checkCompensation(f)
	for channel, list := range f.Accounts {
		for i, address := range list {
			r.nonempty(keys{"accounts", channel, i}, address)
		}
	}
}

func (r *reading) nonempty(p keys, s string) {
	if s == "" {
		r.fault(p, "is empty")
	}
}

// when checks the words of a rule's `for`, and that some update can have them all.
func (r *reading) when(p keys, w When) {
	before := len(r.faults)
	known(r, p.to("kinds"), w.Kinds, kinds())
	known(r, p.to("impacts"), w.Impacts, impacts())
	known(r, p.to("statuses"), w.Statuses, templates.Statuses())
	known(r, p.to("automatic"), w.Automatic, automatics())
	if len(r.faults) == before && len(w.Kinds) > 0 && len(w.Statuses) > 0 && !slices.ContainsFunc(w.Kinds, func(k incident.Kind) bool {
		return slices.ContainsFunc(w.Statuses, func(s incident.Status) bool { return incident.HasStatus(k, s) })
	}) {
		r.fault(p, "is for no update: incidents of these kinds never have these statuses")
	}
}

func known[T ~string](r *reading, p keys, given, all []T) {
	for i, v := range given {
		if !slices.Contains(all, v) {
			r.fault(p.to(i), "%q must be %s", v, oneOf(all))
		}
	}
}

func (r *reading) checkCascade(f *file) {
	for i, c := range f.Cascade {
		p := keys{"cascade", i}
		r.when(p.to("for"), c.For)
		if c.Steps == nil {
			r.fault(p, "needs steps; [] are those of the configuration")
		}
		for j, s := range c.Steps {
			if _, err := s.Step(); err != nil {
				r.fault(p.to("steps", j), "%v", err)
			}
			r.nonempty(p.to("steps", j, "channel"), s.Channel)
			if strings.ContainsAny(s.Channel, ",@!") {
				r.fault(p.to("steps", j, "channel"), "%q can't be the name of a channel", s.Channel)
			}
		}
	}
}

func (r *reading) checkApproval(f *file) {
	for i := range f.Approval {
		a, p := &f.Approval[i], keys{"approval", i}
		r.when(p.to("for"), a.For)
		if a.People < 0 || a.People > 2 {
			r.fault(p.to("people"), "%d must be 0, 1 or 2", a.People)
		}
		switch {
		case a.Then != "" && a.Then != SendIt && a.Then != DropIt:
			r.fault(p.to("then"), "%q must be send or drop", a.Then)
		case a.TimeOut > 0 && a.Then == "":
			r.fault(p, "needs then beside time_out: send or drop")
		case a.TimeOut == 0 && a.Then != "":
			r.fault(p, "needs time_out beside then: after how long")
		}
		if a.People == 0 && a.TimeOut > 0 {
			r.fault(p.to("time_out"), "is for rules that ask people")
		}
	}
}

func (r *reading) checkCadence(c *cadence) {
	p := keys{"cadence"}
	for impact := range c.FirstNotice {
		if !impact.Known() {
			r.fault(p.to("first_notice", string(impact)), "must be %s", oneOf(impacts()))
		}
	}
	for i, e := range c.Every {
		r.when(p.to("every", i, "for"), e.For)
	}
	if c.Holding != nil && (*c.Holding < 0 || *c.Holding > MaxHolding) {
		r.fault(p.to("holding"), "%d must be 0 to %d", *c.Holding, MaxHolding)
	}
	for i, n := range c.Notices {
		if n == 0 {
			r.fault(p.to("notices", i), "must be longer than 0")
		}
		if slices.Contains(c.Notices[:i], n) {
			r.fault(p.to("notices", i), "%s is there twice", n)
		}
	}
}

func (r *reading) checkBounds(b *bounds) {
	if b.Segments != nil && *b.Segments < 0 {
		r.fault(keys{"bounds", "segments"}, "must not be negative; 0 is no bound")
	}
}

func (r *reading) checkCompensation(f *file) {
	seen := map[string]bool{}
	for i, o := range f.Compensation {
		p := keys{"compensation", i}
		if !namePattern.MatchString(o.ID) {
			r.fault(p.to("id"), "%q must be 1 to 64 of the characters a-z, 0-9, '-' and '_'", o.ID)
		}
		if seen[o.ID] {
			r.fault(p.to("id"), "%q is there twice", o.ID)
		}
		seen[o.ID] = true
		if len(o.Text) == 0 {
			r.fault(p, "needs text: what customers read of it, by language")
		}
	}
}
