package lint

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
)

// Update checks an update as customers would read it: with its texts by the renderer, in the locales of
// the settings, or in those in which the update has a summary. Previous is the one before it, nil if there is none.
func Update(r *templates.Renderer, u incident.Update, previous *incident.Update, s Settings) []Finding {
	return Check(InputOf(r, u, previous, s))
}

// InputOf renders an update's texts, and returns all that there is to check.
func InputOf(r *templates.Renderer, u incident.Update, previous *incident.Update, s Settings) Input {
	c := r.Catalogue()
	in := Input{
		Update: u, Previous: previous, Settings: s,
		Services: c.Services, Regions: c.Regions, Organisation: c.Organisation, Zone: c.Location,
	}
	if u.Silent() {
		return in
	}
	for _, locale := range r.Locales() {
		if u.Summary.In(locale) == "" {
			continue // "locales" tells it where it is missed
		}
		for _, kind := range templates.Kinds() {
			content, err := r.Render(u, kind, locale)
			if err != nil {
				in.Unrendered = append(in.Unrendered, err)
				continue
			}
			in.Texts = append(in.Texts, Text{kind, locale, content})
		}
	}
	return in
}

// Renderer checks a renderer's texts, for every status and kind of incident, with sample updates that have
// nothing to find: what is found is the texts'. A playbook's texts are checked so. Each finding says of which
// status's text it is.
func Renderer(r *templates.Renderer, s Settings) ([]Finding, error) {
	samples, err := Samples()
	if err != nil {
		return nil, err
	}
	r, err = r.With(samples.Catalogue())
	if err != nil {
		return nil, fmt.Errorf("lint: %w", err)
	}
	s.Domains = append(slices.Clone(s.Domains), samples.Domain)
	var all []Finding
	for _, u := range samples.Updates {
		for _, f := range Update(r, u, nil, s) {
			f.Status = u.Status
			if !slices.ContainsFunc(all, func(g Finding) bool { return reflect.DeepEqual(f, g) }) { // some statuses have several samples
				all = append(all, f)
			}
		}
	}
	return all, nil
}

// Story is a set of updates about incidents of one organisation.
type Story struct {
	// Organisation is its name by locale, Services and Regions are names by id and locale.
	Organisation      incident.Text
	Services, Regions map[string]incident.Text
	// Domain is the one that links lead to.
	Domain string
	// Zone is that of the times in texts.
	Zone    *time.Location
	Updates []incident.Update
}

// Catalogue returns the story's names.
func (s *Story) Catalogue() templates.Catalogue {
	return templates.Catalogue{
		Organisation: s.Organisation, Services: s.Services, Regions: s.Regions,
		DefaultLocale: "en", Location: s.Zone, StatusPage: "https://status." + s.Domain,
	}
}

//go:embed samples.yaml
var sampleFile embed.FS

// Samples returns updates of every status of an outage and a maintenance that have nothing to find, in
// every language that there are texts in.
func Samples() (*Story, error) {
	raw, err := sampleFile.ReadFile("samples.yaml")
	if err != nil {
		return nil, fmt.Errorf("lint: %w", err)
	}
	return readStory(raw)
}

// readStory reads a story: an object in YAML, whose updates are as `tocsin publish` reads them, with a
// time.
func readStory(raw []byte) (*Story, error) {
	var file struct {
		Organisation incident.Text            `yaml:"organisation"`
		Services     map[string]incident.Text `yaml:"services"`
		Regions      map[string]incident.Text `yaml:"regions"`
		Domain       string                   `yaml:"domain"`
		Zone         string                   `yaml:"zone"`
		Updates      []map[string]any         `yaml:"updates"`
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("lint: samples: %w", err)
	}
	zone, err := time.LoadLocation(file.Zone)
	if err != nil {
		return nil, fmt.Errorf("lint: samples: %w", err)
	}
	s := &Story{file.Organisation, file.Services, file.Regions, file.Domain, zone, nil}
	for i, object := range file.Updates {
		u, err := readUpdate(object)
		if err != nil {
			return nil, fmt.Errorf("lint: samples: update %d: %w", i, err)
		}
		s.Updates = append(s.Updates, u)
	}
	return s, nil
}

// readUpdate reads an update in its JSON form: the data's fields, with the envelope's beside them.
func readUpdate(object map[string]any) (incident.Update, error) {
	var u incident.Update
	raw, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(raw, &u)
	}
	return u, err
}
