package statuspage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed page.html.tmpl
var pageTemplate string

//go:embed style.css
var style string

func parsed() (*template.Template, error) { return template.New("page").Parse(pageTemplate) }

// sheet is what every page has.
type sheet struct {
	Lang, Title, Organisation, URL string
	Words                          *words
	Home                           string // the page's folder, as seen from this file
	Style                          template.CSS
	Policy                         string // Content-Security-Policy
	Icon                           template.URL
	State                          string
	Languages                      []language
	Updated                        *moment
	Zone                           string
	Exercise                       bool
	// One of them is set.
	Index    *index
	Incident *card
}

type language struct {
	Lang, Name, Href string
	Here             bool
}

type index struct {
	Now, Planned, History []card
}

// card is an incident as a page shows it.
type card struct {
	Href, Title, Locale string
	badge
	Closed   bool
	Impact   string
	Facts    []fact
	Text     []paragraph
	Link     string
	Messages []message // newest first
	More     string    // that there are several
	At       *moment
}

type badge struct {
	Tone  string // which colour it has: an impact, planned, or closed
	Label string
}

type message struct {
	ID, Locale, Title string
	badge
	At         *moment
	Text       []paragraph
	Link       string
	Correction bool
}

type fact struct {
	Label string
	Time  *moment
	Text  string
}

// moment is a time for people, and for machines.
type moment struct{ Text, Machine string }

type paragraph []span

// span is a part of a text; a link where it is one.
type span struct {
	Text string
	Link bool
}

func (v view) html() ([]file, error) {
	var files []file
	for _, i := range v.own {
		f, err := v.incidentPage(i)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	f, err := v.index("../", v.Name+"/index.html")
	return append(files, f), err
}

// index is the page's own file; root is the way from it to the site's first folder.
func (v view) index(root, path string) (file, error) {
	s := v.sheet(root, func(other page) string { return root + other.Name + "/" })
	s.Title, s.URL, s.State = v.words.States[v.all.worst()], v.at(""), v.all.worst()
	s.Icon = icon(s.State)
	s.Index = &index{v.cards(v.now()), v.cards(v.planned()), v.cards(v.past())}
	if root == "" {
		s.Home = v.Name + "/"
		s.Index.rebase(s.Home)
	}
	return v.file(path, s)
}

// rebase leads the cards' links into the page's folder.
func (x *index) rebase(folder string) {
	for _, cards := range [][]card{x.Now, x.Planned, x.History} {
		for i := range cards {
			cards[i].Href = folder + cards[i].Href
		}
	}
}

func (v view) incidentPage(i incident) (file, error) {
	name := i.topic + ".html"
	s := v.sheet("../../", func(other page) string {
		href := "../../" + other.Name + "/"
		if slices.ContainsFunc(v.others[other.Name].incidents, func(o incident) bool { return o.topic == i.topic }) {
			href += "incidents/" + name
		}
		return href
	})
	c := v.card(i)
	s.Title, s.URL, s.Home, s.State, s.Incident = c.Title, v.at("incidents/"+name), "../", c.Tone, &c
	s.Icon = icon(c.Tone)
	return v.file(v.Name+"/incidents/"+name, s)
}

func (v view) sheet(root string, href func(page) string) sheet {
	s := sheet{
		Lang: v.Locale, Organisation: v.Title, Words: v.words, Style: template.CSS(style), Policy: policy(),
		Updated: v.moment(v.all.updatedAt()), Zone: v.zone.String(), Exercise: v.exercise,
	}
	if len(v.pages) > 1 {
		for _, p := range v.pages {
			s.Languages = append(s.Languages, language{p.Locale, p.words.Language, href(p), p.Name == v.Name})
		}
	}
	return s
}

func (v view) file(path string, s sheet) (file, error) {
	var b bytes.Buffer
	if err := v.template.Execute(&b, s); err != nil {
		return file{}, fmt.Errorf("page %s: %w", path, err)
	}
	return file{path: path, data: b.Bytes()}, nil
}

// policy allows what a page has, and nothing else: its own style, and its icon.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
}

