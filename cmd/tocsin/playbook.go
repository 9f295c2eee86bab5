package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/templates/lint"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

func (c *cli) playbookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "playbook",
		Short: "Prepare in peacetime how customers are told: begin, check and list playbooks",
		Long: `A playbook says for which updates it is, in which words and order of channels customers are told, who must
approve, how soon and how often they hear, and how they are made good. It lies in a folder of its own, in
the folder that the configuration names (playbooks), and builds on another one: it says only what differs.
A running server takes over what is changed there once it is found to be in order. An update is told by the
playbook that it names (playbook: NAME), else by the one whose "for" fits it and says most.`,
	}
	cmd.AddCommand(c.playbookNewCommand(), c.playbookCheckCommand(), c.playbookListCommand())
	return cmd
}

func (c *cli) playbookNewCommand() *cobra.Command {
	var base, dir string
	cmd := &cobra.Command{
		Use:     "new NAME",
		Short:   "Make the folder of a new playbook, with everything that it may say in comments",
		Example: "  tocsin playbook new card-network --base datacentre",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			cfg, err := c.config()
			if err != nil {
				return err
			}
			return c.newPlaybook(cfg, given[0], base, cmp.Or(dir, cfg.Playbooks, "playbooks"))
		},
	}
	cmd.Flags().StringVar(&base, "base", playbook.Generic, "the playbook that it builds on")
	cmd.Flags().StringVar(&dir, "dir", "", "folder of playbooks to put it in (default the configuration's, or ./playbooks)")
	return cmd
}

func (c *cli) newPlaybook(cfg *app.Config, name, base, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		cfg.Playbooks = dir
	} else {
		cfg.Playbooks = ""
	}
	o, err := cfg.PlaybookOptions()
	if err != nil {
		return err
	}
	set, err := playbook.Load(o)
	if err != nil {
		return fmt.Errorf("the playbooks that there are can't be used:\n%w", err)
	}
	on := set.Get(base)
	if on == nil {
		return usageError{fmt.Errorf("--base %q is no playbook; `tocsin playbook list` shows them", base)}
	}
	files, err := playbook.Write(dir, name, on, o)
	if err != nil {
		return err
	}
	for _, f := range files {
		c.say("%s", f)
	}
	c.say("say in them what differs from %s, then run `tocsin playbook check %s`", base, dir)
	return nil
}

