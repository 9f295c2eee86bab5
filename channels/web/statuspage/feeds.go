package statuspage

import (
	"encoding/xml"
	"html"
	"slices"
	"strings"
	"time"
)

func (v view) feeds() ([]file, error) {
	var files []file
	newest := v.all.newest(feedLength)
	for _, feed := range []struct {
		name string
		make func([]said) ([]byte, error)
	}{{"atom.xml", v.atom}, {"rss.xml", v.rss}, {"feed.json", v.jsonFeed}, {"cap.xml", v.alertFeed}} {
		raw, err := feed.make(newest)
		if err != nil {
			return nil, err
		}
		files = append(files, file{path: v.Name + "/" + feed.name, data: raw})
	}
	return files, nil
}

func encodeXML(v any) ([]byte, error) {
	raw, err := xml.MarshalIndent(v, "", "  ")
	return append([]byte(xml.Header), append(raw, '\n')...), err
}

// heading is what feeds are called.
func (v view) heading() string { return v.Title + ": " + v.words.Heading }

// link is where a message is on the page.
func (v view) link(s said) string { return v.at("incidents/" + s.topic + ".html#u-" + s.update().ID) }

func urn(id string) string { return "urn:uuid:" + id }

// atomFeed and the types below are what is used of RFC 4287.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  atomAuthor  `xml:"author"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`

	Tombstones string        `xml:"xmlns:at,attr,omitempty"`
	Deleted    []atomDeleted `xml:"at:deleted-entry"`
}

// atomDeleted tells readers who have an entry that it is gone (RFC 6721).
type atomDeleted struct {
	Ref  string `xml:"ref,attr"`
	When string `xml:"when,attr"`
}

type atomAuthor struct {
	Name string `xml:"name"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	Lang     string        `xml:"xml:lang,attr,omitempty"`
	ID       string        `xml:"id"`
	Title    string        `xml:"title"`
	Updated  string        `xml:"updated"`
	Links    []atomLink    `xml:"link"`
	Category *atomCategory `xml:"category"`
	Content  *atomText     `xml:"content"`
	Summary  *atomText     `xml:"summary"`
}

type atomCategory struct {
	Term  string `xml:"term,attr"`
	Label string `xml:"label,attr"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// feedOf is an Atom feed without entries. A feed needs a time even before the first message; that is
// the beginning of all time, so that the same feed doesn't change as time passes.
func (v view) feedOf(name, title string) atomFeed {
	feed := atomFeed{
		Lang: v.Locale, ID: v.at(name), Title: title, Author: atomAuthor{v.Title},
		Updated: stamp(v.changedAt()),
		Links:   []atomLink{{"self", "application/atom+xml", v.at(name)}, {"alternate", "text/html", v.at("")}},
	}
	for _, r := range slices.Backward(v.gone[max(0, len(v.gone)-feedLength):]) {
		feed.Tombstones = "http://purl.org/atompub/tombstones/1.0"
		feed.Deleted = append(feed.Deleted, atomDeleted{urn(r.ID), stamp(r.RecalledAt)})
	}
	return feed
}

// changedAt is when something was said or recalled last, zero if there was nothing: a feed's time, which doesn't go back.
func (v view) changedAt() time.Time {
	last := v.all.updatedAt()
	for _, r := range v.gone {
		for _, t := range []time.Time{r.At, r.RecalledAt} {
			if t.After(last) {
				last = t
			}
		}
	}
	return last
}

func stamp(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Format(time.RFC3339)
}

func (v view) atom(newest []said) ([]byte, error) {
	feed := v.feedOf("atom.xml", v.heading())
	for _, s := range newest {
		u := s.update()
		feed.Entries = append(feed.Entries, atomEntry{
			Lang: u.Locale, ID: urn(u.ID), Title: v.marked(u.Title), Updated: stamp(u.At),
			Links:    []atomLink{{"alternate", "text/html", v.link(s)}},
			Category: &atomCategory{u.Status, v.words.Statuses[u.Status]},
			Content:  &atomText{"text", u.Text},
		})
	}
	return encodeXML(feed)
}

// rssFeed and the types below are what is used of RSS 2.0, with the link to itself that its best
// practices ask for (https://www.rssboard.org/rss-profile#namespace-elements-atom-link).
type rssFeed struct {
	XMLName xml.Name   `xml:"rss"`
	Version string     `xml:"version,attr"`
	Atom    string     `xml:"xmlns:atom,attr"`
	Channel rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	Self        atomLink  `xml:"atom:link"`
	Description string    `xml:"description"`
	Language    string    `xml:"language"`
	Built       string    `xml:"lastBuildDate,omitempty"`
	Items       []rssItem `xml:"item"`
}

type rssItem struct {
	Title       string  `xml:"title"`
	Link        string  `xml:"link"`
	GUID        rssGUID `xml:"guid"`
	Category    string  `xml:"category"`
	Published   string  `xml:"pubDate"`
	Description string  `xml:"description"`
}

type rssGUID struct {
	IsPermaLink bool   `xml:"isPermaLink,attr"`
	ID          string `xml:",chardata"`
}

func (v view) rss(newest []said) ([]byte, error) {
	c := rssChannel{
		Title: v.heading(), Link: v.at(""), Self: atomLink{"self", "application/rss+xml", v.at("rss.xml")},
		Description: v.heading(), Language: v.Locale,
	}
	if t := v.changedAt(); !t.IsZero() {
		c.Built = t.In(v.zone).Format(time.RFC1123Z)
	}
	for _, s := range newest {
		u := s.update()
		c.Items = append(c.Items, rssItem{
			Title: v.marked(u.Title), Link: v.link(s), GUID: rssGUID{false, urn(u.ID)}, Category: v.words.Statuses[u.Status],
			Published: u.At.In(v.zone).Format(time.RFC1123Z), Description: escapedText(u.Text),
		})
	}
	return encodeXML(rssFeed{Version: "2.0", Atom: "http://www.w3.org/2005/Atom", Channel: c})
}

// escapedText is a text as RSS wants it: readers take a description for HTML.
func escapedText(text string) string {
	return strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\n")
}

// jsonFeed and the types below are what is used of JSON Feed 1.1.
type jsonFeed struct {
	Version  string       `json:"version"`
	Title    string       `json:"title"`
	Home     string       `json:"home_page_url"`
	Self     string       `json:"feed_url"`
	Language string       `json:"language"`
	Authors  []jsonAuthor `json:"authors"`
	Items    []jsonItem   `json:"items"`
}

type jsonAuthor struct {
	Name string `json:"name"`
}

type jsonItem struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Title     string   `json:"title"`
	Text      string   `json:"content_text"`
	Published string   `json:"date_published"`
	Language  string   `json:"language,omitempty"`
	Tags      []string `json:"tags"`
}

func (v view) jsonFeed(newest []said) ([]byte, error) {
	feed := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1", Title: v.heading(), Home: v.at(""), Self: v.at("feed.json"),
		Language: v.Locale, Authors: []jsonAuthor{{v.Title}}, Items: []jsonItem{},
	}
	for _, s := range newest {
		u := s.update()
		feed.Items = append(feed.Items, jsonItem{
			ID: urn(u.ID), URL: v.link(s), Title: v.marked(u.Title), Text: u.Text, Published: stamp(u.At),
			Language: u.Locale, Tags: []string{u.Kind, u.Status, u.Impact},
		})
	}
	return indented(feed)
}

// marked is a title where it stands without its page: a drill's says so itself.
func (v view) marked(title string) string {
	if v.exercise {
		return v.words.Exercise + " " + title
	}
	return title
}
