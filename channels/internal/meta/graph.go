// Package meta is what the adapters of Meta's products share: calls to the Graph API and the errors that
// it answers with, and the handshake and the signature of its webhooks.
//
// It follows https://developers.facebook.com/docs/graph-api/guides/ (secure requests, error handling),
// https://developers.facebook.com/docs/graph-api/overview/rate-limiting and
// https://developers.facebook.com/docs/graph-api/webhooks/getting-started.
package meta

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"

	"github.com/tocsin-dev/tocsin/channels"
)

// Account is the part of an adapter's configuration that says how the Graph API is reached.
type Account struct {
	// AccessToken is the token with which messages are sent.
	AccessToken channels.Secret `yaml:"access_token"`
	// AppSecret is the app's secret: webhooks are signed with it, and calls carry a proof of it.
	AppSecret channels.Secret `yaml:"app_secret"`
	// VerifyToken is what Meta shows when it tests the webhook. It is needed only where the webhook is
	// set up by hand, in the App Dashboard; else one is made of the app's secret.
	VerifyToken channels.Secret `yaml:"verify_token"`
	// Version is the Graph API's version.
	Version string `yaml:"graph_version"`
	// BaseURL is where the Graph API is, for the sandbox.
	BaseURL string `yaml:"base_url"`
}

// DefaultAccount returns what holds where the configuration says nothing.
func DefaultAccount() Account {
	return Account{Version: "v25.0", BaseURL: "https://graph.facebook.com"}
}

var versionForm = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]$`)

// Check says what is wrong with the account, nil if nothing.
func (a *Account) Check() error {
	switch {
	case a.AccessToken == "":
		return errors.New("access_token: missing")
	case a.AppSecret == "":
		return errors.New("app_secret: missing; without it nobody could tell Meta's calls from others'")
	case !versionForm.MatchString(a.Version):
		return errors.New(`graph_version: want a version of the Graph API, as in "v25.0"`)
	}
	return nil
}

// Webhook returns the account's side of the webhook.
func (a *Account) Webhook() Webhook {
	w := Webhook{secret: a.AppSecret, token: a.VerifyToken}
	if w.token == "" {
		w.token = channels.Secret(sum(a.AppSecret, []byte("verify token")))
	}
	return w
}

// Graph is the Graph API as one account calls it. It is safe for concurrent use.
type Graph struct {
	api    *channels.API
	prefix string
	token  channels.Secret
	secret channels.Secret
}

// NewGraph returns the API of an account that was checked.
func NewGraph(a *Account, env channels.Env) (*Graph, error) {
	api, err := channels.NewAPI(a.BaseURL, env)
	if err != nil {
		return nil, err
	}
	return &Graph{api: api, prefix: "/" + a.Version, token: a.AccessToken, secret: a.AppSecret}, nil
}

// As returns the same API with another token.
func (g *Graph) As(token channels.Secret) *Graph {
	other := *g
	other.token = token
	return &other
}

// Post calls path, which begins with a slash and has no query, with v as its JSON body. Its error is
// an [*channels.Error]; an answer of any status is none.
func (g *Graph) Post(ctx context.Context, path string, v any) (channels.Answer, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return channels.Answer{}, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	header := g.header()
	header.Set("Content-Type", "application/json")
	return g.api.Call(ctx, http.MethodPost, g.path(path, url.Values{}), header, body)
}

// Get asks for the fields of path, which begins with a slash and has no query.
func (g *Graph) Get(ctx context.Context, path, fields string) (channels.Answer, error) {
	return g.api.Call(ctx, http.MethodGet, g.path(path, url.Values{"fields": {fields}}), g.header(), nil)
}

func (g *Graph) header() http.Header {
	return http.Header{"Authorization": {"Bearer " + g.token.Reveal()}}
}

// path adds the version, and the proof that whoever holds the token holds the app's secret, too, so
// that a token that leaked is of no use by itself ("Secure Graph API calls", appsecret_proof).
func (g *Graph) path(path string, query url.Values) string {
	query.Set("appsecret_proof", sum(g.secret, []byte(g.token.Reveal())))
	return g.prefix + path + "?" + query.Encode()
}

// sum is the HMAC-SHA256 of b under the key, in hex.
func sum(key channels.Secret, b []byte) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(b)
	return hex.EncodeToString(mac.Sum(nil))
}
