package mastodon

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// Config is the adapter's configuration.
type Config struct {
	// BaseURL is the instance.
	BaseURL string `yaml:"base_url"`
	// Accounts are access tokens by the handle of their account ("outages"), each with the scopes
	// write:statuses and read:accounts. Several accounts may speak several languages.
	Accounts map[string]channels.Secret `yaml:"accounts"`
	// Visibility of posts: public, unlisted (not in public timelines) or private (for followers).
	Visibility string `yaml:"visibility"`
	// MaxCharacters is the instance's limit for a post, 500 unless its operators changed it.
	MaxCharacters int `yaml:"max_characters"`
}

// check returns the tokens by handle as addresses are looked up.
func (c Config) check() (map[string]channels.Secret, error) {
	switch {
	case c.BaseURL == "":
		return nil, errors.New("base_url: missing, want the instance's URL")
	case len(c.Accounts) == 0:
		return nil, errors.New("accounts: missing, want at least one handle with its access token")
	case !slices.Contains([]string{"public", "unlisted", "private"}, c.Visibility):
		return nil, fmt.Errorf("visibility: %q, want public, unlisted or private", c.Visibility)
	case c.MaxCharacters < 1:
		return nil, fmt.Errorf("max_characters: %d, want 1 or more", c.MaxCharacters)
	}
	tokens := make(map[string]channels.Secret, len(c.Accounts))
	for name, token := range c.Accounts {
		if token == "" || strings.ContainsAny(token.Reveal(), " \r\n\t") {
			return nil, fmt.Errorf("accounts: %s has no usable access token", name)
		}
		if _, twice := tokens[handle(name)]; twice || handle(name) == "" {
			return nil, fmt.Errorf("accounts: %q is no handle, or there twice", name)
		}
		tokens[handle(name)] = token
	}
	return tokens, nil
}

// handle is how an account is looked up: without a leading "@", and in lower case. A host after it
// remains: "a@one.example" and "a@two.example" are two accounts.
func handle(account string) string {
	return strings.ToLower(strings.TrimPrefix(account, "@"))
}
