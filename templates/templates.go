package templates

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"slices"
	"text/template"

	"golang.org/x/text/language"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

//go:embed texts
var builtIn embed.FS

// Options are what a Renderer is made of.
type Options struct {
	Catalogue Catalogue
	// Layers hold texts that replace built-in ones of the same name, in files named as those are:
	// "ro/sms.tmpl". A later layer replaces what an earlier one says, and a locale such as "ro-MD" has
	// what its language has, but for what its own files say.
	Layers []fs.FS
	// Tried says that these texts are known to be good, and needn't be tried: those that come with the program,
	// which its tests have tried.
	Tried bool
}

// Renderer makes texts. It never changes, and is safe for concurrent use.
type Renderer struct {
	catalogue Catalogue
	locales   []string
	texts     map[string]*texts // by locale
	layout    *htmltemplate.Template
}

// texts are those of one locale.
type texts struct {
	words *words
	kinds map[channels.Kind]*template.Template
}

// MissingError says that a text needs something that neither the update nor the catalogue has. The
// caller may render the text in another locale instead.
type MissingError struct {
	Kind     channels.Kind
	Status   incident.Status
	Locale   string
	Variable string // "summary", "name of service \"cards\""
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s text %q in %s: %s is missing", e.Kind, e.Status, e.Locale, e.Variable)
}

// Kinds returns the kinds of channel that there are texts for.
func Kinds() []channels.Kind {
	return append(written(), channels.Voice, channels.Push, channels.Web)
}

// written returns the kinds that have texts of their own. Of the others, a call reads out what an SMS
// says, a notification on a device has that below an e-mail's subject, and a web page a post.
func written() []channels.Kind {
	return []channels.Kind{channels.SMS, channels.Email, channels.Messenger, channels.Social}
}

func wording(kind channels.Kind) channels.Kind {
	switch kind {
	case channels.Voice, channels.Push:
		return channels.SMS
	case channels.Web:
		return channels.Social
	case channels.SMS, channels.Email, channels.Messenger, channels.Social:
	}
	return kind
}

// Statuses returns the statuses, each of which has a text.
func Statuses() []incident.Status {
	return []incident.Status{
		incident.Investigating, incident.Identified, incident.Monitoring, incident.Resolved,
		incident.Scheduled, incident.InProgress, incident.Verifying, incident.Completed, incident.Cancelled,
		incident.Postmortem, incident.Correction,
	}
}

// New reads the texts and tries each of them with a sample update. Its error names every text that
// is missing or fails.
func New(o Options) (*Renderer, error) {
	root, err := fs.Sub(builtIn, "texts")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return newFrom(root, o)
}

func newFrom(root fs.FS, o Options) (*Renderer, error) {
	l := layers{root: root, over: o.Layers}
	locales, err := l.locales()
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	r := &Renderer{catalogue: o.Catalogue, texts: map[string]*texts{}, locales: locales}
	if err := r.catalogue.check(r.locales); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	layout, err := htmltemplate.ParseFS(root, "layout.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	r.layout = layout
	for _, tag := range locales {
		kinds, err := l.parse(tag)
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		r.texts[tag] = &texts{words: languages()[languageOf(tag)], kinds: kinds}
	}
	if o.Tried {
		return r, nil
	}
	if err := r.try(); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return r, nil
}

// Locales returns the locales that there are texts for, sorted.
func (r *Renderer) Locales() []string { return slices.Clone(r.locales) }

// Locale returns the locale in which a recipient's texts are: the recipient's own, in its canonical
// spelling, where there are texts for it or its language, and else the default locale.
func (r *Renderer) Locale(locale string) string {
	_, tag := r.resolve(locale)
	return tag
}

// Render makes the text of an update for a kind of channel and a locale, which falls back to its
// language (ro-MD to ro) and then to the default locale. An error is a *[MissingError] where
// something is missing that the text needs.
func (r *Renderer) Render(u incident.Update, kind channels.Kind, locale string) (notification.Content, error) {
	t, tag := r.resolve(locale)
	set, ok := t.kinds[wording(kind)]
	if !ok {
		return notification.Content{}, fmt.Errorf("no texts for channels of kind %q", kind)
	}
	x := rendering{
		set: set, view: newView(u, &r.catalogue, t.words, tag, kind), fold: t.words.folds(kind), kind: kind, status: u.Status, locale: tag,
	}
	switch kind {
	case channels.Email:
		return x.email(r.layout)
	case channels.Push, channels.Web:
		return x.titled(t.kinds[channels.Email])
	case channels.SMS, channels.Messenger, channels.Social, channels.Voice:
	}
	return x.plain()
}

// resolve finds the texts for a locale, and the tag by which to look up texts of the update's.
func (r *Renderer) resolve(locale string) (*texts, string) {
	base, ok := match(locale, r.locales)
	if !ok {
		locale = r.catalogue.DefaultLocale
		base, _ = match(locale, r.locales)
	}
	return r.texts[base], language.Make(locale).String()
}
