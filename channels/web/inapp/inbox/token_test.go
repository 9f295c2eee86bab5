package inbox

import (
	"strings"
	"testing"
	"time"
)

const testSecret = "secret-secret-secret-secret-secret-secret"

// TestToken: a token made by the documented recipe with other tools (Python's hmac and base64) is taken.
func TestToken(t *testing.T) {
	end := time.Unix(1800000000, 0)
	const elsewhere = "Y2xpZW50IDQyL8O8.1800000000.oUw2gYmY5S74je1X1MF_cQprkXIIq8QHe-QSTvEuBjU"
	if got := Token(testSecret, "client 42/ü", end); got != elsewhere {
		t.Errorf("Token = %s, want %s", got, elsewhere)
	}
	if who, ok := customerOf(testSecret, elsewhere, end.Add(-time.Hour)); !ok || who != "client 42/ü" {
		t.Errorf("customer %q, %v", who, ok)
	}
}

func TestTokensRefused(t *testing.T) {
	now := time.Unix(1800000000, 0)
	good := Token(testSecret, "c1", now.Add(time.Hour))
	other := strings.Split(Token(testSecret, "c2", now.Add(time.Hour)), ".")
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"none":                  "",
		"no signature":          parts[0] + "." + parts[1],
		"an empty signature":    parts[0] + "." + parts[1] + ".",
		"another customer":      other[0] + "." + parts[1] + "." + parts[2],
		"a later end":           parts[0] + ".1900000000." + parts[2],
		"another secret":        Token("another-another-another-another-another", "c1", now.Add(time.Hour)),
		"over":                  Token(testSecret, "c1", now.Add(-time.Second)),
		"over just now":         Token(testSecret, "c1", now),
		"longer than is wise":   Token(testSecret, "c1", now.Add(31*24*time.Hour)),
		"nobody":                Token(testSecret, "", now.Add(time.Hour)),
		"a signature and more":  good + "AA",
		"a shortened signature": good[:len(good)-4],
	} {
		if who, ok := customerOf(testSecret, token, now); ok {
			t.Errorf("%s: taken as %q", name, who)
		}
	}
	if who, ok := customerOf(testSecret, good, now); !ok || who != "c1" {
		t.Errorf("the good one: %q, %v", who, ok)
	}
}

// FuzzCustomerOf: nobody gets in without the secret.
func FuzzCustomerOf(f *testing.F) {
	now := time.Unix(1800000000, 0)
	f.Add("")
	f.Add("YzE.1800003600.AAAA")
	f.Add(Token("another-another-another-another-another", "c1", now.Add(time.Hour)))
	f.Fuzz(func(t *testing.T, token string) {
		if who, ok := customerOf(testSecret, token, now); ok {
			t.Errorf("%q is taken as %q", token, who)
		}
	})
}