// icon is a dot in the colour of a state, for the browser's tab.
func icon(state string) template.URL {
	colours := map[string]string{
		"operational": "#1f9057", "closed": "#1f9057", "planned": "#2563a8", "maintenance": "#2563a8",
		"minor": "#c98a00", "major": "#d9620c", "critical": "#c3232f",
	}
	svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="` + colours[state] + `"/></svg>`
	return template.URL("data:image/svg+xml," + url.PathEscape(svg))
}

func (v view) cards(all incidents) []card {
	var cards []card
	for _, i := range all {
		cards = append(cards, v.card(i))
	}
	return cards
}

// card shows the newest message, but what is over under the title that said so.
func (v view) card(i incident) card {
	last, title := i.last(), i.last()
	if i.phase() == closed {
		title = i.standing()
	}
	c := card{
		Href: "incidents/" + i.topic + ".html", Title: title.Title, Locale: title.Locale, badge: v.badge(i, title), Closed: i.phase() == closed,
		Impact: v.words.Impacts[title.Impact], Facts: v.facts(i), Text: paragraphs(last.Text), Link: v.readOn(last.Link), At: v.moment(last.At),
	}
	for n, m := range slices.Backward(i.updates) {
		c.Messages = append(c.Messages, message{
			ID: m.ID, Locale: m.Locale, Title: m.Title, badge: v.badge(incident{i.topic, i.updates[:n+1]}, m), At: v.moment(m.At),
			Text: paragraphs(m.Text), Link: v.readOn(m.Link), Correction: m.Status == "correction",
		})
	}
	if n := len(c.Messages); n > 1 {
		c.More = fmt.Sprintf("%s (%d)", v.words.Messages, n)
	}
	return c
}

func (v view) badge(i incident, u update) badge {
	b := badge{Tone: u.Impact, Label: v.words.Statuses[u.Status]}
	switch p := i.phase(); {
	case p == closed:
		b.Tone = "closed"
	case u.Kind == "maintenance":
		b.Tone = "planned"
	}
	return b
}

// facts are what readers look for first.
func (v view) facts(i incident) []fact {
	u, last, ended := i.standing(), i.last(), i.ended()
	var facts []fact
	add := func(label string, m *moment, text string) {
		if m != nil || text != "" {
			facts = append(facts, fact{label, m, text})
		}
	}
	open := i.phase() != closed
	if u.Kind == "maintenance" && !u.EndsAt.IsZero() {
		add(v.words.When, nil, v.words.span(u.StartedAt.In(v.zone), u.EndsAt.In(v.zone)))
	} else {
		add(v.words.Began, v.moment(u.StartedAt), "")
	}
	if open {
		add(v.words.Expected, v.moment(last.EstimatedAt), "")
		add(v.words.NextUpdate, v.moment(last.NextUpdateAt), "")
		return facts
	}
	add(v.words.Ended, v.moment(ended), "")
	if u.Kind != "maintenance" && ended.After(u.StartedAt) && !u.StartedAt.IsZero() {
		add(v.words.Lasted, nil, v.words.lasted(ended.Sub(u.StartedAt)))
	}
	return facts
}

// moment is nil for no time.
func (v view) moment(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	t = t.In(v.zone)
	return &moment{v.words.moment(t), t.Format(time.RFC3339)}
}

// readOn is where there is more, "" where that is this site.
func (v view) readOn(link string) string {
	if link == v.url || strings.HasPrefix(link, v.url+"/") {
		return ""
	}
	return link
}

// paragraphs splits a text at its empty lines, and finds the links in it.
func paragraphs(text string) []paragraph {
	var all []paragraph
	for _, p := range strings.Split(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, spans(p))
		}
	}
	return all
}

func linkForm() *regexp.Regexp { return regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?)\]']`) }

func spans(text string) paragraph {
	var p paragraph
	for {
		at := linkForm().FindStringIndex(text)
		if at == nil {
			break
		}
		p = append(p, span{Text: text[:at[0]]}, span{Text: text[at[0]:at[1]], Link: true})
		text = text[at[1]:]
	}
	return append(p, span{Text: text})
}
