package push

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// split returns a token's header and claims as JSON, the digest that was signed, and the signature.
func split(t *testing.T, token string) (head, claims string, digest, signature []byte) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return string(raw[0]), string(raw[1]), sum[:], raw[2]
}

func TestSignES256(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 { // among so many some r or s begins with a zero
		token, err := SignES256(key, Header{KeyID: "K"}, map[string]int{"iat": 1})
		if err != nil {
			t.Fatal(err)
		}
		head, claims, digest, s := split(t, token)
		if head != `{"alg":"ES256","kid":"K"}` || claims != `{"iat":1}` {
			t.Fatalf("%s %s", head, claims)
		}
		if len(s) != 64 || !ecdsa.Verify(&key.PublicKey, digest, new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:])) {
			t.Fatalf("a signature of %d bytes that doesn't verify", len(s))
		}
	}
}

func TestSignRS256(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	token, err := SignRS256(key, Header{Type: "JWT"}, map[string]int{"iat": 1})
	if err != nil {
		t.Fatal(err)
	}
	head, _, digest, s := split(t, token)
	if head != `{"typ":"JWT","alg":"RS256"}` || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest, s) != nil {
		t.Errorf("header %s, or a signature that doesn't verify", head)
	}
}

func TestPrivateKey(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	written := channels.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	read, err := PrivateKey[*ecdsa.PrivateKey](written)
	if err != nil || !read.Equal(key) {
		t.Errorf("another key, error %v", err)
	}
	if _, err := PrivateKey[*rsa.PrivateKey](written); err == nil {
		t.Error("a key of another sort is taken")
	}
	for _, bad := range []channels.Secret{"", "geheim-secret", "-----BEGIN PRIVATE KEY-----\nZ2VoZWlt\n-----END PRIVATE KEY-----\n"} {
		if _, err := PrivateKey[*ecdsa.PrivateKey](bad); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("error %v", err)
		}
	}
}

func TestTTL(t *testing.T) {
	for useful, want := range map[time.Duration]int{
		0: 3600, -1: 3600, 1: 1, time.Second: 1, time.Second + 1: 2, time.Minute: 60, time.Hour: 3600, 48 * time.Hour: 3600,
	} {
		if got := TTL(useful, time.Hour); got != want {
			t.Errorf("TTL(%v) = %d, want %d", useful, got, want)
		}
	}
}
