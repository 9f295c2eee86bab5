package social

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// Accounts are the credentials of the accounts on which posts may appear, by handle. A message's address
// is the handle of one of them: a post for any other is refused before it can appear in the wrong place.
type Accounts[T any] map[string]T

// NewAccounts checks the accounts of a configuration. Its errors name the key accounts.
func NewAccounts[T any](given map[string]T, check func(T) error) (Accounts[T], error) {
	if len(given) == 0 {
		return nil, errors.New("accounts: missing, want at least one handle with its credentials")
	}
	all := make(Accounts[T], len(given))
	for name, credentials := range given {
		if err := check(credentials); err != nil {
			return nil, fmt.Errorf("accounts: %s: %w", name, err)
		}
		if _, twice := all[Handle(name)]; twice || Handle(name) == "" {
			return nil, fmt.Errorf("accounts: %q is no handle, or there twice", name)
		}
		all[Handle(name)] = credentials
	}
	return all, nil
}

// Of returns the credentials of the account with an address, or an *Error of class InvalidAddress.
func (a Accounts[T]) Of(address string) (T, error) {
	credentials, ok := a[Handle(address)]
	if !ok {
		return credentials, &channels.Error{
			Class: channels.InvalidAddress, Code: "no_such_account", Err: errors.New("not among the accounts configured"),
		}
	}
	return credentials, nil
}

// Any returns the credentials of one of the accounts, for what any of them may ask.
func (a Accounts[T]) Any() T {
	for _, credentials := range a {
		return credentials
	}
	var none T
	return none
}

// Handle is how an account is looked up: without a leading "@", and in lower case. A host after it
// remains: "a@one.example" and "a@two.example" are two accounts.
func Handle(account string) string { return strings.ToLower(strings.TrimPrefix(account, "@")) }

// CheckToken checks that a secret can stand in a header.
func CheckToken(token channels.Secret) error {
	if token == "" || strings.ContainsAny(token.Reveal(), " \r\n\t") {
		return errors.New("no usable token")
	}
	return nil
}

// NothingSent classifies the failure of a request that comes before the post itself, such as a log-in:
// whatever became of it, nothing was posted.
func NothingSent(err error) error {
	e := *channels.AsError(err)
	if e.Class == channels.Unknown {
		e.Class = channels.Unavailable
	}
	return &e
}
