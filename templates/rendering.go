package templates

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// rendering is the making of one content.
type rendering struct {
	set    *template.Template
	view   *view
	kind   channels.Kind
	status incident.Status
	locale string
	fold   bool // into the GSM 7-bit alphabet
}

// plain renders the kinds that have one text.
func (x rendering) plain() (notification.Content, error) {
	raw, err := x.execute(string(x.status))
	if err != nil {
		return notification.Content{}, err
	}
	text := choose(raw, x.fits)
	if x.tidy(text) == "" {
		return notification.Content{}, x.empty(string(x.status))
	}
	parts, err := x.segments(x.tidy(text))
	c := notification.Content{Text: parts}
	x.addRecipe(&c)
	return c, err
}

// tidy gives a text the form in which it is sent.
func (x rendering) tidy(text string) string {
	text = attach(paragraphs(text))
	if wording(x.kind) == channels.SMS {
		text = attach(oneLine(text))
	}
	return x.plainly(text)
}

func (x rendering) plainly(text string) string {
	text = plainFacts(text)
	if x.fold {
		text = gsmFold(text)
	}
	return text
}

// fits reports whether a text, as it will be sent, is as short as the kind asks for.
func (x rendering) fits(text string) bool {
	parts, err := x.segments(x.tidy(text))
	return err == nil && !Measure(x.kind, fullest(parts, x.recipe())).Over()
}

func (x rendering) segments(text string) (notification.Segments, error) {
	return segments(text, false, x.plainly)
}

// titled renders the kinds whose text has a title: an e-mail's subject.
func (x rendering) titled(email *template.Template) (notification.Content, error) {
	c, err := x.plain()
	if err != nil {
		return c, err
	}
	x.set = email
	if c.Subject, _, err = x.subject(); err == nil && x.kind == channels.Web {
		c.News, err = x.view.news()
	}
	x.addRecipe(&c)
	return c, err
}

// subject renders an e-mail's subject, as segments and as it stands.
func (x rendering) subject() (parts notification.Segments, line string, err error) {
	name := string(x.status) + ".subject"
	raw, err := x.execute(name)
	if err != nil {
		return nil, "", err
	}
	if line = oneLine(chooseAll(raw)); line == "" {
		return nil, "", x.empty(name)
	}
	parts, err = x.segments(x.plainly(line))
	return parts, line, err
}

// email renders a subject, a text, and the same text as HTML.
func (x rendering) email(layout *htmltemplate.Template) (c notification.Content, err error) {
	var title string
	if c.Subject, title, err = x.subject(); err != nil {
		return c, err
	}
	name := string(x.status) + ".text"
	raw, err := x.execute(name)
	if err != nil {
		return c, err
	}
	text := paragraphs(chooseAll(raw))
	if text == "" {
		return c, x.empty(name)
	}
	html, err := layOut(layout, newPage(x.locale, title, text, x.status))
	if err != nil {
		return c, err
	}
	var errText, errHTML error
	c.Text, errText = x.segments(x.plainly(attach(text)))
	c.HTML, errHTML = segments(html, true, x.plainly)
	x.addRecipe(&c)
	return c, errors.Join(errText, errHTML)
}

// chooseAll takes the long forms of all choices: of a text of any length.
func chooseAll(text string) string { return choose(text, func(string) bool { return true }) }

// addRecipe adds what the content's placeholders need.
func (x rendering) addRecipe(c *notification.Content) {
	asked := placeholders(c)
	if len(asked) == 0 {
		c.Recipe = nil
		return
	}
	r := x.recipe()
	r.Times = map[string]notification.Time{}
	for name, t := range x.view.book.times {
		if asked[name] {
			r.Times[name] = t
		}
	}
	if !asked[alternative] {
		r.Alternatives = nil
	}
	c.Recipe = r
}

func (x rendering) recipe() *notification.Recipe {
	b := x.view.book
	return &notification.Recipe{
		Locale: x.locale, Zone: b.loc.String(), Now: b.now.UTC(), Alternatives: x.view.alternatives, Fold: x.fold,
	}
}

// placeholders returns the names of those that a content has.
func placeholders(c *notification.Content) map[string]bool {
	names := map[string]bool{}
	for _, part := range []notification.Segments{c.Subject, c.Text, c.HTML} {
		for _, s := range part {
			if s.Placeholder != "" {
				names[s.Placeholder] = true
			}
		}
	}
	return names
}

// execute runs one template.
func (x rendering) execute(name string) (string, error) {
	var b strings.Builder
	if err := x.set.ExecuteTemplate(&b, name, x.view); err != nil {
		if m, ok := errors.AsType[missing](err); ok {
			return "", &MissingError{Kind: x.kind, Status: x.status, Locale: x.locale, Variable: string(m)}
		}
		return "", fmt.Errorf("%s text %q in %s: %w", x.kind, name, x.locale, err)
	}
	return b.String(), nil
}

func (x rendering) empty(name string) error {
	return fmt.Errorf("%s text %q in %s: comes out empty", x.kind, name, x.locale)
}
