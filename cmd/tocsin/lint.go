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
		Use:   "lint FILE|DIR...",
		Short: "Check what updates say against what practice says of good outage messages",
		Long: `Check what updates say against what practice says of good outage messages, in files as for
"tocsin publish"; - reads the standard input. Each update is checked with its texts, as every kind of
channel will have them, by the configuration's playbooks and with its names; without a configuration,
with neutral ones. An update without a time is checked as if it were published now, and one that
follows another of the same incident in its file, as its next one.

Of a folder of playbooks, the texts of each are checked, by sample updates of every status.

Nothing is sent, and nobody is contacted. The exit status is 1 if there is an error; warnings leave it 0.`,
		Example: "  tocsin lint outage.yaml\n  tocsin lint playbooks\n  tocsin lint --json drafts/*.yaml\n  tocsin lint --rules",
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

// linted is an update, or a playbook, with what was found.
type linted struct {
	File string `json:"file"`
	// Playbook is the name of a playbook; "" of an update.
	Playbook string `json:"playbook,omitempty"`
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
		checked, err := c.lintOne(l, file)
		if err != nil {
			return err
		}
		all = append(all, checked...)
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

// lintOne checks a file of updates, or a folder of playbooks.
func (c *cli) lintOne(l *linter, path string) ([]linted, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return c.lintPlaybooks(l, path)
	}
	objects, err := c.readUpdates(path)
	if err != nil {
		return nil, err
	}
	return l.file(path, objects, time.Now()), nil
}

// lintPlaybooks checks the texts of a folder's playbooks.
func (c *cli) lintPlaybooks(l *linter, dir string) ([]linted, error) {
	o, err := c.playbooks([]string{dir})
	if err != nil {
		return nil, err
	}
	set, err := playbook.Load(o)
	if err != nil {
		return nil, err
	}
	var all []linted
	for _, p := range set.All() {
		if p.BuiltIn() {
			continue
		}
		r, err := p.Texts()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Place, err)
		}
		found, err := lint.Renderer(r, l.settings)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Place, err)
		}
		all = append(all, linted{File: p.Place, Playbook: p.Name, Findings: orEmpty(found), alone: true})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no playbook: each is a folder in it", dir)
	}
	return all, nil
}

// orEmpty makes no findings an empty list in JSON.
func orEmpty(found []lint.Finding) []lint.Finding {
	if found == nil {
		return []lint.Finding{}
	}
	return found
}

// linter checks updates as the configuration has them told.
type linter struct {
	// playbooks are nil where there is no configuration: each update then gets neutral names.
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
	o, err := cfg.PlaybookOptions()
	if err != nil {
		return nil, err
	}
	set, err := playbook.Load(o)
	if err != nil {
		return nil, err
	}
	l := &linter{playbooks: set, settings: cfg.LintSettings()}
	for _, locale := range set.Locales() {
		if o.Catalogue.Organisation.In(locale) != "" {
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
	r, faults, err := l.texts(&u)
	switch {
	case len(faults) > 0:
		return lint.Check(lint.Input{Faults: faults})
	case err != nil:
		return lint.Check(lint.Input{Update: u, Previous: previous, Unrendered: []error{err}, Settings: l.settings})
	}
	in := lint.InputOf(r, u, previous, l.settings)
	if l.playbooks == nil { // ids are no names that texts could be expected to say
		in.Services, in.Regions = nil, nil
	}
	return orEmpty(lint.Check(in))
}

// texts are those by which an update is told: its playbook's.
func (l *linter) texts(u *incident.Update) (*templates.Renderer, []incident.Fault, error) {
	if l.playbooks == nil {
		r, err := templates.New(templates.Options{Catalogue: neutral(u)})
		return r, nil, err
	}
	if _, faults := l.playbooks.Prepare(*u); len(faults) > 0 {
		return nil, faults, nil
	}
	r, err := l.playbooks.Choose(u).Texts()
	return r, nil, err
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
	c.say("%s checked: %s", counted(all), verdict)
}

// counted says how many updates and playbooks there are.
func counted(all []linted) string {
	playbooks := 0
	for _, u := range all {
		if u.Playbook != "" {
			playbooks++
		}
	}
	updates := len(all) - playbooks
	switch {
	case playbooks == 0:
		return several(updates, "update")
	case updates == 0:
		return several(playbooks, "playbook")
	}
	return several(updates, "update") + " and " + several(playbooks, "playbook")
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
	if f.Status != "" {
		line += ", " + string(f.Status)
	}
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