func (c *cli) playbookCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [DIR]",
		Short: "Find everything that is wrong with playbooks",
		Long: `Find everything that is wrong with the playbooks of a folder, by default the configuration's: what can't be
read, loops, texts that fail, are missing in a language or too long, names that the configuration doesn't
know, playbooks that are for the same updates or never chosen; and what "tocsin lint" calls an error, in
their own texts of sample updates. Without any folder it checks the texts that are built in, with the
configuration's names and words. The exit status is 1 if there is anything.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			o, err := c.playbooks(given)
			if err != nil {
				return err
			}
			cfg, err := c.config()
			if err != nil {
				return err
			}
			return c.checkPlaybooks(o, cfg.LintSettings(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// playbooks are those of a folder, or of the configuration's.
func (c *cli) playbooks(given []string) (playbook.Options, error) {
	cfg, err := c.config()
	if err != nil {
		return playbook.Options{}, err
	}
	if len(given) > 0 {
		cfg.Playbooks = given[0]
	}
	if cfg.Playbooks != "" {
		info, err := os.Stat(cfg.Playbooks)
		if err != nil {
			return playbook.Options{}, fmt.Errorf("folder of playbooks: %w", err)
		}
		if !info.IsDir() {
			return playbook.Options{}, fmt.Errorf("%s is no folder of playbooks", cfg.Playbooks)
		}
	}
	return cfg.PlaybookOptions()
}

func (c *cli) checkPlaybooks(o playbook.Options, s lint.Settings, asJSON bool) error {
	faults, err := playbook.Check(o)
	if err != nil {
		return err
	}
	if set, err := playbook.Load(o); err == nil {
		found, err := lintPlaybooks(set, o.Own == nil, s)
		if err != nil {
			return err
		}
		faults = append(faults, found...)
	}
	if asJSON {
		if faults == nil {
			faults = playbook.Faults{}
		}
		err = json.NewEncoder(c.stdout).Encode(faults)
	} else {
		for _, f := range faults {
			c.say("%s", f)
		}
	}
	switch {
	case err != nil:
		return err
	case len(faults) > 0:
		c.complain("tocsin: %s in %s", several(len(faults), "fault"), cmp.Or(o.Place, "the built-in playbooks"))
		return errSaid
	case !asJSON && o.Own == nil:
		c.say("the built-in playbooks are good, and there are no others: name a folder to check it, or set playbooks in the configuration")
	case !asJSON:
		c.say("the playbooks in %s are good", o.Place)
	}
	return nil
}

// lintPlaybooks finds errors of wording in the texts of the team's playbooks, or of those built in, that are
// not in those of their bases.
func lintPlaybooks(set *playbook.Set, builtIn bool, s lint.Settings) (playbook.Faults, error) {
	var faults playbook.Faults
	for _, p := range set.All() {
		if p.BuiltIn() != builtIn || !p.HasTexts() && p.On() != nil {
			continue
		}
		found, err := lintPlaybook(p, s)
		if err != nil {
			return nil, err
		}
		var before []lint.Finding
		if p.On() != nil {
			if before, err = lintPlaybook(p.On(), s); err != nil {
				return nil, err
			}
		}
		for _, f := range found {
			if f.Severity == lint.Error && !slices.ContainsFunc(before, func(b lint.Finding) bool { return sameFinding(b, f) }) {
				faults = append(faults, playbook.Fault{Place: p.Where(), Problem: fmt.Sprintf("%s: %s", f.Status, findingLine(f))})
			}
		}
	}
	return faults, nil
}

func lintPlaybook(p *playbook.Playbook, s lint.Settings) ([]lint.Finding, error) {
	r, err := p.Texts()
	if err != nil {
		return nil, err
	}
	return lint.Renderer(r, s)
}

func sameFinding(a, b lint.Finding) bool {
	return a.Status == b.Status && a.Rule == b.Rule && a.Place == b.Place && a.Words == b.Words
}

func (c *cli) playbookListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [DIR]",
		Short: "List the playbooks, those that are tried first on top, and what each is for",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			o, err := c.playbooks(given)
			if err != nil {
				return err
			}
			set, err := playbook.Load(o)
			if err != nil {
				return err
			}
			return c.listPlaybooks(set, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// listed is a playbook in a list.
type listed struct {
	Name        string `json:"name"`
	Base        string `json:"base,omitempty"`
	From        string `json:"from"`
	For         string `json:"for"`
	Description string `json:"description,omitempty"`
	Hash        string `json:"hash"`
}

func (c *cli) listPlaybooks(set *playbook.Set, asJSON bool) error {
	var all []listed
	for _, p := range set.InOrder() {
		l := listed{p.Name, p.Base, "built in", p.For.String(), p.Description, p.Hash}
		if !p.BuiltIn() {
			l.From = filepath.Clean(p.Place)
		}
		if p.Name == playbook.Generic {
			l.For = "all other updates"
		}
		all = append(all, l)
	}
	if asJSON {
		return json.NewEncoder(c.stdout).Encode(all)
	}
	t := newTable(c.stdout)
	_, _ = fmt.Fprintln(t, "PLAYBOOK\tIS FOR\tBUILDS ON\tFROM")
	for _, l := range all {
		_, _ = fmt.Fprintln(t, strings.Join([]string{l.Name, l.For, orNone(l.Base), l.From}, "\t"))
	}
	return t.Flush()
}

// playbookWarnings are what of the configured playbooks can be used, and may not be meant.
func playbookWarnings(cfg *app.Config) []string {
	if cfg.Playbooks == "" {
		return nil
	}
	o, err := cfg.PlaybookOptions()
	if err != nil {
		return nil // said
	}
	faults, err := playbook.Check(o)
	if err != nil {
		return nil
	}
	var all []string
	for _, f := range faults {
		all = append(all, f.String())
	}
	few, err := cfg.TooFewApprovers()
	if err != nil {
		return slices.Compact(all) // said
	}
	return append(slices.Compact(all), few...)
}
