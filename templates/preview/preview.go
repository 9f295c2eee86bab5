// Package preview shows an update as customers will see it, before they do: every kind of channel in every
// language, with lengths and what there is to mend. [Write] is for a terminal; [HTML] makes one page by itself,
// with a telephone, a mail client or a post around each text.
//
// What is shown are the contents that are sent, placeholders with their defaults. Nothing in the page is
// loaded from anywhere, runs, or leads anywhere: the HTML of e-mails stands in frames without any right.
package preview

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
)

// Page is what is shown: one update.
type Page struct {
	// Organisation is whose name stands on the messages.
	Organisation string
	Team         string
	Incident     string
	Status       incident.Status
	Impact       incident.Impact
	// At is when it is shown as sent, in the zone in which it is to be read.
	At    time.Time
	Texts []Text
	// Notes are findings about it.
	Notes []Note
}

// Text is what is said on one kind of channel in one language.
type Text struct {
	Kind    channels.Kind
	Locale  string
	Content notification.Content
	// Segments are the SMS segments as they are billed; 0 takes what the text itself measures.
	Segments int
}

// Note is a finding.
type Note struct {
	// Severity is error, warning or info.
	Severity string
	Rule     string
	// Place is a text as kind/locale ("sms/ro"), or anything else that the update's author knows: a field.
	Place  string
	Reason string
}

// card is a text as it is laid out.
type card struct {
	Kind     channels.Kind
	Locale   string
	Subject  []piece
	Body     []piece
	HTML     string // of an e-mail; placeholders with their defaults
	News     *channels.News
	Length   string
	Over     bool
	Fill     int // how much of what fits is used, in percent; 0 where there is no bound
	Personal []string
	// Regions are what only recipients of one region read.
	Regions []regional
	Notes   []Note
}

// regional is what recipients of a region read where the text says what to do meanwhile.
type regional struct{ Region, Text string }

// section is one kind of channel in all languages.
type section struct {
	Kind  channels.Kind
	Title string
	Cards []card
}

// kinds are in the order in which they are shown.
func kinds() []channels.Kind {
	return []channels.Kind{channels.SMS, channels.Messenger, channels.Push, channels.Email, channels.Social, channels.Web, channels.Voice}
}

var titles = map[channels.Kind]string{
	channels.SMS: "SMS", channels.Messenger: "Messengers", channels.Push: "Push notifications", channels.Email: "E-mail",
	channels.Social: "Posts", channels.Web: "Status page", channels.Voice: "Calls",
}

// sections lays the page's texts out, by kind and then by language.
func (p *Page) sections() []section {
	var all []section
	for _, kind := range kinds() {
		s := section{Kind: kind, Title: titles[kind]}
		for i := range p.Texts {
			if p.Texts[i].Kind == kind {
				s.Cards = append(s.Cards, p.card(&p.Texts[i]))
			}
		}
		slices.SortFunc(s.Cards, func(a, b card) int { return strings.Compare(a.Locale, b.Locale) })
		if len(s.Cards) > 0 {
			all = append(all, s)
		}
	}
	return all
}

func (p *Page) card(t *Text) card {
	c := card{
		Kind: t.Kind, Locale: t.Locale, Subject: pieces(t.Content.Subject), Body: pieces(t.Content.Text), News: t.Content.News,
		HTML: sampleHTML(t.Content.HTML), Personal: personal(&t.Content), Regions: regions(&t.Content),
	}
	l := templates.LengthOf(&t.Content, t.Kind)
	if t.Segments > 0 {
		l.Count = max(l.Count, t.Segments)
	}
	c.Length, c.Over = l.String(), l.Over()
	if l.Most > 0 {
		c.Fill = min(100, 100*l.Count/l.Most)
	}
	for _, n := range p.Notes {
		if n.Place == string(t.Kind)+"/"+t.Locale || strings.HasPrefix(n.Place, string(t.Kind)+"/"+t.Locale+"/") {
			c.Notes = append(c.Notes, n)
		}
	}
	return c
}

// general are the notes that belong to no text shown.
func (p *Page) general(all []section) []Note {
	shown := map[Note]bool{}
	for _, s := range all {
		for _, c := range s.Cards {
			for _, n := range c.Notes {
				shown[n] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(p.Notes), func(n Note) bool { return shown[n] })
}

// regions are the alternatives of a content, by region.
func regions(c *notification.Content) []regional {
	said := templates.Alternatives(c)
	var all []regional
	for _, region := range slices.Sorted(maps.Keys(said)) {
		all = append(all, regional{region, said[region]})
	}
	return all
}

// personal names the values of recipients that a content asks for.
func personal(c *notification.Content) []string {
	var names []string
	for _, part := range []notification.Segments{c.Subject, c.Text, c.HTML} {
		for i := range part {
			if name := part[i].Placeholder; name != "" {
				names = append(names, readable(c.Recipe, name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// readable is what people call a placeholder: moments have names that say nothing.
func readable(r *notification.Recipe, name string) string {
	if r != nil {
		if _, ok := r.Times[name]; ok {
			return "times in their zone"
		}
	}
	return strings.ReplaceAll(name, "_", " ")
}

// headline is the first subject that there is, "" if there is none.
func (p *Page) headline() string {
	for i := range p.Texts {
		if s := p.Texts[i].Content.Subject.Sample(); s != "" {
			return s
		}
	}
	return ""
}

// Initial is the letter on the organisation's picture.
func (p *Page) Initial() string {
	for _, r := range cmp.Or(strings.TrimSpace(p.Organisation), "•") {
		return strings.ToUpper(string(r))
	}
	return "•"
}
