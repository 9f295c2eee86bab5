package social

import (
	"errors"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestAccounts(t *testing.T) {
	all, err := NewAccounts(map[string]channels.Secret{"@Bank": "one", "bank@b.example": "two"}, CheckToken)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"bank": "one", "@BANK": "one", "bank@B.example": "two"} {
		if token, err := all.Of(address); err != nil || token.Reveal() != want {
			t.Errorf("%s: %q, %v; want %q", address, token.Reveal(), err, want)
		}
	}
	if _, err := all.Of("other"); channels.AsError(err).Class != channels.InvalidAddress {
		t.Errorf("an account that isn't there: %v", err)
	}
	for _, bad := range []map[string]channels.Secret{nil, {"a": ""}, {"a": "b c"}, {"a": "x", "A": "y"}, {"@": "x"}} {
		if _, err := NewAccounts(bad, CheckToken); err == nil || !strings.HasPrefix(err.Error(), "accounts: ") {
			t.Errorf("%d accounts: error %v, want one that names accounts", len(bad), err)
		}
	}
}

func TestNothingSent(t *testing.T) {
	for class, want := range map[channels.Class]channels.Class{
		channels.Unknown: channels.Unavailable, channels.Auth: channels.Auth, channels.RateLimited: channels.RateLimited,
	} {
		given := &channels.Error{Class: class, Code: "c"}
		if e := channels.AsError(NothingSent(given)); e.Class != want || e.Code != "c" || given.Class != class {
			t.Errorf("%v becomes %v", given, e)
		}
	}
	if e := channels.AsError(NothingSent(errors.New("?"))); e.Class != channels.Unavailable {
		t.Errorf("another error becomes %v", e)
	}
}
