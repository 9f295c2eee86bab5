package sandbox_test

import (
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// Numbers are all different, from the first to the last of the four million, and those looked at are
// valid mobile numbers without a network.
func TestFakePhone(t *testing.T) {
	const all, part = 4_000_000, 200_000
	seen := make([]bool, all)
	for k := range 2 * part {
		i := k
		if k >= part {
			i = all - 1 - (k - part)
		}
		s := sandbox.FakePhone(i, 42)
		n := number(t, s)
		if seen[n] {
			t.Fatalf("%s occurs twice", s)
		}
		seen[n] = true
		if k%10_000 == 0 {
			checkFakePhone(t, s)
		}
	}
	if s := sandbox.FakePhone(all, 42); s != "" {
		t.Errorf("past the last one: %q", s)
	}
}

// number is the number's place among the made-up ones.
func number(t *testing.T, s string) int {
	t.Helper()
	n := 0
	for _, c := range strings.TrimPrefix(s, "+373") {
		n = 10*n + int(c-'0')
	}
	if n < 63_000_000 || n > 66_999_999 {
		t.Fatalf("%s is outside the range", s)
	}
	return n - 63_000_000
}

func checkFakePhone(t *testing.T, s string) {
	t.Helper()
	n, err := phonenumbers.Parse(s, "")
	if err != nil || !phonenumbers.IsValidNumber(n) || phonenumbers.GetNumberType(n) != phonenumbers.MOBILE {
		t.Errorf("%s is not a valid mobile number: %v", s, err)
	}
	if carrier, err := phonenumbers.GetCarrierForNumber(n, "en"); carrier != "" || err != nil {
		t.Errorf("%s belongs to %q, %v", s, carrier, err)
	}
}

func TestFakeUserID(t *testing.T) {
	if s := sandbox.FakeUserID(1, 2); len(s) != 24 || !strings.HasSuffix(s, "=") {
		t.Errorf("got %q", s)
	}
}

func TestFakeToken(t *testing.T) {
	a, b := sandbox.FakeToken(1, 2), sandbox.FakeToken(2, 2)
	if len(a) != 64 || strings.Trim(a, "0123456789abcdef") != "" || a == b || a == sandbox.FakeToken(1, 3) {
		t.Errorf("got %q, and %q for the next", a, b)
	}
}
