package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
	"github.com/tocsin-dev/tocsin/templates/lint"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

func (c *cli) lintCommand() *cobra.Command {
	var asJSON, rules bool
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Check what updates say against what practice says of good outage messages",
		Long: `Check what updates say against what practice says of good outage messages, in files as for
"tocsin publish"; - reads the standard input. Each update is checked with its texts, as every kind of
channel will have them, by the configuration's playbooks and with its names; without a configuration,
with neutral ones. "tocsin playbook check" checks the texts of playbooks. An update without a time is
checked as if it were published now, and one that follows another of the same incident in its file, as
its next one.

Nothing is sent, and nobody is contacted. The exit status is 1 if there is an error; warnings leave it 0.`,
		Example: "  tocsin lint outage.yaml\n  tocsin lint --json drafts/*.yaml\n  tocsin lint --rules",
		Args: func(cmd *cobra.Command, given []string) error {
			if rules {
				return args(cobra.NoArgs)(cmd, given)
			}
			return args(cobra.MinimumNArgs(1))(cmd, given)
		},
		RunE: func(_ *cobra.Command, given []string) error {
			if rules {
				return c.listRules()
			}
			return c.lint(given, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the findings as JSON")
	cmd.Flags().BoolVar(&rules, "rules", false, "list the rules")
	return cmd
}

// linted is an update with what was found.
type linted struct {
	File string `json:"file"`
	// Index is its place in the file, from 0.
	Index    int             `json:"index"`
	Team     string          `json:"team,omitempty"`
	Incident string          `json:"incident,omitempty"`
	Status   incident.Status `json:"status,omitempty"`
	Findings []lint.Finding  `json:"findings"`

	alone bool // in its file
}

func (c *cli) lint(files []string, asJSON bool) error {
	l, err := c.linter()
	if err != nil {
		return err
	}
	all := []linted{}
	for _, file := range files {
		objects, err := c.readUpdates(file)
		if err != nil {
			return err
		}
		all = append(all, l.file(file, objects, time.Now())...)
	}
	if asJSON {
		err = c.lintedJSON(all)
	} else {
		c.sayLinted(all)
	}
	if err == nil && slices.ContainsFunc(all, func(u linted) bool { return lint.Worst(u.Findings) == lint.Error }) {
		return errSaid
	}
	return err
}

// linter checks updates as the configuration has them told.
type linter struct {
	// playbooks is nil where there is no configuration: each update then gets neutral names.
	playbooks *playbook.Set
	settings  lint.Settings
}

func (c *cli) linter() (*linter, error) {
	if c.configPath == "" {
		if _, err := os.Stat(defaultConfig); errors.Is(err, fs.ErrNotExist) {
			return &linter{}, nil
		}
	}
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	set, err := cfg.LoadPlaybooks()
	if err != nil {
		return nil, err
	}
	r, err := set.Get(playbook.Generic).Texts()
	if err != nil {
		return nil, err
	}
	l := &linter{playbooks: set, settings: cfg.LintSettings()}
	for _, locale := range r.Locales() {
		if r.Catalogue().Organisation.In(locale) != "" {
			l.settings.Locales = append(l.settings.Locales, locale)
		}
	}
	return l, nil
}

// file checks a file's updates in their order.
func (l *linter) file(name string, objects []json.RawMessage, now time.Time) []linted {
	var all []linted
	before := map[[2]string]*incident.Update{}
	for i, o := range objects {
		e, faults := newEvent(o, now)
		u := e.update
		checked := linted{File: name, Index: i, Team: u.Team, Incident: u.Incident, Status: u.Status, alone: len(objects) == 1}
		if len(faults) > 0 {
			checked.Findings = lint.Check(lint.Input{Faults: faults})
		} else {
			key := [2]string{u.Team, u.Incident}
			checked.Findings = l.update(u, before[key])
			before[key] = &u
		}
		all = append(all, checked)
	}
	return all
}

func (l *linter) update(u incident.Update, previous *incident.Update) []lint.Finding {
	r, u, err := l.texts(u)
	if err != nil {
		return lint.Check(lint.Input{Update: u, Previous: previous, Unrendered: []error{err}, Settings: l.settings})
	}
	in := lint.InputOf(r, u, previous, l.settings)
	if l.playbooks == nil { // ids are no names that texts could be expected to say
		in.Services, in.Regions = nil, nil
	}
	if found := lint.Check(in); found != nil {
		return found
	}
	return []lint.Finding{}
}

// texts are those of the update's playbook, and said the update with what it adds.
func (l *linter) texts(u incident.Update) (r *templates.Renderer, said incident.Update, err error) {
	if l.playbooks == nil {
		r, err = templates.New(templates.Options{Catalogue: neutral(&u)})
		return r, u, err
	}
	p := l.playbooks.Choose(&u)
	if p == nil {
		return nil, u, fmt.Errorf("playbook: %q is none; `tocsin playbook list` shows them", u.Playbook)
	}
	r, err = p.Texts()
	return r, p.Said(u), err
}

// neutral names an update's services and regions by their ids, and takes the times as they are written.
func neutral(u *incident.Update) templates.Catalogue {
	c := templates.Catalogue{
		Organisation:  incident.Text{"en": "Our organisation", "ro": "Organizația noastră", "ru": "Наша организация"},
		Services:      map[string]incident.Text{},
		Regions:       map[string]incident.Text{},
		DefaultLocale: "en", Location: u.StartedAt.Location(),
	}
	for _, id := range append(slices.Clone(u.Affects.Services), u.Unaffected...) {
		c.Services[id] = byID(id)
	}
	for _, id := range append(slices.Clone(u.Affects.Regions), slices.Collect(maps.Keys(u.Alternatives))...) {
		c.Regions[id] = byID(id)
	}
	return c
}

func byID(id string) incident.Text { return incident.Text{"en": id, "ro": id, "ru": id} }

func (c *cli) lintedJSON(all []linted) error {
	e := json.NewEncoder(c.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

func (c *cli) sayLinted(all []linted) {
	count := map[lint.Severity]int{}
	for _, u := range all {
		if len(u.Findings) == 0 {
			continue
		}
		c.say("%s", u.title())
		for _, f := range u.Findings {
			count[f.Severity]++
			c.say("  %-7s  %s", f.Severity, findingLine(f))
		}
		c.say("")
	}
	verdict := "nothing to mend"
	if errs, warnings := count[lint.Error], count[lint.Warning]; errs+warnings > 0 {
		verdict = several(errs, "error") + ", " + several(warnings, "warning")
	}
	c.say("%s checked: %s", several(len(all), "update"), verdict)
}

func (u *linted) title() string {
	title := u.File
	if !u.alone {
		title += fmt.Sprintf("[%d]", u.Index)
	}
	if u.Incident != "" {
		title += fmt.Sprintf(" (%s/%s %s)", u.Team, u.Incident, u.Status)
	}
	return title
}

// findingLine says a finding: where, what, also where, and by which rule.
func findingLine(f lint.Finding) string {
	line := f.Place
	if f.Words != "" {
		line += ": “" + strings.ReplaceAll(f.Words, "\n", " ") + "”"
	}
	line += " " + f.Reason
	if len(f.Also) > 0 {
		line += "; also " + strings.Join(f.Also, ", ")
	}
	return line + " [" + f.Rule + "]"
}

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (c *cli) listRules() error {
	t := newTable(c.stdout)
	_, _ = fmt.Fprintln(t, "RULE\tSEVERITY\tWHAT IT WANTS")
	for _, r := range lint.Rules() {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\n", r.Name, r.Severity, r.Doc)
	}
	return t.Flush()
}
