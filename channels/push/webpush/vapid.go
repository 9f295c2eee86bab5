package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/push"
)

const (
	// A token may be valid for 24 hours at most (RFC 8292, section 2); half of it leaves room for clocks.
	tokenLife = 12 * time.Hour
	// renewBefore is how long before its end a token is no longer used.
	renewBefore = time.Hour
	// maxTokens bounds the tokens that are kept: browsers use a handful of services, but the origins come
	// from outside.
	maxTokens = 256
)

// vapid says who we are to each push service: with a token that is signed for its origin, and kept for
// hours, since a signature costs as much as the rest of a message.
type vapid struct {
	key     *ecdsa.PrivateKey
	public  string // base64url of the uncompressed point
	contact string

	mu     sync.Mutex
	tokens map[string]token // by origin
}

type token struct {
	authorization string
	renewAt       time.Time
}

// claims of a token (RFC 8292, section 2).
type claims struct {
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	Subject  string `json:"sub"`
}

func newVAPID(private channels.Secret, contact string) (*vapid, error) {
	if private == "" {
		return nil, errors.New("vapid_private_key: missing")
	}
	raw, err := base64.RawURLEncoding.DecodeString(unpadded(private.Reveal()))
	if err != nil {
		return nil, errors.New("vapid_private_key: not base64url")
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return nil, errors.New("vapid_private_key: no private key of P-256, want 32 bytes in base64url")
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, errors.New("vapid_private_key: has no public half")
	}
	return &vapid{
		key: key, public: base64.RawURLEncoding.EncodeToString(public), contact: contact, tokens: map[string]token{},
	}, nil
}

// authorization is the Authorization header for a push service (RFC 8292, section 3).
func (v *vapid) authorization(origin string) (string, error) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if t, ok := v.tokens[origin]; ok && now.Before(t.renewAt) {
		return t.authorization, nil
	}
	expires := now.Add(tokenLife)
	signed, err := push.SignES256(v.key, push.Header{Type: "JWT"}, claims{origin, expires.Unix(), v.contact})
	if err != nil {
		return "", err
	}
	if len(v.tokens) >= maxTokens {
		clear(v.tokens)
	}
	t := token{"vapid t=" + signed + ", k=" + v.public, expires.Add(-renewBefore)}
	v.tokens[origin] = t
	return t.authorization, nil
}
