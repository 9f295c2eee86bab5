// Package livejournal posts in journals of LiveJournal, or of another site that runs its code.
//
// The recipient of a public post is the journal in which it appears, so a message's address is the name of
// one of the journals that the configuration has a password for. Once the site has answered with the
// entry's number the entry is there to be read, so the answer itself proves Delivered.
//
// Every update is an entry of its own: journals have no threads of entries. An entry that is the same as
// the journal's last one is known again; where an answer was lost, the journal's last entries are looked
// through.
//
// An entry of any age can be taken back, by whoever posted it.
//
// Entries are HTML, in which line breaks are kept. They carry the time of the journal's owner, which the
// site doesn't know: the zone is configuration.
//
// Wire format follows https://www.livejournal.com/doc/server/ljp.csp.xml-rpc.protocol.html (getchallenge,
// postevent, getevents, editevent), ljp.csp.auth.challresp.html and http://xmlrpc.com/spec.md; error codes are those
// of the site's own code.
package livejournal

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// maxBytes is how long an entry may be.
const maxBytes = 65535

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "livejournal",
		Title:        "LiveJournal",
		Kind:         channels.Social,
		Channel:      "livejournal",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:      channels.SilenceIsFailure,
		InquireAfter: 2 * time.Minute,
		RecallWithin: channels.Always,
		// https://www.livejournal.com/bots/: no more than five requests a second; a post takes two.
		Limits:  channels.Limits{PerSecond: 0.5, Concurrency: 1, Timeout: 30 * time.Second},
		Docs:    "https://www.livejournal.com/doc/server/ljp.csp.xml-rpc.postevent.html",
		Example: "zone: Europe/Chisinau\naccounts:\n  bank_outages:\n    password: correct-horse\n  bank_community:\n    username: bank_outages\n    password: correct-horse\n",
		New:     newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	BaseURL string `yaml:"base_url"`
	// Zone is the time zone of the entries' times ("Europe/Chisinau").
	Zone string `yaml:"zone"`
	// Accounts say who posts, by the name of the journal. Several journals may speak several languages.
	Accounts map[string]Account `yaml:"accounts"`
}

// Account is who posts in a journal.
type Account struct {
	// Username is whose password it is, where the journal isn't their own: a community's.
	Username string          `yaml:"username"`
	Password channels.Secret `yaml:"password"`
}

type sender struct {
	api      *channels.API
	zone     *time.Location
	journals social.Accounts[journal]
}

// journal is a journal in which we post.
type journal struct{ name, username, passwordSum string }

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{BaseURL: "https://www.livejournal.com", Zone: "UTC"}
	if err := decode(&c); err != nil {
		return nil, err
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, fmt.Errorf("zone: %q is no time zone", c.Zone)
	}
	journals := make(map[string]journal, len(c.Accounts))
	for name, a := range c.Accounts {
		j := journal{name: social.Handle(name), username: a.Username}
		if j.username == "" {
			j.username = j.name
		}
		if a.Password != "" {
			j.passwordSum = sum(a.Password.Reveal())
		}
		journals[name] = j
	}
	all, err := social.NewAccounts(journals, func(j journal) error {
		if j.passwordSum == "" {
			return errors.New("password: missing")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sender{api: api, zone: zone, journals: all}, nil
}

func sum(s string) string {
	b := md5.Sum([]byte(s)) // what the protocol asks for
	return hex.EncodeToString(b[:])
}

// Send implements [channels.Sender]. The address is the name of a configured journal.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	j, err := s.journals.Of(m.Address)
	if err != nil {
		return channels.Ack{}, err
	}
	event := markup(m.Text)
	if len(event) > maxBytes {
		return channels.Ack{}, &channels.Error{
			Class: channels.Rejected, Code: "too_long", Err: fmt.Errorf("%d bytes, at most %d are taken", len(event), maxBytes),
		}
	}
	now := time.Now().In(s.zone)
	answer, err := s.callAs(ctx, j, "postevent",
		member{"event", event}, member{"lineendings", "unix"}, member{"subject", ""}, member{"security", "public"},
		member{"year", now.Year()}, member{"mon", int(now.Month())}, member{"day", now.Day()},
		member{"hour", now.Hour()}, member{"min", now.Minute()})
	if err != nil {
		return channels.Ack{}, err
	}
	id := answer.member("itemid").text()
	if !numberForm.MatchString(id) {
		return channels.Ack{}, &channels.Error{Class: channels.Unknown, Code: "no_itemid"}
	}
	return channels.Ack{ID: j.name + "/" + id, Proof: channels.Delivered}, nil
}

// markup is a text as HTML, with links that are ones. The site itself keeps its line breaks.
func markup(text string) string {
	var b strings.Builder
	from := 0
	for _, l := range social.Links(text) {
		url := html.EscapeString(l.URL)
		b.WriteString(html.EscapeString(text[from:l.Start]) + `<a href="` + url + `">` + url + `</a>`)
		from = l.End
	}
	b.WriteString(html.EscapeString(text[from:]))
	return b.String()
}

// callAs calls a method in the name of who posts in a journal, for which the site gives a challenge first.
func (s *sender) callAs(ctx context.Context, j journal, method string, members ...member) (value, error) {
	challenge, err := s.call(ctx, "getchallenge")
	if err != nil {
		return value{}, social.NothingSent(err)
	}
	given := challenge.member("challenge").text()
	if given == "" {
		return value{}, &channels.Error{Class: channels.Unavailable, Code: "no_challenge"}
	}
	members = append(members,
		member{"username", j.username}, member{"auth_method", "challenge"}, member{"auth_challenge", given},
		member{"auth_response", sum(given + j.passwordSum)}, member{"ver", 1})
	if j.username != j.name {
		members = append(members, member{"usejournal", j.name})
	}
	return s.call(ctx, method, members...)
}

// call calls a method and returns its answer, or what the site says is wrong.
func (s *sender) call(ctx context.Context, method string, members ...member) (value, error) {
	body := encode("LJ.XMLRPC."+method, members)
	answer, err := s.api.Call(ctx, http.MethodPost, "/interface/xmlrpc", http.Header{"Content-Type": {"text/xml; charset=utf-8"}}, body)
	if err != nil {
		return value{}, err
	}
	return read(answer)
}

// Probe implements [channels.Prober] with login for every journal.
func (s *sender) Probe(ctx context.Context) error {
	for _, j := range s.journals {
		j.name = j.username // who logs in does so to their own journal
		if _, err := s.callAs(ctx, j, "login"); err != nil {
			return err
		}
	}
	return nil
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
