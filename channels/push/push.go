// Package push is what the adapters of push services share: the signed tokens (RFC 7519) by which all
// of them know a sender, and how long a notification is kept for a device that is off.
package push

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Header is the JOSE header of a token (RFC 7515, section 4.1).
type Header struct {
	Type  string `json:"typ,omitempty"`
	Alg   string `json:"alg"`
	KeyID string `json:"kid,omitempty"`
}

// SignES256 makes a token of claims, signed with ECDSA over P-256 (RFC 7518, section 3.4). It sets
// the header's algorithm.
func SignES256(key *ecdsa.PrivateKey, h Header, claims any) (string, error) {
	h.Alg = "ES256"
	return sign(h, claims, func(digest []byte) ([]byte, error) {
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			return nil, err
		}
		var both [64]byte
		r.FillBytes(both[:32])
		s.FillBytes(both[32:])
		return both[:], nil
	})
}

// SignRS256 makes a token of claims, signed with RSASSA-PKCS1-v1_5 (RFC 7518, section 3.3).
func SignRS256(key *rsa.PrivateKey, h Header, claims any) (string, error) {
	h.Alg = "RS256"
	return sign(h, claims, func(digest []byte) ([]byte, error) {
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest)
	})
}

// sign serializes a token in the compact form (RFC 7515, section 7.1).
func sign(h Header, claims any, signature func(digest []byte) ([]byte, error)) (string, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(input))
	s, err := signature(digest[:])
	if err != nil {
		return "", err
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(s), nil
}

// PrivateKey reads a private key of the type wanted from PEM with PKCS #8 in it, as Apple and Google
// hand theirs out. Its error doesn't repeat it.
func PrivateKey[K *ecdsa.PrivateKey | *rsa.PrivateKey](in channels.Secret) (K, error) {
	block, _ := pem.Decode([]byte(in.Reveal()))
	if block == nil {
		return nil, errors.New(`no PEM block ("-----BEGIN PRIVATE KEY-----")`)
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("no private key in PKCS #8")
	}
	key, ok := any.(K)
	if !ok {
		return nil, fmt.Errorf("a key of another sort, %T", any)
	}
	return key, nil
}

// TTL is how many seconds a push service is to keep a message: as long as the news is useful, at least
// one second, since 0 would have it dropped where the device isn't connected at this moment, and at
// most the service's longest. Useful for 0, without limit, is the longest.
func TTL(usefulFor, longest time.Duration) int {
	if usefulFor <= 0 || usefulFor > longest {
		usefulFor = longest
	}
	return int((usefulFor + time.Second - 1) / time.Second)
}

// TooLong is the error for a notification that is larger than its service takes, before anything is
// sent.
func TooLong(size, limit int) *channels.Error {
	return &channels.Error{
		Class: channels.Rejected,
		Code:  "too_long",
		Err:   fmt.Errorf("%d bytes, at most %d are taken", size, limit),
	}
}
