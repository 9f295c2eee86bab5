// Package vk posts on the walls of VK communities.
//
// The recipient of a public post is the community on whose wall it appears, so a message's address is the
// id of one of the communities that the configuration has an access key for. Once VK has answered with the
// post's id the post is there to be read, so the answer itself proves Delivered.
//
// Every update is a post of its own: walls have no threads, and a comment under the first post would reach
// none of those who follow the community.
//
// A post that was sent before is recognised by its guid, for an hour. A community's key can't read the wall,
// so VK can't be asked what became of a post whose answer was lost.
//
// A post of any age can be taken back, but not with a community's key: VK lets only users delete, with a key
// that has the right to the wall (wall), of somebody who manages the community. Such a key posts as well.
//
// Wire format follows https://dev.vk.com/ru/method/wall.post, …/method/wall.delete,
// https://dev.vk.com/ru/api/api-requests and https://dev.vk.com/ru/reference/errors.
package vk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

const (
	// apiVersion is the version of the API that the adapter speaks.
	apiVersion = "5.199"
	// maxCharacters is how long a post may be.
	maxCharacters = 15895
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "vk",
		Title:        "VK",
		Kind:         channels.Social,
		Channel:      "vk",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:      channels.SilenceIsFailure,
		Idempotent:   true,
		RecallWithin: channels.Always,
		// https://dev.vk.com/ru/api/api-requests: 20 requests a second with a community's key; posts that
		// follow each other fast are refused as a flood well before, and beyond 50 a day.
		Limits:  channels.Limits{PerSecond: 1, Concurrency: 2, Timeout: 30 * time.Second},
		Docs:    "https://dev.vk.com/ru/method/wall.post",
		Example: "accounts:\n  \"123456789\": vk1.a.example-0123456789abcdef # a key of a user who manages it; the community's own can't take posts back\n",
		New:     newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	BaseURL string `yaml:"base_url"`
	// Accounts are access keys by the id of their community, each with the right to its wall: the key of a
	// user who manages the community, or the community's own, with which posts can't be taken back. Several
	// communities may speak several languages.
	Accounts map[string]channels.Secret `yaml:"accounts"`
}

var idForm = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

type sender struct {
	api    *channels.API
	tokens social.Accounts[channels.Secret]
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{BaseURL: "https://api.vk.com"}
	if err := decode(&c); err != nil {
		return nil, err
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	tokens, err := social.NewAccounts(c.Accounts, social.CheckToken)
	if err != nil {
		return nil, err
	}
	for id := range tokens {
		if !idForm.MatchString(id) {
			return nil, errors.New("accounts: want the ids of communities, which are numbers")
		}
	}
	return &sender{api: api, tokens: tokens}, nil
}

// Send implements [channels.Sender]. The address is the id of a configured community.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	token, err := s.tokens.Of(m.Address)
	if err != nil {
		return channels.Ack{}, err
	}
	community := social.Handle(m.Address)
	answer, err := s.call(ctx, token, "wall.post", url.Values{
		"owner_id": {"-" + community}, // communities' walls have negative numbers
		"message":  {social.VK().Fit(m.Text, maxCharacters)}, "from_group": {"1"}, "guid": {m.Ref},
	})
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(answer, community)
}

func (s *sender) call(ctx context.Context, token channels.Secret, method string, params url.Values) (channels.Answer, error) {
	params.Set("v", apiVersion)
	header := http.Header{"Authorization": {"Bearer " + token.Reveal()}, "Content-Type": {"application/x-www-form-urlencoded"}}
	return s.api.Call(ctx, http.MethodPost, "/method/"+method, header, []byte(params.Encode()))
}

// Probe implements [channels.Prober] with groups.getById for every community.
func (s *sender) Probe(ctx context.Context) error {
	for id, token := range s.tokens {
		answer, err := s.call(ctx, token, "groups.getById", url.Values{"group_id": {id}})
		if err != nil {
			return err
		}
		if !answered(answer) {
			return refusal(answer)
		}
	}
	return nil
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
