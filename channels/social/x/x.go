// Package x posts on accounts of X.
//
// The recipient of a public post is the account on which it appears, so a message's address is the handle
// of one of the accounts that the configuration has access tokens for. Once X has answered with the post's
// id the post is there to be read, so the answer itself proves Delivered.
//
// X refuses a text that the account has posted in the last hours. Such a refusal is believed to mean that
// the post is there only if it is found among the account's posts; so a repeat is never a second post.
// (Texts of different updates differ: they say when.) Where an answer was lost, the account's posts are
// looked through as well. Both need an access level that can read them.
//
// Posts are cut to what X takes, see [social.Rules.Fit].
//
// A post of any age can be taken back, 50 of an account in 15 minutes. Where X doesn't say that it has deleted
// it, only a look whether it is still there tells; that needs an access level that can read posts, without which
// such a post counts as kept.
//
// Requests are signed with OAuth 1.0a in the user's context, whose tokens don't expire; those of OAuth 2.0
// last two hours, and the token that renews them is another one each time, which would have to be kept.
//
// Wire format follows https://docs.x.com/x-api/posts/create-post, …/posts/delete-post, …/posts/get-post-by-id,
// …/users/get-posts, …/users/get-my-user and https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature.
package x

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// maxWeight is how long a post may be (https://docs.x.com/fundamentals/counting-characters).
const maxWeight = 280

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "x",
		Title:    "X",
		Kind:     channels.Social,
		Channel:  "x",
		Proofs:   []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:  channels.SilenceIsFailure,
		// An account's posts are listed a little after they are made.
		InquireAfter: 5 * time.Minute,
		Threads:      true,
		RecallWithin: channels.Always,
		// https://docs.x.com/x-api/fundamentals/rate-limits: 100 posts of one user in 15 minutes.
		Limits: channels.Limits{PerSecond: 0.1, Concurrency: 2, Timeout: 30 * time.Second},
		Docs:   "https://docs.x.com/x-api/posts/create-post",
		Example: "consumer_key: xvz1evFS4wEEPTGEFPHBog\nconsumer_secret: kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw\n" +
			"accounts:\n  bank_outages:\n    token: 370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb\n    token_secret: LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE\n",
		New: newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	BaseURL string `yaml:"base_url"`
	// ConsumerKey and ConsumerSecret are the app's.
	ConsumerKey    channels.Secret `yaml:"consumer_key"`
	ConsumerSecret channels.Secret `yaml:"consumer_secret"`
	// Accounts are access tokens by the handle of their account. Several accounts may speak several
	// languages.
	Accounts map[string]Tokens `yaml:"accounts"`
}

// Tokens let the app post on one account.
type Tokens struct {
	Token       channels.Secret `yaml:"token"`
	TokenSecret channels.Secret `yaml:"token_secret"`
}

type sender struct {
	api      *channels.API
	base     string
	accounts social.Accounts[*account]
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{BaseURL: "https://api.x.com"}
	if err := decode(&c); err != nil {
		return nil, err
	}
	if social.CheckToken(c.ConsumerKey) != nil || social.CheckToken(c.ConsumerSecret) != nil {
		return nil, errors.New("consumer_key, consumer_secret: missing, want the app's")
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	accounts := make(map[string]*account, len(c.Accounts))
	for handle, t := range c.Accounts {
		accounts[handle] = &account{keys: keys{c.ConsumerKey, c.ConsumerSecret, t.Token, t.TokenSecret}}
	}
	all, err := social.NewAccounts(accounts, func(a *account) error {
		return errors.Join(social.CheckToken(a.keys.token), social.CheckToken(a.keys.tokenSecret))
	})
	if err != nil {
		return nil, err
	}
	return &sender{api: api, base: strings.TrimRight(c.BaseURL, "/"), accounts: all}, nil
}

// request is the body of a post.
type request struct {
	Text  string `json:"text"`
	Reply *reply `json:"reply,omitempty"`
}

type reply struct {
	To string `json:"in_reply_to_tweet_id"`
}

var idForm = regexp.MustCompile(`^[0-9]{1,19}$`)

// Send implements [channels.Sender]. The address is the handle of a configured account.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	a, err := s.accounts.Of(m.Address)
	if err != nil {
		return channels.Ack{}, err
	}
	r := request{Text: social.X().Fit(m.Text, maxWeight)}
	if idForm.MatchString(m.Thread) {
		r.Reply = &reply{m.Thread}
	}
	answer, err := s.post(ctx, a, r)
	if err == nil && r.Reply != nil && says(answer, nothingToReplyTo) { // and so nothing was posted
		r.Reply = nil
		answer, err = s.post(ctx, a, r)
	}
	if err != nil {
		return channels.Ack{}, err
	}
	if says(answer, duplicate) {
		return s.alreadyThere(ctx, a, r.Text)
	}
	return readAck(answer)
}

func (s *sender) post(ctx context.Context, a *account, r request) (channels.Answer, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return channels.Answer{}, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	return s.call(ctx, a, http.MethodPost, "/2/tweets", nil, body)
}

// call makes a signed request.
func (s *sender) call(ctx context.Context, a *account, method, path string, query url.Values, body []byte) (channels.Answer, error) {
	header := http.Header{"Authorization": {a.keys.sign(method, s.base+path, query, newNonce(), time.Now())}}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return s.api.Call(ctx, method, path, header, body)
}

// alreadyThere finds the post that X says is there, with the same text. If it can't be looked for, it may
// be there; if it isn't among the account's posts, the text is one that X doesn't take.
func (s *sender) alreadyThere(ctx context.Context, a *account, text string) (channels.Ack, error) {
	id, err := s.find(ctx, a, search{text: text, after: time.Now().Add(-duplicateFor)})
	switch {
	case err != nil:
		return channels.Ack{}, &channels.Error{Class: channels.Unknown, Code: "403 duplicate", Err: err}
	case id == "":
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "403 duplicate"}
	}
	return channels.Ack{ID: id, Proof: channels.Delivered}, nil
}

// duplicateFor is for how long X may remember a text; it doesn't say.
const duplicateFor = 24 * time.Hour

// Probe implements [channels.Prober] with users/me for every account.
func (s *sender) Probe(ctx context.Context) error {
	for _, a := range s.accounts {
		if _, err := s.askUserID(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
