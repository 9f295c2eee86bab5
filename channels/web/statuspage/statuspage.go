// Package statuspage publishes updates on a public status page of static files, which any web server
// or object store can serve: one that stands far from the systems that fail, best of all.
//
// A public account of this channel is one page, in one language: a message's address is the name of a
// configured page. What the site consists of is made from the messages alone:
//
//	index.html                          the first page once more, so that the bare URL shows it
//	<page>/index.html                   what happens now, planned work, history
//	<page>/incidents/<topic>.html       one incident with all its messages
//	<page>/incidents/<topic>.json       the same as data: all that there is to remember
//	<page>/status.json                  what index.html says, as data
//	<page>/atom.xml                     the newest messages: Atom 1.0 (RFC 4287)
//	<page>/rss.xml                      RSS 2.0 (https://www.rssboard.org/rss-specification)
//	<page>/feed.json                    JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)
//	<page>/cap.xml                      an Atom feed of the newest alerts
//	<page>/cap/<id>.xml                 an alert per message: CAP 1.2 (OASIS Standard, 1 July 2010)
//	<page>/recalled.json                what was recalled, once something was
//
// # Publishing
//
// Each file is written under another name, synced, and renamed into its place, so that a reader never
// sees half of one; the incident's data come first, index.html last. Every file but the alerts follows
// from the incidents' data and recalled.json. With each message those of its incident and the page's own are laid anew, and at
// each start all: one that was lost in a crash is back then, and a message that comes again changes
// nothing. Once Send has returned the news is there to be read, so the answer itself proves Delivered, to
// the page.
//
// The lane sends from one process at a time, so there is one writer; files that others put into the
// directory stay.
//
// # Recalling
//
// A message that is recalled is written to recalled.json first, and so never comes back; then the page is laid
// without it, as it would be had the message not come, and last its own files are removed: its alert, and those
// of its incident where that was all. Readers of the feeds are told what feeds have for it: Atom's are given a
// deleted-entry (RFC 6721), and those of alerts a Cancel that names the alert. A Cancel or Update that was recalled
// had ended the alerts before it, so what goes on is said once more then, in an Update.
//
// recalled.json has "recalled": a list of id, incident, at (the message's time), recalled_at, and said_again, the id
// of the message of which there is such an Update. No texts.
//
// # status.json
//
// The shape is stable: what it has now stays, and more may come. Times are RFC 3339.
//
//	version     1
//	page        name, title, locale, url
//	exercise    true where all of it is a drill; else absent
//	state       operational, maintenance, minor, major, critical: the worst of what happens now
//	updated_at  time of the newest message, absent before the first
//	current, planned, history
//	            incidents: id, url, kind, phase (planned, current, closed), status, impact, title,
//	            started_at, and ends_at, estimated_at, next_update_at, resolved_at where known, services,
//	            regions, and updates, oldest first: id, at, locale, title, text, and the same facts
//
// An incident's own file has one such incident.
package statuspage

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

const example = `directory: /var/www/status
url: https://status.meridian.example
zone: Europe/Chisinau
pages:
  - {name: ro, locale: ro, title: Banca Meridian, area: Republica Moldova}
  - {name: ru, locale: ru, title: Банк «Меридиан», area: Республика Молдова}
  - {name: en, locale: en, title: Meridian Bank, area: Republic of Moldova}
`

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:   "statuspage",
		Title:      "Status page (static files)",
		Kind:       channels.Web,
		Channel:    "statuspage",
		Proofs:     []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:    channels.SilenceIsFailure,
		Idempotent: true,
		// Whoever has read it has read it, but of whatever age, it leaves the page.
		RecallWithin: channels.Always,
		// A message lays the whole site, so two at once would only wait for each other.
		Limits:       channels.Limits{Concurrency: 1, Timeout: time.Minute},
		CheckAddress: checkAddress,
		Docs:         "https://docs.oasis-open.org/emergency/cap/v1.2/CAP-v1.2-os.html",
		Example:      example,
		New:          newSender,
	}
}

// checkAddress takes the names that pages can have.
func checkAddress(address string) (string, error) {
	name := strings.ToLower(address)
	if !pageName().MatchString(name) {
		return "", errors.New("is not the name of a page: up to 32 of a-z, 0-9 and -")
	}
	return name, nil
}

func pageName() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`) }

type sender struct {
	site site
	tree tree
	api  *channels.API
	now  func() time.Time

	mu sync.Mutex // one message at a time lays the site
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{Zone: "UTC", HistoryDays: 90}
	if err := decode(&c); err != nil {
		return nil, err
	}
	s, err := c.site()
	if err != nil {
		return nil, err
	}
	api, err := channels.NewAPI(s.url, env)
	if err != nil {
		return nil, err
	}
	return &sender{site: s, tree: tree{root: c.Directory, pages: s.names()}, api: api, now: time.Now}, nil
}

// Send implements [channels.Sender]. The address is the name of a configured page. A context ends
// between two files: the writing of one can't be interrupted.
//
// Whatever fails on the way is Unavailable or Auth, so that the message comes again: until index.html
// is there it is not on the page, and what was written of it before is the same the next time. A message that was
// recalled is Rejected: it doesn't come back.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	name, err := checkAddress(m.Address)
	if err != nil || !s.site.has(name) {
		return channels.Ack{}, noSuchPage()
	}
	u, err := newUpdate(m)
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "incomplete", Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.lay(ctx, m.Topic, func(all map[string]memory) error {
		known := all[name]
		if known.hasRecalled(u.ID) {
			return errRecalled
		}
		known.incidents = known.incidents.with(m.Topic, u)
		all[name] = known
		return nil
	})
	if err != nil {
		return channels.Ack{}, refusal(err)
	}
	return channels.Ack{ID: u.ID, Proof: channels.Delivered}, nil
}

func noSuchPage() *channels.Error {
	return &channels.Error{Class: channels.InvalidAddress, Code: "no_such_page", Err: errors.New("not among the pages configured")}
}

// Prepare implements [channels.Preparer]: it lays the site as the incidents' data have it, so that there is
// one before the first message too, in the look of this version.
func (s *sender) Prepare(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tree.tidy(); err != nil {
		return err
	}
	if err := s.lay(ctx, "", func(map[string]memory) error { return nil }); err != nil {
		return err
	}
	return s.tree.broken()
}

// lay changes what is remembered and writes the files that differ from it: of incidents' own, those of
// one topic, or with "" of all.
func (s *sender) lay(ctx context.Context, topic string, change func(map[string]memory) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	all, err := s.tree.load(ctx)
	if err != nil {
		return err
	}
	if err := change(all); err != nil {
		return err
	}
	return s.write(ctx, all, topic)
}

// write writes the files that differ, then removes those of what was recalled: until then nothing leads to a
// file that there isn't.
func (s *sender) write(ctx context.Context, all map[string]memory, topic string) error {
	files, err := s.site.files(all, s.now(), topic)
	if err != nil {
		return err
	}
	if err := s.tree.put(ctx, files); err != nil {
		return err
	}
	return s.tree.remove(ctx, s.site.leftover(all, topic))
}

// Close implements [channels.Sender]. There is nothing to release.
func (s *sender) Close() error { return nil }
