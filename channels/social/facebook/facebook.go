// Package facebook posts on Facebook Pages.
//
// The recipient of a public post is the Page on which it appears, so a message's address is the id of one
// of the Pages that the configuration has an access token for. Once the Graph API has answered with the
// post's id the post is there to be read, so the answer itself proves Delivered.
//
// Every update is a post of its own: a Page has no threads, and a comment under the first post would reach
// none of those who follow the Page.
//
// Facebook refuses a text that the Page has posted just before. Such a refusal is believed to mean that the
// post is there only if it is found among the Page's posts; so a repeat is never a second post. Where an
// answer was lost, the Page's posts are looked through as well.
//
// A post of any age can be taken back. Facebook says the same of one that is gone and of one that may not be
// seen; it is believed to be gone only if it can't be read by a token that is shown another post of the Page.
//
// Wire format follows https://developers.facebook.com/docs/graph-api/reference/page/feed,
// https://developers.facebook.com/docs/pages-api/posts,
// https://developers.facebook.com/docs/graph-api/guides/secure-requests and …/error-handling.
package facebook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// maxCharacters is how long a post may be.
const maxCharacters = 63206

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "facebook",
		Title:    "Facebook Pages",
		Kind:     channels.Social,
		Channel:  "facebook",
		Proofs:   []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:  channels.SilenceIsFailure,
		// A Page's posts are listed a little after they are made.
		InquireAfter: 5 * time.Minute,
		RecallWithin: channels.Always,
		// https://developers.facebook.com/docs/graph-api/overview/rate-limiting: 4,800 calls a day for each
		// user who engages with the Page; posts that follow each other fast are taken for spam well before.
		Limits:  channels.Limits{PerSecond: 0.2, Concurrency: 2, Timeout: 30 * time.Second},
		Docs:    "https://developers.facebook.com/docs/graph-api/reference/page/feed",
		Example: "app_secret: 614fc2afde15eee07a26b2fe3eaee9b9\naccounts:\n  \"101234567890123\": EAAGm0PX4ZCpsBAKZCexample # a Page's access token\n",
		New:     newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	BaseURL string `yaml:"base_url"`
	// Version is the Graph API's version.
	Version string `yaml:"graph_version"`
	// AppSecret is the app's secret, for apps whose calls must carry a proof of it.
	AppSecret channels.Secret `yaml:"app_secret"`
	// Accounts are Page access tokens by the id of their Page, each with the permissions
	// pages_manage_posts and pages_read_engagement. Several Pages may speak several languages.
	Accounts map[string]channels.Secret `yaml:"accounts"`
}

// page is a Page on which we post.
type page struct {
	id     string
	header http.Header
	proof  string // appsecret_proof, "" for none
}

type sender struct {
	api     *channels.API
	version string
	pages   social.Accounts[*page]
}

var (
	versionForm = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]$`)
	idForm      = regexp.MustCompile(`^[0-9]{1,20}$`)
)

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{BaseURL: "https://graph.facebook.com", Version: "v25.0"}
	if err := decode(&c); err != nil {
		return nil, err
	}
	if !versionForm.MatchString(c.Version) {
		return nil, errors.New(`graph_version: want a version of the Graph API, as in "v25.0"`)
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	tokens, err := social.NewAccounts(c.Accounts, social.CheckToken)
	if err != nil {
		return nil, err
	}
	pages := social.Accounts[*page]{}
	for id, token := range tokens {
		if !idForm.MatchString(id) {
			return nil, errors.New("accounts: want the ids of Pages, which are numbers")
		}
		pages[id] = newPage(id, token, c.AppSecret)
	}
	return &sender{api: api, version: c.Version, pages: pages}, nil
}

func newPage(id string, token, appSecret channels.Secret) *page {
	p := &page{id: id, header: http.Header{"Authorization": {"Bearer " + token.Reveal()}}}
	if appSecret != "" {
		mac := hmac.New(sha256.New, []byte(appSecret.Reveal()))
		mac.Write([]byte(token.Reveal()))
		p.proof = hex.EncodeToString(mac.Sum(nil))
	}
	return p
}

// call makes a request with a Page's token. The parameters belong to the call from then on.
func (s *sender) call(ctx context.Context, p *page, method, path string, params url.Values) (channels.Answer, error) {
	if p.proof != "" {
		params.Set("appsecret_proof", p.proof)
	}
	path = "/" + s.version + "/" + path
	if method != http.MethodPost {
		return s.api.Call(ctx, method, path+"?"+params.Encode(), p.header.Clone(), nil)
	}
	header := p.header.Clone()
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.api.Call(ctx, method, path, header, []byte(params.Encode()))
}

// Send implements [channels.Sender]. The address is the id of a configured Page.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	p, err := s.pages.Of(m.Address)
	if err != nil {
		return channels.Ack{}, err
	}
	text := social.Facebook().Fit(m.Text, maxCharacters)
	answer, err := s.call(ctx, p, http.MethodPost, p.id+"/feed", url.Values{"message": {text}})
	if err != nil {
		return channels.Ack{}, err
	}
	if failureOf(answer).Code == codeDuplicate {
		return s.alreadyThere(ctx, p, text)
	}
	id, err := readID(answer)
	if err != nil {
		return channels.Ack{}, err
	}
	return channels.Ack{ID: id, Proof: channels.Delivered}, nil
}

// alreadyThere finds the post that Facebook says is there, with the same text. If it can't be looked for, it
// may be there; if it isn't among the Page's posts, the text is one that Facebook doesn't take.
func (s *sender) alreadyThere(ctx context.Context, p *page, text string) (channels.Ack, error) {
	id, err := s.find(ctx, p, search{text: text, after: time.Now().Add(-duplicateFor)})
	switch {
	case err != nil:
		return channels.Ack{}, &channels.Error{Class: channels.Unknown, Code: "506 duplicate", Err: err}
	case id == "":
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "506 duplicate"}
	}
	return channels.Ack{ID: id, Proof: channels.Delivered}, nil
}

// duplicateFor is for how long Facebook may remember a text; it doesn't say.
const duplicateFor = 24 * time.Hour

// Probe implements [channels.Prober]: it reads the id of every Page.
func (s *sender) Probe(ctx context.Context) error {
	for _, p := range s.pages {
		answer, err := s.call(ctx, p, http.MethodGet, p.id, url.Values{"fields": {"id"}})
		if err != nil {
			return err
		}
		if _, err := readID(answer); err != nil {
			return err
		}
	}
	return nil
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
