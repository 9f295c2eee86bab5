package lint

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// message is the input as rules look at it.
type message struct {
	in       *Input
	u        *incident.Update
	settings Settings
	fields   []*passage
	texts    []*rendition
	zone     *time.Location
}

// passage is a stretch of text: a field of the update in one locale, a text, or a text's title.
type passage struct {
	place    string
	field    string // "summary"; "" in a text
	locale   string
	lang     *language // nil where we know nothing of the language
	text     string
	plain    string // the text with spaces over its links, of the same length
	links    []link
	words    []token
	sentence []string
}

// rendition is what an update says on one kind of channel in one locale.
type rendition struct {
	Text
	place    string
	passages []*passage // the title, if there is one, and the text
}

// textField is a field of the update that holds texts.
type textField struct {
	name string
	text incident.Text
}

// textFields lists them in the order in which they are read.
func textFields(u *incident.Update) []textField {
	fields := []textField{{"summary", u.Summary}, {"short", u.Short}, {"advice", u.Advice}}
	for _, region := range slices.Sorted(maps.Keys(u.Alternatives)) {
		fields = append(fields, textField{"alternatives." + region, u.Alternatives[region]})
	}
	return append(fields, textField{"cause", u.Cause}, textField{"compensation", u.Compensation})
}

func newMessage(in *Input) *message {
	m := &message{in: in, u: &in.Update, settings: in.Settings.withDefaults(), zone: cmp.Or(in.Zone, time.UTC)}
	for _, f := range textFields(m.u) {
		for _, locale := range slices.Sorted(maps.Keys(f.text)) {
			p := newPassage(f.name+"."+locale, locale, f.text[locale])
			p.field = f.name
			m.fields = append(m.fields, p)
		}
	}
	for _, t := range in.Texts {
		r := &rendition{Text: t, place: string(t.Kind) + "/" + t.Locale}
		if subject := t.Content.Subject.Sample(); subject != "" {
			r.passages = append(r.passages, newPassage(r.place+"/subject", t.Locale, subject))
		}
		r.passages = append(r.passages, newPassage(r.place, t.Locale, t.Content.Text.Sample()))
		m.texts = append(m.texts, r)
	}
	return m
}

func newPassage(place, locale, text string) *passage {
	p := &passage{place: place, locale: locale, lang: languages()[base(locale)], text: text, links: findLinks(text)}
	p.plain = blank(text, p.links)
	p.words, p.sentence = tokenize(p.plain)
	return p
}

// passages lists fields and texts.
func (m *message) passages() []*passage {
	all := slices.Clone(m.fields)
	for _, r := range m.texts {
		all = append(all, r.passages...)
	}
	return all
}

// field returns a field's passage, nil where the field has no text in the locale.
func (m *message) field(name, locale string) *passage {
	for _, p := range m.fields {
		if p.field == name && p.locale == locale {
			return p
		}
	}
	return nil
}

// locales are those in which everything must be said.
func (m *message) locales() []string {
	if len(m.settings.Locales) > 0 {
		return m.settings.Locales
	}
	return slices.Sorted(maps.Keys(m.u.Summary))
}

// rendered says whether the passage is of a text.
func (p *passage) rendered() bool { return p.field == "" }

// hit is a finding about words of the passage, or about all of it where words is "".
func (p *passage) hit(words, reason string) hit {
	return hit{place: p.place, locale: p.locale, words: words, reason: reason, rendered: p.rendered()}
}

// quote is the text of a match.
func (p *passage) quote(m match) string { return p.text[p.words[m.from].at:p.words[m.to-1].end] }

// has says whether any of the phrases stands in the passage.
func (p *passage) has(ps phrases) bool { return len(find(p.words, ps)) > 0 }

// within are the words of one sentence.
func (p *passage) within(sentence int) []token {
	from, _ := slices.BinarySearchFunc(p.words, sentence, func(t token, n int) int { return t.sentence - n })
	to, _ := slices.BinarySearchFunc(p.words, sentence+1, func(t token, n int) int { return t.sentence - n })
	return p.words[from:to]
}

// says says whether any of the phrases stands in the text or its title.
func (r *rendition) says(list func(*language) phrases) bool {
	return slices.ContainsFunc(r.passages, func(p *passage) bool { return p.lang != nil && p.has(list(p.lang)) })
}

// known says whether we know the text's language.
func (r *rendition) known() bool { return r.passages[0].lang != nil }

// text is the passage that isn't the title.
func (r *rendition) text() *passage { return r.passages[len(r.passages)-1] }

func (r *rendition) hit(reason string) hit {
	return hit{place: r.place, locale: r.Locale, reason: reason, rendered: true}
}

// long says whether the kind has room for more than the bare news.
func (r *rendition) long() bool {
	switch r.Kind {
	case channels.Email, channels.Messenger, channels.Web:
		return true
	case channels.SMS, channels.Push, channels.Voice, channels.Social:
	}
	return false
}

// firstNews says whether customers hear of it for the first time, so that even what has room for the bare
// news only must say what it is about.
func (m *message) firstNews() bool {
	return m.u.Status == incident.Investigating || announcedAhead(m.u)
}

// brief is the field that short kinds say: the short summary where there is one.
func (m *message) brief(locale string) *passage {
	if p := m.field("short", locale); p != nil {
		return p
	}
	return m.field("summary", locale)
}

// mentions says whether a time of day stands in the text, as texts write it in the zone.
func (r *rendition) mentions(t time.Time, zone *time.Location) bool {
	clock := t.In(zone).Format("15:04")
	return slices.ContainsFunc(r.passages, func(p *passage) bool {
		return slices.ContainsFunc(p.words, func(w token) bool { return w.fold == clock })
	})
}

// at is a field of the update that is no text.
func at(field, reason string) []hit { return []hit{{place: field, reason: reason}} }

// names says whether a text names a thing, in whatever form of the words: each language inflects its names,
// so that it is the beginnings of words that are compared.
func (p *passage) names(name string) bool {
	words, _ := tokenize(name)
	return slices.ContainsFunc(words, func(w token) bool {
		stem := []rune(w.fold)
		if len(stem) < 3 && len(words) > 1 {
			return false
		}
		stem = stem[:min(len(stem), max(4, len(stem)-2))]
		return slices.ContainsFunc(p.words, func(t token) bool { return strings.HasPrefix(t.fold, string(stem)) })
	})
}
