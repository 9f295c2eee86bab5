package sms

import (
	"fmt"
	"strings"
	"testing"
)

func TestCallbackKey(t *testing.T) {
	k := CallbackKey("a secret of ours")
	key := k.Of("0192-1-1-mac")
	if !k.Proves("0192-1-1-mac", key) || len(key) != 32 {
		t.Errorf("key %q doesn't prove its own attempt", key)
	}
	for name, given := range map[string][2]string{
		"another attempt": {"0192-1-2-mac", key},
		"no attempt":      {"", k.Of("")},
		"no key":          {"0192-1-1-mac", ""},
		"part of the key": {"0192-1-1-mac", key[:31]},
		"upper case":      {"0192-1-1-mac", strings.ToUpper(key) + "0"},
		"another secret":  {"0192-1-1-mac", CallbackKey("another").Of("0192-1-1-mac")},
	} {
		if k.Proves(given[0], given[1]) {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestCallbackKeyExample is computed with: printf 'callback r' | openssl dgst -sha256 -hmac s.
func TestCallbackKeyExample(t *testing.T) {
	if got := CallbackKey("s").Of("r"); got != "14e3775b5f9c995e3c3141fce2322d15" {
		t.Errorf("key %s", got)
	}
}

func TestCallbackKeyDoesNotPrint(t *testing.T) {
	if s := fmt.Sprintf("%v %+v %#v %s", CallbackKey("hush"), CallbackKey("hush"), CallbackKey("hush"), CallbackKey("hush")); strings.Contains(s, "hush") {
		t.Errorf("printed as %s", s)
	}
}
