// Package twilio is what the adapters of Twilio's products share: the account, calls of its API, the meaning
// of its error codes, and the signature of its webhooks.
//
// It follows Twilio's pages "Twilio API requests" (https://www.twilio.com/docs/usage/requests-to-twilio),
// "Twilio's response" (https://www.twilio.com/docs/usage/twilios-response), "Secure webhooks"
// (https://www.twilio.com/docs/usage/webhooks/webhooks-security) and the error dictionary
// (https://www.twilio.com/docs/api/errors).
package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/twilio/twilio-go/client"

	"github.com/tocsin-dev/tocsin/channels"
)

const defaultBaseURL = "https://api.twilio.com"

// Config is the part of an adapter's configuration that says which account is used. Adapters inline it.
type Config struct {
	AccountSID string          `yaml:"account_sid"`
	AuthToken  channels.Secret `yaml:"auth_token"`
	// BaseURL is where the API is: a region of Twilio's, or the sandbox.
	BaseURL string `yaml:"base_url"`
}

func (c *Config) check() error {
	switch {
	case !IsSID("AC", c.AccountSID):
		return errors.New("account_sid: want AC and 32 hexadecimal digits, as the Twilio console shows it")
	case c.AuthToken == "":
		return errors.New("auth_token: required")
	}
	if c.BaseURL == "" {
		c.BaseURL = defaultBaseURL
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" {
		return fmt.Errorf("base_url: want an URL like %s", defaultBaseURL)
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	return nil
}

// IsSID reports whether s is a Twilio identifier with the prefix given.
func IsSID(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && len(rest) == 32 && strings.Trim(rest, "0123456789abcdefABCDEF") == ""
}

// Account is an account of Twilio's. It is immutable, and so safe for concurrent use.
type Account struct {
	Config
	http      *http.Client
	userAgent string
	validator client.RequestValidator
}

// NewAccount returns the account of a configuration; an error names the key.
func NewAccount(c Config, env channels.Env) (*Account, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return &Account{Config: c, http: env.HTTP, userAgent: env.UserAgent, validator: client.NewRequestValidator(c.AuthToken.Reveal())}, nil
}

// Probe fetches the account, which needs the same credentials as everything else. Its error is an
// *Error.
func (a *Account) Probe(ctx context.Context) error {
	account, err := a.Service(ctx).FetchAccount(a.AccountSID)
	if err != nil {
		return AsError(err)
	}
	if account.Status != nil && *account.Status != "active" {
		return &channels.Error{Class: channels.Auth, Code: "account_" + *account.Status}
	}
	return nil
}
