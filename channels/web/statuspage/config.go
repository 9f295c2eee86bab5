package statuspage

import (
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Config is the adapter's configuration.
type Config struct {
	// Directory is where the files are written, an absolute path. It is made if it isn't there, but its
	// parent has to be: a file system that is not mounted is not to be written below. A service that may write
	// to its own state only (systemd's ProtectSystem) has to be allowed to write there (ReadWritePaths).
	Directory string `yaml:"directory"`
	// URL is where the directory is served.
	URL string `yaml:"url"`
	// Zone is the IANA time zone of the times on the pages; UTC by default.
	Zone string `yaml:"zone"`
	// HistoryDays is how long what is over stays on the page, 90 by default. Its own page remains.
	HistoryDays int `yaml:"history_days"`
	// Sender names the organisation in alerts, where it has to be unique in the world: a domain name or
	// an e-mail address. It is the URL's host by default.
	Sender string `yaml:"sender"`
	// Exercise marks all pages, and all alerts, as those of a drill.
	Exercise bool `yaml:"exercise"`
	// Pages are the pages, each in one language; the first is also what the bare URL shows.
	Pages []Page `yaml:"pages"`
}

// Page is one public page, which is an account of the channel.
type Page struct {
	// Name is the page's folder, and the account's address.
	Name string `yaml:"name"`
	// Locale is the BCP 47 tag of the page's language: en, ro or ru, with or without a region.
	Locale string `yaml:"locale"`
	// Title is the organisation's name.
	Title string `yaml:"title"`
	// Area is where its customers are, for alerts about updates that name no region.
	Area string `yaml:"area"`
}

// site is a configuration that has been checked.
type site struct {
	url      string // without a slash at its end
	sender   string
	zone     *time.Location
	history  time.Duration
	exercise bool
	pages    []page
	template *template.Template
}

type page struct {
	Page
	words *words
}

func (c Config) site() (site, error) {
	host, err := c.host()
	if err != nil {
		return site{}, err
	}
	zone, err := time.LoadLocation(c.Zone)
	switch {
	case err != nil || c.Zone == "":
		return site{}, fmt.Errorf("zone: %q is not an IANA time zone", c.Zone)
	case c.Directory == "":
		return site{}, errors.New("directory: missing, want where the files are to be written")
	case !filepath.IsAbs(c.Directory):
		return site{}, fmt.Errorf("directory: %q is not an absolute path", c.Directory)
	case c.HistoryDays < 1 || c.HistoryDays > 3660:
		return site{}, fmt.Errorf("history_days: %d, want 1 to 3660", c.HistoryDays)
	case strings.ContainsAny(c.Sender, " ,<&\t\r\n"):
		return site{}, errors.New("sender: want no spaces, commas, < or &")
	}
	s := site{url: strings.TrimRight(c.URL, "/"), sender: c.Sender, zone: zone, exercise: c.Exercise,
		history: time.Duration(c.HistoryDays) * 24 * time.Hour}
	if s.sender == "" {
		s.sender = host
	}
	if s.pages, err = c.pages(); err != nil {
		return site{}, err
	}
	s.template, err = parsed()
	return s, err
}

func (c Config) host() (string, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New(`url: want where the directory is served, as in "https://status.example.com"`)
	}
	return u.Hostname(), nil
}

func (c Config) pages() ([]page, error) {
	if len(c.Pages) == 0 {
		return nil, errors.New("pages: missing, want at least one with name, locale, title and area")
	}
	var all []page
	seen := map[string]bool{}
	for i, p := range c.Pages {
		w, known := wordsOf(p.Locale)
		switch {
		case !pageName().MatchString(p.Name) || seen[p.Name]:
			return nil, fmt.Errorf("pages: name %q of number %d: want up to 32 of a-z, 0-9 and -, each name once", p.Name, i+1)
		case !known:
			return nil, fmt.Errorf("pages: locale %q of %s: there are words in en, ro and ru", p.Locale, p.Name)
		case p.Title == "":
			return nil, fmt.Errorf("pages: %s has no title: want the organisation's name", p.Name)
		case p.Area == "":
			return nil, fmt.Errorf("pages: %s has no area: want where the customers are", p.Name)
		}
		seen[p.Name] = true
		all = append(all, page{p, w})
	}
	return all, nil
}

func (s site) names() []string {
	var names []string
	for _, p := range s.pages {
		names = append(names, p.Name)
	}
	return names
}

func (s site) has(name string) bool {
	for _, p := range s.pages {
		if p.Name == name {
			return true
		}
	}
	return false
}
