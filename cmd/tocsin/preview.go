package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates"
	"github.com/tocsin-dev/tocsin/templates/lint"
	"github.com/tocsin-dev/tocsin/templates/playbook"
	"github.com/tocsin-dev/tocsin/templates/preview"
)

type previewFlags struct {
	html   string
	kind   string
	locale string
}

func (c *cli) previewCommand() *cobra.Command {
	var f previewFlags
	cmd := &cobra.Command{
		Use:   "preview UPDATE",
		Short: "Show an update as customers will see it, on every kind of channel in every language",
		Long: `Show an update as customers will see it: every kind of channel that is configured, in every
language, with lengths and with what "tocsin lint" finds. UPDATE is the number of one that a running
server has taken in, whose frozen texts are shown, or a file as "tocsin publish" reads it (- is the
standard input), with the texts that it would get by its playbook; that needs no server. --html
writes a page to look at in a browser.`,
		Example: "  tocsin preview outage.yaml --locale ro\n  tocsin preview 3 --html preview.html",
		Args:    args(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, given []string) error { return c.preview(cmd.Context(), given[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.html, "html", "", "write a page to this file instead")
	flags.StringVar(&f.kind, "kind", "", "only this kind of channel: sms, email, messenger, push, social, web or voice")
	flags.StringVar(&f.locale, "locale", "", "only this language")
	return cmd
}

func (c *cli) preview(ctx context.Context, update string, f previewFlags) error {
	if f.kind != "" && !slices.Contains(templates.Kinds(), channels.Kind(f.kind)) {
		return usageError{fmt.Errorf("--kind: %q is none of %v", f.kind, templates.Kinds())}
	}
	pages, err := c.previews(ctx, update)
	if err != nil {
		return err
	}
	for _, p := range pages {
		if f.choose(p); len(p.Texts) == 0 {
			return errors.New("there is no such text: see --kind and --locale")
		}
	}
	if f.html != "" {
		return c.writePage(f.html, pages)
	}
	for i, p := range pages {
		if i > 0 {
			c.say("")
		}
		if err := preview.Write(c.stdout, p); err != nil {
			return err
		}
	}
	return nil
}

// choose leaves the texts that were asked for.
func (f *previewFlags) choose(p *preview.Page) {
	p.Texts = slices.DeleteFunc(p.Texts, func(t preview.Text) bool {
		return f.kind != "" && string(t.Kind) != f.kind || f.locale != "" && t.Locale != f.locale
	})
}

func (c *cli) writePage(path string, pages []*preview.Page) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	if err := errors.Join(preview.HTML(file, pages...), file.Close()); err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	c.say("the page is in %s", path)
	return nil
}

// previews are the pages of the update with a number, or of all updates of a file.
func (c *cli) previews(ctx context.Context, update string) ([]*preview.Page, error) {
	s, err := c.newPreviewer()
	if err != nil {
		return nil, err
	}
	if id, err := strconv.ParseInt(update, 10, 64); err == nil {
		api, err := c.api()
		if err != nil {
			return nil, err
		}
		frozen, err := api.Update(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("update %d: %w", id, err)
		}
		p := s.page(&frozen.Update, frozen.ReceivedAt)
		for _, t := range frozen.Texts {
			p.Texts = append(p.Texts, preview.Text{Kind: t.Kind, Locale: t.Locale, Content: t.Content, Segments: t.Units})
		}
		if len(p.Texts) == 0 {
			return nil, fmt.Errorf("update %d says nothing to customers: it is %s", id, words(string(frozen.State)))
		}
		p.Notes = s.notes(&frozen.Update, p.Texts)
		return []*preview.Page{p}, nil
	}
	events, err := c.checkedUpdates(update, "shown")
	if err != nil {
		return nil, err
	}
	var pages []*preview.Page
	for i := range events {
		p, err := s.draft(&events[i].update)
		if err != nil {
			return nil, err
		}
		pages = append(pages, p)
	}
	return pages, nil
}

// previewer shows updates as the configuration has them told. Without one, services and regions are named by
// their ids.
type previewer struct {
	config *app.Config // nil if there is none
	zone   *time.Location
	kinds  []channels.Kind
	lint   lint.Settings
}

func (c *cli) newPreviewer() (*previewer, error) {
	s := &previewer{kinds: templates.Kinds()}
	if c.configPath == "" {
		if _, err := os.Stat(defaultConfig); errors.Is(err, fs.ErrNotExist) {
			return s, nil
		}
	}
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	s.config, s.lint = cfg, cfg.LintSettings()
	if s.zone, err = time.LoadLocation(cfg.Zone); err != nil {
		return nil, fmt.Errorf("zone: %w", err)
	}
	if kinds := configuredKinds(cfg); len(kinds) > 0 {
		s.kinds = kinds
	}
	return s, nil
}

// configuredKinds are the kinds of the channels that are configured.
func configuredKinds(cfg *app.Config) []channels.Kind {
	var kinds []channels.Kind
	specs := all.Specs()
	for _, ch := range cfg.Channels {
		for _, p := range ch.All() {
			i := slices.IndexFunc(specs, func(s channels.Spec) bool { return s.Provider == p.Provider })
			if i >= 0 && !slices.Contains(kinds, specs[i].Kind) {
				kinds = append(kinds, specs[i].Kind)
			}
		}
	}
	return kinds
}

// options are what the texts of an update are made of.
func (s *previewer) options(u *incident.Update) (playbook.Options, error) {
	if s.config == nil {
		return playbook.Options{Catalogue: neutral(u)}, nil
	}
	return s.config.PlaybookOptions()
}

// page is that of an update, without texts yet.
func (s *previewer) page(u *incident.Update, at time.Time) *preview.Page {
	p := &preview.Page{Team: u.Team, Incident: u.Incident, Status: u.Status, Impact: u.Impact, At: at}
	if s.zone != nil {
		p.At = at.In(s.zone)
	}
	o, err := s.options(u)
	if err != nil {
		return p // it was read before, and was good
	}
	p.Organisation = o.Catalogue.Organisation.In(o.Catalogue.DefaultLocale)
	if p.Organisation == "" {
		p.Organisation = o.Catalogue.Organisation.In("en")
	}
	return p
}

// draft shows an update that nobody has taken in yet.
func (s *previewer) draft(u *incident.Update) (*preview.Page, error) {
	if u.Silent() {
		return nil, fmt.Errorf("%s/%s %s says nothing to customers: it has no summary", u.Team, u.Incident, u.Status)
	}
	o, err := s.options(u)
	if err != nil {
		return nil, err
	}
	set, err := playbook.Load(o)
	if err != nil {
		return nil, err
	}
	prepared, faults := set.Prepare(*u)
	if len(faults) > 0 {
		return nil, &incident.FaultError{Faults: faults}
	}
	p := s.page(u, u.Time)
	missing := map[string]bool{}
	for _, kind := range s.kinds {
		for i, locale := range prepared.Locales {
			content, err := prepared.Render(kind, locale)
			if _, lacks := errors.AsType[*templates.MissingError](err); lacks && i > 0 {
				if !missing[locale] {
					p.Notes = append(p.Notes, preview.Note{Severity: "warning", Rule: "locales", Place: locale, Reason: err.Error() + "; it is told in " + prepared.Locales[0]})
				}
				missing[locale] = true
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s/%s: %w", u.Team, u.Incident, err)
			}
			p.Texts = append(p.Texts, preview.Text{Kind: kind, Locale: locale, Content: content})
		}
	}
	p.Notes = append(p.Notes, s.notes(u, p.Texts)...)
	return p, nil
}

// notes are what lint finds.
func (s *previewer) notes(u *incident.Update, texts []preview.Text) []preview.Note {
	in := lint.Input{Update: *u, Settings: s.lint}
	if o, err := s.options(u); err == nil {
		c := o.Catalogue
		in.Services, in.Regions, in.Organisation, in.Zone = c.Services, c.Regions, c.Organisation, c.Location
	}
	if s.config == nil { // ids are no names that texts could be expected to say
		in.Services, in.Regions = nil, nil
	}
	for _, t := range texts {
		in.Texts = append(in.Texts, lint.Text{Kind: t.Kind, Locale: t.Locale, Content: t.Content})
	}
	var all []preview.Note
	for _, f := range lint.Check(in) {
		reason := f.Reason
		if f.Words != "" {
			reason = fmt.Sprintf("%q: %s", f.Words, reason)
		}
		for _, place := range append([]string{f.Place}, f.Also...) {
			all = append(all, preview.Note{Severity: string(f.Severity), Rule: f.Rule, Place: place, Reason: reason})
		}
	}
	return all
}
