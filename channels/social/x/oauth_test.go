package x

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestSignature is the example of
// https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature.
func TestSignature(t *testing.T) {
	k := keys{
		"xvz1evFS4wEEPTGEFPHBog", "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
		"370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
	}
	const nonce = "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"
	params := url.Values{"status": {"Hello Ladies + Gentlemen, a signed OAuth request!"}, "include_entities": {"true"}}
	got := k.sign("POST", "https://api.twitter.com/1.1/statuses/update.json", params, nonce, time.Unix(1318622958, 0))
	want := `OAuth oauth_consumer_key="xvz1evFS4wEEPTGEFPHBog", oauth_nonce="kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", ` +
		`oauth_signature="hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D", oauth_signature_method="HMAC-SHA1", oauth_timestamp="1318622958", ` +
		`oauth_token="370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", oauth_version="1.0"`
	if got != want {
		t.Errorf("header\n%s, want\n%s", got, want)
	}
}

// TestEscape has the examples of
// https://docs.x.com/fundamentals/authentication/oauth-1-0a/percent-encoding-parameters.
func TestEscape(t *testing.T) {
	for s, want := range map[string]string{
		"Ladies + Gentlemen": "Ladies%20%2B%20Gentlemen", "An encoded string!": "An%20encoded%20string%21",
		"Dogs, Cats & Mice": "Dogs%2C%20Cats%20%26%20Mice", "☃": "%E2%98%83", "-._~*": "-._~%2A",
	} {
		if got := escape(s); got != want {
			t.Errorf("escape(%q) = %s, want %s", s, got, want)
		}
	}
}

func TestNoncesDiffer(t *testing.T) {
	if a, b := newNonce(), newNonce(); a == b || strings.ContainsAny(a+b, " +/=") {
		t.Errorf("nonces %q and %q", a, b)
	}
}
