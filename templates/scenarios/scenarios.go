// Package scenarios holds stories of outages to play and to learn from: what a team says, when, in
// which words, and how the providers behave meanwhile. `tocsin demo` plays them against simulated
// providers. The updates in them are complete examples of good announcements: each says what does
// not work, whether money is safe, what to do meanwhile and when the next word comes.
//
// The bank in them does not exist, and neither do its branches.
package scenarios

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

//go:embed *.yaml playbooks
var files embed.FS

// Playbooks holds the bank's own playbooks, one a folder, by which the scenarios' updates are told.
func Playbooks() (fs.FS, error) { return fs.Sub(files, "playbooks") }

// bankFile is what all scenarios share, and so is none itself.
const bankFile = "bank.yaml"

// Scenario is one story.
type Scenario struct {
	// Name is that of its file.
	Name string `yaml:"-"`
	// Title and Story say to people what happens.
	Title string `yaml:"title"`
	Story string `yaml:"story"`
	// TimeStart is the product's time at which it begins, TimeScale how much faster than the
	// machine's time passes.
	TimeStart time.Time `yaml:"time_start"`
	TimeScale float64   `yaml:"time_scale"`
	Customers Customers `yaml:"customers"`
	// Waits are how long a step waits for its proof, by channel, and BounceWindow how long a mail
	// may bounce, in product time: so short in machine time that the story goes on.
	Waits        map[string]time.Duration `yaml:"waits"`
	BounceWindow time.Duration            `yaml:"bounce_window"`
	// Timeouts bound one request to a provider, by channel, in machine time.
	Timeouts map[string]time.Duration `yaml:"timeouts"`
	// Sandbox is how the simulated providers behave at first, by provider, in machine time.
	Sandbox Conducts `yaml:"sandbox"`
	// Events are what happens, in order.
	Events []Event `yaml:"events"`
	// Bank is whose customers are told.
	Bank Bank `yaml:"-"`
}

// Customers say in what the customers differ from the usual mix.
type Customers struct {
	// Preferred are the weights with which channels are preferred.
	Preferred map[string]float64 `yaml:"preferred"`
}

// Event is one thing that happens: an update is published, or providers change their behaviour.
type Event struct {
	// After is counted from the scenario's start, in product time.
	After time.Duration `yaml:"after"`
	// Update is the update as a JSON object, in the form in which `tocsin publish` reads it; nil if
	// the event is none.
	Update Object `yaml:"update"`
	// Sandbox is how providers behave from now on.
	Sandbox Conducts `yaml:"sandbox"`
}

// Bank is the organisation that speaks.
type Bank struct {
	Organisation incident.Text            `yaml:"organisation"`
	Link         string                   `yaml:"link"`
	Zone         string                   `yaml:"zone"`
	Locale       string                   `yaml:"locale"`
	Services     map[string]incident.Text `yaml:"services"`
	Regions      map[string]incident.Text `yaml:"regions"`
}

// Object is a JSON object that is written as YAML.
type Object json.RawMessage

// UnmarshalYAML converts the object.
func (o *Object) UnmarshalYAML(n *yaml.Node) error {
	var v map[string]any
	if err := n.Decode(&v); err != nil {
		return err
	}
	b, err := json.Marshal(v)
	*o = b
	return err
}

// Conducts are how providers behave, by provider.
type Conducts map[string]sandbox.Conduct

// UnmarshalYAML reads conducts in their JSON form.
func (c *Conducts) UnmarshalYAML(n *yaml.Node) error {
	var o Object
	if err := n.Decode(&o); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(o))
	d.DisallowUnknownFields()
	if err := d.Decode((*map[string]sandbox.Conduct)(c)); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return nil
}

// Names lists the scenarios in alphabetical order.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // an embedded directory can be read
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok && e.Name() != bankFile {
			names = append(names, name)
		}
	}
	return names
}

// Load returns a scenario. The error for a name that there is not lists those there are.
func Load(name string) (Scenario, error) {
	if !slices.Contains(Names(), name) {
		return Scenario{}, fmt.Errorf("no scenario %q: one of %s", name, strings.Join(Names(), ", "))
	}
	s := Scenario{Name: name}
	if err := errors.Join(read(name+".yaml", &s), read(bankFile, &s.Bank)); err != nil {
		return Scenario{}, err
	}
	return s, nil
}

func read(file string, into any) error {
	b, err := files.ReadFile(file)
	if err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("scenario %s: %w", file, err)
	}
	return nil
}

// At returns the product's time of an event.
func (s *Scenario) At(e Event) time.Time { return s.TimeStart.Add(e.After) }
