package templates

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"text/template"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// parseLocale reads the texts of one locale, and what overrides them.
func parseLocale(root, overrides fs.FS, locale string) (map[channels.Kind]*template.Template, error) {
	phrases := template.New(locale).Option("missingkey=error").Funcs(template.FuncMap{
		"recipient": recipient, "facts": facts, "need": need,
	})
	if err := parseFile(phrases, root, overrides, locale+"/phrases.tmpl"); err != nil {
		return nil, err
	}
	kinds := map[channels.Kind]*template.Template{}
	for _, kind := range written() {
		set, err := phrases.Clone()
		if err != nil {
			return nil, err
		}
		if err := parseFile(set, root, overrides, fileName(locale, kind)); err != nil {
			return nil, err
		}
		kinds[kind] = set
	}
	return kinds, nil
}

func fileName(locale string, kind channels.Kind) string {
	return locale + "/" + string(kind) + ".tmpl"
}

// parseFile adds a file's templates to a set, and then those that override them.
func parseFile(set *template.Template, root, overrides fs.FS, name string) error {
	if err := parseInto(set, root, name); err != nil {
		return err
	}
	if overrides == nil {
		return nil
	}
	if err := parseInto(set, overrides, name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func parseInto(set *template.Template, files fs.FS, name string) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	_, err = set.New(name).Parse(string(text))
	return err
}

// strangers refuses files among the overrides that override nothing: a misspelt name would
// otherwise go unnoticed until the built-in text is sent.
func strangers(overrides fs.FS, locales []string) error {
	if overrides == nil {
		return nil
	}
	var known []string
	for _, l := range locales {
		known = append(known, l+"/phrases.tmpl")
		for _, k := range written() {
			known = append(known, fileName(l, k))
		}
	}
	return fs.WalkDir(overrides, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && !slices.Contains(known, path) {
			return fmt.Errorf("%s overrides no text; the files are <locale>/<kind>.tmpl and <locale>/phrases.tmpl, for %v and %v",
				path, locales, written())
		}
		return nil
	})
}

// try renders every text from samples that have everything.
func (r *Renderer) try() error {
	var errs []error
	for _, locale := range r.locales {
		trial := *r
		trial.catalogue = sampleCatalogue(locale, r.catalogue)
		for _, kind := range Kinds() {
			for _, u := range sampleUpdates(locale) {
				_, err := trial.Render(u, kind, locale)
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// sampleCatalogue is the catalogue with names for the sample, so that one which lacks a translation
// does not make texts look broken.
func sampleCatalogue(locale string, c Catalogue) Catalogue {
	name := incident.Text{locale: "sample"}
	c.Organisation = name
	c.Services = map[string]incident.Text{"sample": name}
	c.Regions = map[string]incident.Text{"sample": name}
	return c
}

// sampleUpdates are updates of every status that have everything, in every variant that texts may
// tell apart.
func sampleUpdates(locale string) []incident.Update {
	var updates []incident.Update
	for _, status := range Statuses() {
		for kind, confidences := range map[incident.Kind][]string{
			incident.Outage: {"low", "high"}, incident.Maintenance: {"medium"},
		} {
			for _, confidence := range confidences {
				updates = append(updates, sampleUpdate(kind, status, confidence, locale))
			}
		}
	}
	return updates
}

func sampleUpdate(kind incident.Kind, status incident.Status, confidence, locale string) incident.Update {
	now := time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
	later := now.Add(time.Hour)
	text := incident.Text{locale: "sample"}
	return incident.Update{Time: now, Data: incident.Data{
		Kind: kind, Status: status, Impact: incident.Major,
		Affects:   incident.Audience{Services: []string{"sample"}, Regions: []string{"sample"}},
		StartedAt: now.Add(-time.Hour), EndsAt: &later, ResolvedAt: &now,
		Estimate:       &incident.Estimate{At: later, Confidence: confidence},
		MissedEstimate: &now, NextUpdateAt: &later,
		Summary: text, Advice: text, Cause: text, Compensation: text, Short: text, Link: "https://example.com",
	}}
}
