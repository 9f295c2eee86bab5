package standard

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// key signs what is signed of a webhook, and says by which scheme.
type key interface {
	sign(content []byte) (scheme string, signature []byte)
}

// secretKey is symmetric: HMAC-SHA256.
type secretKey []byte

func (k secretKey) sign(content []byte) (string, []byte) {
	mac := hmac.New(sha256.New, k)
	mac.Write(content)
	return "v1", mac.Sum(nil)
}

// privateKey is asymmetric: Ed25519.
type privateKey ed25519.PrivateKey

func (k privateKey) sign(content []byte) (string, []byte) {
	return "v1a", ed25519.Sign(ed25519.PrivateKey(k), content)
}

// sign makes the value of webhook-signature: one signature by each key, over id, time and body.
func sign(keys []key, id, timestamp string, body []byte) string {
	content := append([]byte(id+"."+timestamp+"."), body...)
	all := make([]string, len(keys))
	for i, k := range keys {
		scheme, signature := k.sign(content)
		all[i] = scheme + "," + base64.StdEncoding.EncodeToString(signature)
	}
	return strings.Join(all, " ")
}

func parseKeys(in []channels.Secret) ([]key, error) {
	keys := make([]key, len(in))
	for i, s := range in {
		var err error
		if keys[i], err = parseKey(s.Reveal()); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// parseKey reads a secret in the standard's serialization. Its errors don't repeat it.
func parseKey(s string) (key, error) {
	if rest, ok := strings.CutPrefix(s, "whsec_"); ok {
		raw, err := base64.StdEncoding.DecodeString(rest)
		if err != nil || len(raw) < 24 || len(raw) > 64 {
			return nil, errors.New("whsec_ wants 24 to 64 bytes in base64 after it")
		}
		return secretKey(raw), nil
	}
	if rest, ok := strings.CutPrefix(s, "whsk_"); ok {
		raw, err := base64.StdEncoding.DecodeString(rest)
		switch {
		case err == nil && len(raw) == ed25519.SeedSize:
			return privateKey(ed25519.NewKeyFromSeed(raw)), nil
		case err == nil && len(raw) == ed25519.PrivateKeySize:
			return privateKey(raw), nil
		}
		return nil, errors.New("whsk_ wants an Ed25519 private key in base64 after it")
	}
	return nil, errors.New("want a secret that begins with whsec_ or whsk_")
}
