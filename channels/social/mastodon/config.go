package mastodon

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// Config is the adapter's configuration.
type Config struct {
	// BaseURL is the instance.
	BaseURL string `yaml:"base_url"`
	// Accounts are access tokens by the handle of their account ("outages"), each with the scopes
	// write:statuses, read:accounts and read:statuses. Several accounts may speak several languages.
	Accounts map[string]channels.Secret `yaml:"accounts"`
	// Visibility of posts: public, unlisted (not in public timelines) or private (for followers).
	Visibility string `yaml:"visibility"`
	// MaxCharacters is the instance's limit for a post, 500 unless its operators changed it.
	MaxCharacters int `yaml:"max_characters"`
}

// check returns the tokens of the accounts.
func (c Config) check() (social.Accounts[channels.Secret], error) {
	switch {
	case c.BaseURL == "":
		return nil, errors.New("base_url: missing, want the instance's URL")
	case !slices.Contains([]string{"public", "unlisted", "private"}, c.Visibility):
		return nil, fmt.Errorf("visibility: %q, want public, unlisted or private", c.Visibility)
	case c.MaxCharacters < 1:
		return nil, fmt.Errorf("max_characters: %d, want 1 or more", c.MaxCharacters)
	}
	return social.NewAccounts(c.Accounts, social.CheckToken)
}
